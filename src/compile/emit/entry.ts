import {
  type Assembler,
  dword,
  type Label,
  qword,
  r12,
  r13,
  r14,
  r15,
  rbp,
  rbx,
  rdi,
  rsp,
} from '../../asm/x64/index.ts';
import { invariant } from '../../base/errors.ts';
import type { Step } from '../../kernels/native-kernel.ts';
import { contextLayout } from './context.ts';

/** The functions of a program's steps. */
export type Functions = ReadonlyMap<Step, Label>;

export function functionOf(step: Step, functions: Functions): Label {
  const label = functions.get(step);
  invariant(label !== undefined, `the step ${step.name} was not emitted`);
  return label;
}

const saved = [rbx, rbp, r12, r13, r14, r15] as const;

/**
 * Enters a driver with rbx = ctx, r13 = constants, all registers saved, 8 bytes at rsp and the stack aligned for calls;
 * gives its offset.
 */
export function emitProlog(a: Assembler): number {
  a.align(64);
  const entry = a.offset;
  for (const register of saved) a.push(register);
  a.sub(rsp, 8);
  a.mov(rbx, rdi);
  a.mov(r13, qword(rbx, contextLayout.constants));
  return entry;
}

export function emitEpilog(a: Assembler): void {
  a.add(rsp, 8);
  for (const register of saved.toReversed()) a.pop(register);
  a.ret();
}

/** Leaves when the run is cancelled. */
export function emitCancelPoll(a: Assembler, exit: Label): void {
  a.cmp(dword(rbx, contextLayout.cancel), 0);
  a.jne(exit);
}
