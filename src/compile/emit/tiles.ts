import {
  type Assembler,
  dword,
  eax,
  ebp,
  ecx,
  edx,
  type Label,
  ptr,
  qword,
  r12,
  r13,
  r14,
  r15,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
} from '../../asm/x64/index.ts';
import type { Stage } from '../program.ts';
import { type ControlPlan, contextLayout, tileBytes } from './context.ts';
import { emitCancelPoll, emitEpilog, emitProlog, type Functions, functionOf } from './entry.ts';

/**
 * Looks at a barrier before the thread lets others have its processor: 40 to 140 cycles each, so some 20 µs. Tiles are
 * shorter; what takes longer is a thread that the system has suspended, perhaps in favour of this one.
 */
const LOOKS = 500;

/**
 * Every thread that enters goes through all stages: it claims tiles of its own share of each step, then of the others',
 * waits until those that others claimed are done, and goes on. So any number of threads from one on finishes the work.
 * r12 is the arena, r14 the thread's own share, r15 the one that it claims of; the stack holds the end of the shares.
 */
export function emitTilesDriver(
  a: Assembler,
  stages: readonly Stage[],
  control: ControlPlan,
  functions: Functions,
): number {
  const entry = emitProlog(a);
  const exit = a.label('exit');
  a.mov(r12, qword(rbx, contextLayout.arena));
  emitOwnShare(a, control);
  for (const stage of stages) {
    const done = contextLayout.done + 4 * control.stages.indexOf(stage);
    const tiles = stage.steps.reduce((sum, step) => sum + step.tiles, 0);
    const share = a.label('share');
    a.xor(ebp, ebp); // tiles that this thread has done
    a.mov(r15, r14);
    a.bind(share);
    for (const step of stage.steps)
      emitClaims(a, control.steps.indexOf(step) * tileBytes, functionOf(step, functions), exit);
    emitNextShare(a, control);
    a.cmp(r15, r14);
    a.jne(share);
    a.lock_add(dword(rbx, done), ebp);
    emitWait(a, done, tiles, exit);
  }
  a.bind(exit);
  emitEpilog(a);
  return entry;
}

/** Each thread that comes has the next share; with more threads than shares, the first again. */
function emitOwnShare(a: Assembler, { sharesAt, shareBytes }: ControlPlan): void {
  a.mov(ecx, dword(rbx, contextLayout.shares));
  a.imul(rax, rcx, shareBytes);
  a.lea(rax, ptr(rbx, { index: rax, disp: sharesAt }));
  a.mov(qword(rsp), rax);
  a.mov(eax, 1);
  a.lock_xadd(dword(rbx, contextLayout.threads), eax);
  a.xor(edx, edx);
  a.div(ecx);
  a.imul(rdx, rdx, shareBytes);
  a.lea(r14, ptr(rbx, { index: rdx, disp: sharesAt }));
}

/** The share behind r15, or the first. */
function emitNextShare(a: Assembler, { sharesAt, shareBytes }: ControlPlan): void {
  const there = a.label('there');
  a.add(r15, shareBytes);
  a.cmp(r15, qword(rsp));
  a.jb(there);
  a.lea(r15, ptr(rbx, sharesAt));
  a.bind(there);
}

/** Claims and computes tiles of a step until its share at r15 has none left. */
function emitClaims(a: Assembler, at: number, step: Label, exit: Label): void {
  const [claim, none] = [a.label('claim'), a.label('none')];
  const [next, end] = [dword(r15, at), dword(r15, at + 4)];
  a.bind(claim);
  emitCancelPoll(a, exit);
  // Looks before it claims: the line stays where it is used.
  a.mov(eax, next);
  a.cmp(eax, end);
  a.jae(none);
  a.mov(eax, 1);
  a.lock_xadd(next, eax);
  a.cmp(eax, end);
  a.jae(none);
  a.mov(edx, eax);
  a.mov(rdi, r12);
  a.mov(rsi, r13);
  a.call(step);
  a.inc(ebp);
  a.jmp(claim);
  a.bind(none);
}

/** Waits until all tiles of a stage are done. */
function emitWait(a: Assembler, done: number, tiles: number, exit: Label): void {
  const [wait, look, over] = [a.label('wait'), a.label('look'), a.label('over')];
  a.bind(wait);
  a.mov(ebp, LOOKS);
  a.bind(look);
  a.cmp(dword(rbx, done), tiles);
  a.jae(over);
  emitCancelPoll(a, exit);
  a.pause();
  a.dec(ebp);
  a.jne(look);
  emitYield(a);
  a.jmp(wait);
  a.bind(over);
}

function emitYield(a: Assembler): void {
  const none = a.label('none');
  a.mov(rax, qword(rbx, contextLayout.yield));
  a.test(rax, rax);
  a.je(none);
  a.call(rax);
  a.bind(none);
}
