import {
  type Assembler,
  eax,
  ecx,
  edx,
  type Label,
  ptr,
  type R64,
  r32,
  rcx,
  rdi,
  rdx,
  rsi,
} from '../../asm/x64/index.ts';

import type { Buffer } from '../native-kernel.ts';

/** One tensor of those that a kernel walks together, element by element. */
export type Operand = {
  readonly base: 'arena' | 'constants';
  /** The byte where element 0 lies, from the base's start. */
  readonly offset: number;
  /** Bytes from an element to the next along each axis of the walk; 0 where it repeats. */
  readonly strides: readonly number[];
  /** Of an element. */
  readonly size: number;
};

type Axis = { readonly size: number; readonly strides: readonly number[] };

/**
 * Elements of several tensors in lockstep: `run` of them one after the other (step 0: the same one for all), in nested
 * loops over `outer`, the outermost first. Tiles split the outermost loop, or the run where there is none.
 */
export type Walk = {
  readonly operands: readonly Operand[];
  readonly run: number;
  readonly isRepeated: readonly boolean[];
  readonly outer: readonly Axis[];
  readonly tiles: number;
  /** Iterations of the outermost loop (elements of the run) in all tiles but the last. */
  readonly perTile: number;
};

/** Elements in a tile: some microseconds of work. */
const TILE = 16 * 1024;

/** The most loops around the run that `emitWalk` has registers for. */
export const MOST_LOOPS = 3;

/** Walks `shape`, axes merged where all operands let one run on into the next. `multiple`: what a run is split to. */
export function walkOf(shape: readonly number[], operands: readonly Operand[], multiple: number, tile = TILE): Walk {
  const axes: Axis[] = [];
  for (let i = shape.length - 1; i >= 0; i--) {
    const size = shape[i]!;
    if (size === 1) continue;
    const strides = operands.map((operand) => operand.strides[i]!);
    const inner = axes.at(-1);
    if (inner?.strides.every((step, n) => step * inner.size === strides[n]!) === true)
      axes[axes.length - 1] = { size: inner.size * size, strides: inner.strides };
    else axes.push({ size, strides });
  }
  const first = axes[0];
  const runs = first?.strides.every((step, n) => step === 0 || step === operands[n]!.size) === true;
  const run = runs && first !== undefined ? first.size : 1;
  const isRepeated = operands.map((_, n) => runs && first !== undefined && first.strides[n] === 0);
  const outer = (runs ? axes.slice(1) : axes).toReversed();
  const perRow = outer.slice(1).reduce((total, { size }) => total * size, run);
  const split = outer[0]?.size ?? run;
  const wanted = outer.length > 0 ? Math.max(1, Math.floor(tile / perRow)) : Math.ceil(tile / multiple) * multiple;
  const perTile = Math.min(split, wanted);
  return { operands, run, isRepeated, outer, tiles: Math.ceil(split / perTile), perTile };
}

/**
 * Emits the loops. `pointers`: a register for each operand, which `body(count)` finds at the run's first element and must
 * keep, as well as `counters` (one for each loop) and rsi; `count` elements are to be computed. Everything else is the
 * body's to change.
 */
export function emitWalk(
  asm: Assembler,
  walk: Walk,
  pointers: readonly R64[],
  counters: readonly R64[],
  body: (count: number) => void,
): void {
  const { operands, outer, run, tiles, perTile } = walk;
  const along = outer[0]?.strides ?? operands.map(({ size }, i) => (walk.isRepeated[i] ? 0 : size));
  operands.forEach(({ base, offset }, i) => {
    asm.imul(rcx, rdx, perTile * along[i]!);
    asm.lea(pointers[i]!, ptr(base === 'arena' ? rdi : rsi, { index: rcx, disp: offset }));
  });
  const split = outer[0]?.size ?? run;
  const last = split - (tiles - 1) * perTile;
  if (outer.length === 0) {
    splitRun(asm, tiles, perTile, last, body);
    return;
  }
  const count = r32(counters[0]!);
  // The tile's number may lie in the register that counts.
  asm.mov(ecx, edx);
  asm.mov(count, perTile);
  if (last !== perTile) {
    asm.mov(eax, last);
    asm.cmp(ecx, tiles - 1);
    asm.cmove(count, eax);
  }
  loops(asm, walk, pointers, counters, 0, () => body(run));
}

function splitRun(asm: Assembler, tiles: number, perTile: number, last: number, body: (count: number) => void): void {
  if (last === perTile) {
    body(perTile);
    return;
  }
  const [short, done]: Label[] = [asm.label('lastTile'), asm.label('done')];
  if (tiles > 1) {
    asm.cmp(edx, tiles - 1);
    asm.je(short!);
    body(perTile);
    asm.jmp(done!);
  }
  asm.bind(short!);
  body(last);
  asm.bind(done!);
}

function loops(
  asm: Assembler,
  walk: Walk,
  pointers: readonly R64[],
  counters: readonly R64[],
  depth: number,
  body: () => void,
): void {
  const axis = walk.outer[depth];
  if (axis === undefined) {
    body();
    return;
  }
  const counter = r32(counters[depth]!);
  if (depth > 0) asm.mov(counter, axis.size);
  const top = asm.label(`axis${depth}`);
  asm.bind(top);
  loops(asm, walk, pointers, counters, depth + 1, body);
  const inner = walk.outer[depth + 1];
  pointers.forEach((pointer, i) => {
    // The inner loop has moved the pointer to its end.
    const step = axis.strides[i]! - (inner === undefined ? 0 : inner.size * inner.strides[i]!);
    if (step !== 0) asm.add(pointer, step);
  });
  asm.dec(counter);
  asm.jnz(top);
}

export type Run = {
  readonly count: number;
  /** Elements of a vector. */
  readonly lanes: number;
  readonly unroll: number;
  /** Computes `count` elements from element `first` on, counted from rcx where `isIndexed`. */
  readonly vector: (first: number, count: number, isIndexed: boolean) => void;
  /** Called before a vector of fewer elements. May change rcx. */
  readonly mask: (count: number) => void;
};

/** The elements of a run: a loop of vectors counted in rcx, single ones, and what is left. */
export function emitRun(asm: Assembler, { count, lanes, unroll, vector, mask }: Run): void {
  const block = unroll * lanes;
  const looped = count >= 3 * block ? Math.floor(count / block) * block : 0;
  if (looped > 0) {
    const top = asm.label('run');
    asm.xor(ecx, ecx);
    asm.bind(top);
    for (let i = 0; i < unroll; i++) vector(i * lanes, lanes, true);
    asm.add(rcx, block);
    asm.cmp(rcx, looped);
    asm.jb(top);
  }
  let first = looped;
  for (; first + lanes <= count; first += lanes) vector(first, lanes, false);
  if (first === count) return;
  mask(count - first);
  vector(first, count - first, false);
}

/** The pixels of buffers of the same height and width as the elements of a walk, whose body gets each by itself. */
export function pixelWalk(buffers: readonly Buffer[], tile: number): Walk {
  const operands = buffers.map(
    ({ offset, stride }): Operand => ({ base: 'arena', offset, strides: [stride.n, stride.h, stride.w], size: PIXEL }),
  );
  const { n, h, w } = buffers[0]!.shape;
  return walkOf([n, h, w], operands, 1, tile);
}
/** No stride is this: no two pixels are neighbours in a vector. */
const PIXEL = -1;
