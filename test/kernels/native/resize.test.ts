import { describe, expect, it } from 'vitest';
import { type ResizeSpec, resizeKernels, type Taps } from '../../../src/kernels/image/native/resize.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { allocator, type Draw, draws } from './random-conv.ts';
import { read, resultOf, runsOn, write } from './run.ts';

const host = hasHost ? await requireHost() : undefined;
const none = { top: 0, bottom: 0, left: 0, right: 0 };
const f32 = Math.fround;

function taps(draw: Draw, input: number, output: number, isNearest: boolean): Taps {
  const lower = Int32Array.from({ length: output }, () => draw.integer(0, input - 1));
  const upper = isNearest ? lower : lower.map((i) => Math.min(i + 1, input - 1));
  return { lower, upper, share: Float32Array.from(lower, () => (isNearest ? 0 : draw.integer(0, 99) / 100)) };
}

function randomSpec(seed: number): { readonly spec: ResizeSpec; readonly bytes: Uint8Array } {
  const draw = draws(seed);
  const memory = allocator(draw);
  const size = { n: draw.pick(1, 2), c: draw.pick(1, 3, 8, 15, 17, 33, 64) };
  const input = memory.buffer('f32', { ...size, h: draw.integer(1, 6), w: draw.integer(1, 6) }, none, true);
  const output = memory.buffer(
    'f32',
    { ...size, h: draw.integer(1, 40), w: draw.integer(1, 40) },
    { ...none, left: 1 },
    true,
  );
  const isNearest = draw.chance(0.3);
  const rows = taps(draw, input.shape.h, output.shape.h, isNearest);
  const columns = taps(draw, input.shape.w, output.shape.w, isNearest);
  const bytes = new Uint8Array(memory.size());
  write(bytes, input, () => (isNearest && draw.chance(0.1) ? Infinity : draw.integer(-999, 999) / 77));
  return { spec: { input, output, rows, columns }, bytes };
}

describe.skipIf(!hasHost)('resizing in machine code', () => {
  it.each(runsOn(resizeKernels, host))('is its formula to the bit: $name', (kernel) => {
    for (let seed = 1; seed <= 60; seed++) {
      const { spec, bytes } = randomSpec(seed);
      const { rows, columns } = spec;
      const x = read(bytes, spec.input);
      const { h, w, c } = spec.input.shape;
      const wanted: number[] = [];
      const { shape } = spec.output;
      const lerp = (a: number, b: number, share: number): number => (a === b ? a : f32(a + f32(f32(b - a) * share)));
      for (let n = 0; n < shape.n; n++)
        for (let i = 0; i < shape.h; i++)
          for (let j = 0; j < shape.w; j++)
            for (let k = 0; k < c; k++) {
              const at = (row: number, column: number) => x[((n * h + row) * w + column) * c + k]!;
              const line = (row: number) =>
                lerp(at(row, columns.lower[j]!), at(row, columns.upper[j]!), columns.share[j]!);
              wanted.push(lerp(line(rows.lower[i]!), line(rows.upper[i]!), rows.share[i]!));
            }
      expect(read(resultOf(host!, kernel, spec, bytes), spec.output)).toEqual(wanted);
    }
  });

  it('refuses taps outside of the picture', () => {
    const { spec } = randomSpec(1);
    const lower = spec.rows.lower.map(() => spec.input.shape.h);
    for (const { whyNot } of resizeKernels)
      expect(whyNot({ ...spec, rows: { ...spec.rows, lower } })).toMatch(/rows outside/);
  });
});
