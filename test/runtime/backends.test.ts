import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { compile } from '../../src/runtime/session.ts';
import { hasHost, requireHost } from '../support/native-host.ts';
import { normalInput, smallModel } from '../support/small-models.ts';

const model = smallModel([null, 8, 8, 3], ({ input, conv }) => conv('conv', input, [3, 16]));
const feeds = { x: normalInput([2, 8, 8, 3]) };

afterEach(() => vi.unstubAllEnvs());

describe.skipIf(!hasHost)("what 'auto' takes", () => {
  it('each instruction set of this machine, with the same results', async () => {
    const { isas } = await requireHost();
    using reference = await compile(model, { backend: 'reference' });
    const wanted = (await reference.run(feeds)).conv!.data as Float32Array;
    for (const isa of isas) {
      vi.stubEnv('OCTET_ISA', isa);
      using session = await compile(model);
      expect([session.backend, session.fallbacks]).toEqual(['native', []]);
      const got = (await session.run(feeds)).conv!.data as Float32Array;
      for (const [i, value] of got.entries()) expect(Math.abs(value - wanted[i]!)).toBeLessThanOrEqual(1e-5);
    }
  });

  // Silently a hundred times slower would be the worst answer to a typing error.
  it.each([
    ['OCTET_ISA', 'sse9', /'sse9' is no instruction set/],
    ['OCTET_ISA', 'constructor', /'constructor' is no instruction set/],
    ['OCTET_THREADS', 'all', /OCTET_THREADS is 'all' — give a whole number/],
    ['OCTET_THREADS', '0', /OCTET_THREADS is '0'/],
    ['OCTET_BACKEND', 'fast', /OCTET_BACKEND is 'fast'/],
  ] as const)('nothing where %s is %s', async (name, text, message) => {
    vi.stubEnv(name, text);
    await expect(compile(model)).rejects.toThrow(UserError);
    await expect(compile(model)).rejects.toThrow(message);
  });

  it('nothing where options are wrong', async () => {
    for (const threads of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY])
      await expect(compile(model, { threads })).rejects.toThrow(`threads is ${threads}`);
    await expect(compile(model, { isa: 'sse9' })).rejects.toThrow("'sse9' is no instruction set");
    const { isas } = await requireHost();
    for (const isa of ['avx512_vnni', 'avx_vnni', 'avx2'].filter((name) => !isas.some((has) => has === name)))
      await expect(compile(model, { isa })).rejects.toThrow(`'${isa}' is not usable on this machine`);
  });

  it('as many threads as there may be, however many are asked for', async () => {
    const { usage } = await requireHost();
    using session = await compile(model, { threads: 1e9 });
    await session.run({ x: normalInput([2000, 8, 8, 3]) });
    expect(usage.bytes).toBeLessThan(200 * 2 ** 20);
  });
});

/** What a process says in which `lost` can't be had: the backend it ran on, and the notes. */
function without(lost: string, env: Readonly<Record<string, string>> = {}) {
  const script = fileURLToPath(new URL('without.ts', import.meta.url));
  // Without its own compiler, which has need of such memory too, Node itself gets on.
  const child = spawnSync(process.execPath, ['--jitless', '--import', 'tsx', script, lost], {
    encoding: 'utf8',
    env: { ...process.env, OCTET_BACKEND: '', OCTET_ISA: '', ...env },
  });
  if (child.stderr.includes('this kernel does not refuse')) return undefined;
  expect(child.stderr).not.toContain('Error');
  return JSON.parse(child.stdout) as { backend: string; reasons: string[]; explicit: string };
}

describe.skipIf(!hasHost || process.platform !== 'linux')('where there can be no native code', () => {
  it.for([
    ['koffi', /koffi can't be loaded/],
    ['executable memory', /refused to make .* read-execute/],
  ] as const)('without %s auto falls back and says why, once', ([lost, reason], { skip }) => {
    const outcome = without(lost, { OCTET_ISA: 'avx2' });
    if (outcome === undefined) return skip('this kernel has no PR_SET_MDWE');
    const { backend, reasons, explicit } = outcome;
    expect(backend).toBe('reference');
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toMatch(reason);
    expect(explicit).toMatch(reason);
  });
});
