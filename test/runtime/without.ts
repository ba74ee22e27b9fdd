/** Runs a model in a process that can't have koffi, or executable memory; prints which backend 'auto' takes, and why. */
import { register } from 'node:module';
import { messageOf } from '../../src/base/errors.ts';
import { normalInput, smallModel } from '../support/small-models.ts';

const hooks = `export function resolve(name, context, next) {
  if (name === 'koffi') throw new Error("Cannot find package 'koffi'");
  return next(name, context);
}`;

/** What systemd's MemoryDenyWriteExecute does: the kernel refuses to make memory executable that was not. */
async function denyExecution(): Promise<void> {
  const PR_SET_MDWE = 65;
  const { default: koffi } = await import('koffi');
  const prctl = koffi.load(null).func('prctl', 'int', ['int', 'ulong', 'ulong', 'ulong', 'ulong']);
  // Before Linux 6.3 there is no such thing.
  if (prctl(PR_SET_MDWE, 1, 0, 0, 0) !== 0) console.error('this kernel does not refuse');
}

if (process.argv[2] === 'koffi') register(`data:text/javascript,${encodeURIComponent(hooks)}`);
const { compile } = await import('../../src/runtime/session.ts');
if (process.argv[2] === 'executable memory') await denyExecution();
const model = smallModel([null, 8, 8, 3], ({ input, conv }) => conv('conv', input, [3, 16]));
using session = await compile(model);
await session.run({ x: normalInput([2, 8, 8, 3]) });
const explicit = await compile(model, { backend: 'native' }).then(() => 'opened', messageOf);
const { backend, fallbacks } = session;
console.log(JSON.stringify({ backend, reasons: fallbacks.map(({ reason }) => reason), explicit }));
