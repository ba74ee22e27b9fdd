import {
  type Assembler,
  assembler,
  dword,
  eax,
  ebp,
  ecx,
  edx,
  type Label,
  ptr,
  qword,
  type R64,
  r8q,
  r9,
  r10,
  r12,
  r13,
  r14,
  r14d,
  r15,
  r15d,
  rax,
  rbx,
  rdi,
  rsi,
  rsp,
} from '../../asm/x64/index.ts';
import { invariant } from '../../base/errors.ts';
import type { Step } from '../../kernels/native-kernel.ts';
import type { Region } from '../check.ts';
import { checkProgram, type Program, type Stage } from '../program.ts';
import { contextLayout, controlPlan } from './context.ts';
import { emitCancelPoll, emitEpilog, emitProlog, type Functions, functionOf } from './entry.ts';
import { emitCopy } from './move.ts';
import { type Tail, tailOf } from './tail.ts';
import { emitTilesDriver } from './tiles.ts';

/** A value of an image: byte `at` of the image's record, and of a thread's arena. */
export type Field = { readonly at: number; readonly arena: number; readonly bytes: number };
/** What is copied of each image between its record, `bytes` long, and the arena of the thread that computes it. */
export type ImageRecord = { readonly bytes: number; readonly fields: readonly Field[] };
export type ImageRecords = { readonly inputs: ImageRecord; readonly outputs: ImageRecord };

export type Code = {
  readonly bytes: Uint8Array;
  /** `void run(ctx)` of each native part, in their order: all threads share the tiles of each stage. */
  readonly parts: readonly number[];
  /** `void run(ctx)`: each thread takes whole images. */
  readonly images: number | undefined;
  /** How many images it can take at once with profit; a thread has as many arenas. */
  readonly group: number;
};

/**
 * The code of a program: the functions of all steps, and the drivers around them. Throws `InternalError` where a step would
 * touch what is not its own.
 */
export function emitProgram(program: Program, records: ImageRecords | undefined): Code {
  checkProgram(program);
  const { parts, arenaBytes } = program;
  if (records !== undefined) for (const record of [records.inputs, records.outputs]) checkRecord(record, arenaBytes);
  const a = assembler();
  const functions = new Map<Step, Label>();
  const native = parts.flatMap((part) => (part.kind === 'native' ? [part.stages] : []));
  for (const stage of native.flat())
    for (const step of stage.steps) {
      a.align(64);
      const label = a.label(step.name);
      a.bind(label);
      functions.set(step, label);
      step.emit(a);
    }
  const control = controlPlan(parts);
  const entries = native.map((stages) => emitTilesDriver(a, stages, control, functions));
  if (records === undefined) return { bytes: a.finish(), parts: entries, images: undefined, group: 1 };
  const tail = tailOf(native.flat(), records);
  const images = emitImagesDriver(a, { stages: native.flat(), tail, records, functions });
  const group = tail.from === native.flat().length ? 1 : Math.min(largestGroup, Math.floor(groupBytes / arenaBytes));
  return { bytes: a.finish(), parts: entries, images, group: Math.max(1, group) };
}

/** Refuses a record of which any value would be copied from or to beyond the record or the arena. */
function checkRecord({ bytes: size, fields }: ImageRecord, arenaBytes: number): void {
  const isInside = (begin: number, bytes: number, end: number) =>
    [begin, bytes, end].every(Number.isSafeInteger) && begin >= 0 && bytes >= 0 && begin + bytes <= end;
  invariant(isInside(0, size, 2 ** 31 - 1), `an image's values take ${size} bytes`);
  for (const { at, arena, bytes } of fields)
    invariant(
      isInside(arena, bytes, arenaBytes) && isInside(at, bytes, size),
      `an image's value at ${arena} would leave the arena, or at ${at} its record`,
    );
}

/** Images that a thread claims at once, at most: of as many it reads the weights of the last stages once. */
const largestGroup = 4;
/** What a thread's arenas take, at most, unless one takes more. */
const groupBytes = 2 ** 26;

type Images = {
  readonly stages: readonly Stage[];
  readonly tail: Tail;
  readonly records: ImageRecords;
  readonly functions: Functions;
};

/**
 * Each thread claims a few images and computes them by itself, in arenas of its own: one by one in the first of these, which
 * stays in its caches, and together from the program's tail on.
 */
function emitImagesDriver(a: Assembler, { stages, tail, records, functions }: Images): number {
  const { from, live } = tail;
  const stepsOf = (some: readonly Stage[]): readonly Step[] => some.flatMap((stage) => stage.steps);
  const entry = emitProlog(a);
  const [exit, next] = [a.label('exit'), a.label('next')];
  a.mov(eax, 1);
  a.lock_xadd(dword(rbx, contextLayout.threads), eax);
  a.cmp(eax, dword(rbx, contextLayout.arenas));
  a.jae(exit);
  a.imul(eax, dword(rbx, contextLayout.group));
  a.imul(rax, qword(rbx, contextLayout.arenaStride));
  a.mov(r12, qword(rbx, contextLayout.arena));
  a.add(r12, rax);
  a.bind(next);
  emitCancelPoll(a, exit);
  emitClaim(a, exit);
  emitEach(a, () => {
    emitImageCopies(a, records.inputs, 'inputs', r12);
    for (const step of stepsOf(stages.slice(0, from))) {
      const again = a.label('tile');
      a.xor(ebp, ebp);
      a.bind(again);
      emitCancelPoll(a, exit);
      a.mov(rdi, r12);
      emitStepCall(a, step, functions);
      a.inc(ebp);
      a.cmp(ebp, step.tiles);
      a.jb(again);
    }
    emitLiveCopies(a, live);
  });
  for (const step of stepsOf(stages.slice(from))) {
    const again = a.label('tile');
    a.xor(ebp, ebp);
    a.bind(again);
    emitEach(a, () => {
      emitCancelPoll(a, exit);
      emitArena(a, rdi);
      emitStepCall(a, step, functions);
    });
    a.inc(ebp);
    a.cmp(ebp, step.tiles);
    a.jb(again);
  }
  emitEach(a, () => {
    emitArena(a, r10);
    emitImageCopies(a, records.outputs, 'outputs', r10);
  });
  a.jmp(next);
  a.bind(exit);
  a.vzeroupper();
  emitEpilog(a);
  return entry;
}

/** Claims images: r14 becomes the first, the stack's slot how many. */
function emitClaim(a: Assembler, exit: Label): void {
  a.mov(r14d, dword(rbx, contextLayout.group));
  a.mov(ecx, r14d);
  a.lock_xadd(dword(rbx, contextLayout.claimedImages), r14d);
  a.mov(eax, dword(rbx, contextLayout.images));
  a.cmp(r14d, eax);
  a.jae(exit);
  a.sub(eax, r14d);
  a.cmp(eax, ecx);
  a.cmova(eax, ecx);
  a.mov(dword(rsp), eax);
}

/** `body` for each claimed image r15, from the last on: the first is left in the first arena. */
function emitEach(a: Assembler, body: () => void): void {
  const again = a.label('image');
  a.mov(r15d, dword(rsp));
  a.bind(again);
  a.dec(r15d);
  body();
  a.test(r15d, r15d);
  a.jne(again);
}

/** The arena of image r15. */
function emitArena(a: Assembler, to: R64): void {
  a.mov(to, qword(rbx, contextLayout.arenaStride));
  a.imul(to, r15);
  a.add(to, r12);
}

/** Tile ebp of a step, in the arena rdi. */
function emitStepCall(a: Assembler, step: Step, functions: ReadonlyMap<Step, Label>): void {
  a.mov(edx, ebp);
  a.mov(rsi, r13);
  a.call(functionOf(step, functions));
}

/** Brings what the tail reads from the first arena to that of image r15. */
function emitLiveCopies(a: Assembler, live: readonly Region[]): void {
  const there = a.label('there');
  a.test(r15d, r15d);
  a.je(there);
  emitArena(a, r10);
  for (const { begin, end } of live) {
    a.lea(r8q, ptr(r12, begin));
    a.lea(r9, ptr(r10, begin));
    emitCopy(a, r9, r8q, end - begin);
  }
  a.bind(there);
}

/** Copies the values of image r14 + r15 between its record and an arena. */
function emitImageCopies(a: Assembler, { bytes, fields }: ImageRecord, which: 'inputs' | 'outputs', arena: R64): void {
  for (const field of fields) {
    a.lea(r8q, ptr(r14, { index: r15 }));
    a.imul(r8q, r8q, bytes);
    a.add(r8q, qword(rbx, contextLayout[which]));
    a.add(r8q, field.at);
    a.lea(r9, ptr(arena, field.arena));
    emitCopy(a, which === 'inputs' ? r9 : r8q, which === 'inputs' ? r8q : r9, field.bytes);
  }
}
