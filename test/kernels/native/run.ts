import { expect } from 'vitest';
import type { Buffer, ElementType, NativeKernel } from '../../../src/kernels/native-kernel.ts';
import type { Host } from '../../../src/runtime/native/host/host.ts';
import { abiProbe } from '../../support/abi-probe.ts';
import { featuresFor, placed, runnable } from '../../support/run-step.ts';

/** The kernels of a table that this machine runs. */
export const runsOn = <Spec>(table: readonly NativeKernel<Spec>[], host: Host | undefined): NativeKernel<Spec>[] =>
  table.filter((kernel) => host !== undefined && featuresFor(kernel.isa, host) !== undefined);

/** Constants lie here, so that offset 0 is not the only one that works. */
const CONSTANTS = 128;

/**
 * Runs a kernel on `memory`, an arena of which exactly what the step says it touches is mapped: once right behind a guard page,
 * once right before one, tiles from the last to the first, under the ABI probe. Returns the arena afterwards, after checking
 * that both runs agree and that only what the step says it writes has changed.
 */
export function resultOf<Spec>(host: Host, kernel: NativeKernel<Spec>, spec: Spec, memory: Uint8Array): Uint8Array {
  expect(kernel.whyNot(spec)).toBeUndefined();
  const step = kernel.step(spec, CONSTANTS);
  const touched = step.accesses.filter((access) => access.base === 'arena');
  const begin = Math.min(...touched.map((access) => access.begin));
  const end = Math.max(...touched.map((access) => access.end));
  expect(begin).toBeGreaterThanOrEqual(0);
  const before = new Uint8Array(Math.max(end, memory.length));
  before.set(memory);
  const results = (['start', 'end'] as const).map((place) => {
    using arena = placed(host, before.subarray(begin, end), place);
    using constants = placed(host, kernel.pack(spec), place);
    using run = runnable(host, step, kernel.isa, arena.address - begin, constants.address - CONSTANTS);
    if (place === 'start') for (let tile = step.tiles - 1; tile >= 0; tile--) run.run(tile, tile + 1);
    else {
      run.run(0, 0);
      run.block.view(BigInt64Array)[3] = BigInt(step.tiles);
      using probe = abiProbe(host);
      expect(probe.run(run.code.address, run.block.address).violations).toEqual([]);
    }
    const after = before.slice();
    after.set(arena.view(Uint8Array), begin);
    return after;
  });
  const writes = touched.filter((access) => access.mode === 'write');
  const [first, second] = results as [Uint8Array, Uint8Array];
  for (let i = 0; i < before.length; i++) {
    if (first[i] !== second[i]) expect.fail(`byte ${i} is ${first[i]} behind a guard page, ${second[i]} before one`);
    const isOwn = first[i] === before[i] || writes.some((w) => w.begin <= i && i < w.end);
    if (!isOwn) expect.fail(`byte ${i} was written, which the step says it does not write`);
  }
  return first;
}

const sizes: Readonly<Record<ElementType, number>> = { u8: 1, s8: 1, s32: 4, f32: 4 };
const readers: Readonly<Record<ElementType, (view: DataView, at: number) => number>> = {
  u8: (view, at) => view.getUint8(at),
  s8: (view, at) => view.getInt8(at),
  s32: (view, at) => view.getInt32(at, true),
  f32: (view, at) => view.getFloat32(at, true),
};
const writers: Readonly<Record<ElementType, (view: DataView, at: number, value: number) => void>> = {
  u8: (view, at, value) => view.setUint8(at, value),
  s8: (view, at, value) => view.setInt8(at, value),
  s32: (view, at, value) => view.setInt32(at, value, true),
  f32: (view, at, value) => view.setFloat32(at, value, true),
};

/** Calls `visit` with the byte of each element, in the order of the tensor. */
function eachElement({ offset, shape, stride, type }: Buffer, visit: (at: number) => void): void {
  for (let n = 0; n < shape.n; n++)
    for (let y = 0; y < shape.h; y++)
      for (let x = 0; x < shape.w; x++)
        for (let c = 0; c < shape.c; c++) visit(offset + n * stride.n + y * stride.h + x * stride.w + c * sizes[type]);
}

const viewOf = (memory: Uint8Array): DataView => new DataView(memory.buffer, memory.byteOffset, memory.length);

/** A buffer's elements, densely. */
export function read(memory: Uint8Array, buffer: Buffer): number[] {
  const view = viewOf(memory);
  const values: number[] = [];
  eachElement(buffer, (at) => values.push(readers[buffer.type](view, at)));
  return values;
}

export function write(memory: Uint8Array, buffer: Buffer, values: (i: number) => number): void {
  const view = viewOf(memory);
  let i = 0;
  eachElement(buffer, (at) => writers[buffer.type](view, at, values(i++)));
}

/** Expects each value to be within `relative` of the size of what is expected, or `absolute`. NaN wants NaN. */
export function expectClose(
  got: readonly number[],
  wanted: readonly number[],
  relative: number,
  absolute = 0,
  what = '',
): void {
  expect(got.length).toBe(wanted.length);
  got.forEach((value, i) => {
    const w = wanted[i]!;
    const isClose =
      Object.is(value, w) || value === w || Math.abs(value - w) <= Math.max(relative * Math.abs(w), absolute);
    if (!isClose) expect.fail(`${what} element ${i} is ${value}, not ${w}`);
  });
}
