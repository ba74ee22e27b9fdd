import { describe, expect, it } from 'vitest';
import { type ProductSpec, productKernels } from '../../../src/kernels/gemm/native/index.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { allocator, draws } from './random-conv.ts';
import { read, resultOf, runsOn, write } from './run.ts';

const none = { top: 0, bottom: 0, left: 0, right: 0 };
const host = hasHost ? await requireHost() : undefined;

function randomSpec(seed: number) {
  const draw = draws(seed);
  const memory = allocator(draw);
  const [n, h] = [draw.pick(1, 1, 2, 3), draw.pick(1, 1, 2, 4)];
  const m = draw.pick(1, 2, 5, 6, 7, 8, 9, 16, 17, 40, draw.integer(1, 60));
  const k = draw.pick(1, 2, 3, 16, 33, draw.integer(1, 80));
  const c = draw.pick(1, 3, 7, 8, 9, 15, 16, 17, 31, 32, 33, 48, 65, draw.integer(1, 100));
  const transposed = draw.chance(0.4);
  const batch = () => ({ n: draw.chance(0.3) ? 1 : n, h: draw.chance(0.3) ? 1 : h });
  const a = memory.buffer('f32', { ...batch(), ...(transposed ? { w: k, c: m } : { w: m, c: k }) }, none, true);
  const b = memory.buffer('f32', { ...batch(), w: k, c }, none, true);
  const output = memory.buffer('f32', { n, h, w: m, c }, draw.chance(0.3) ? { ...none, left: 1, top: 2 } : none, true);
  const spec: ProductSpec = { a, b, output, transposed };
  const bytes = new Uint8Array(memory.size() + 128).fill(0x7f);
  for (const buffer of [a, b]) write(bytes, buffer, () => draw.integer(-1000, 1000) / 256);
  return { spec, bytes, sizes: { m, k, c } };
}

/** The sums in double, and those of the terms' magnitudes, which rounding errors are measured by. */
function reference({ a, b, output, transposed }: ProductSpec, bytes: Uint8Array) {
  const [x, y] = [read(bytes, a), read(bytes, b)];
  const { n, h, w: m, c } = output.shape;
  const k = b.shape.w;
  const matrix = (of: ProductSpec['a'], i: number, j: number) =>
    ((of.shape.n === 1 ? 0 : i) * of.shape.h + (of.shape.h === 1 ? 0 : j)) * of.shape.w * of.shape.c;
  const results: { sum: number; size: number }[] = [];
  for (let i = 0; i < n; i++)
    for (let j = 0; j < h; j++)
      for (let row = 0; row < m; row++)
        for (let column = 0; column < c; column++) {
          const result = { sum: 0, size: 0 };
          for (let d = 0; d < k; d++) {
            const left = x[matrix(a, i, j) + (transposed ? d * m + row : row * k + d)]!;
            const term = left * y[matrix(b, i, j) + d * c + column]!;
            result.sum += term;
            result.size += Math.abs(term);
          }
          results.push(result);
        }
  return results;
}

describe.skipIf(!hasHost)('products of computed matrices in machine code', () => {
  describe.each(runsOn(productKernels, host))('$name', (kernel) => {
    it('give the sums of plain loops, between guard pages', () => {
      for (let seed = 1; seed <= 120; seed++) {
        const { spec, bytes, sizes } = randomSpec(seed);
        const wanted = reference(spec, bytes);
        const got = read(resultOf(host!, kernel, spec, bytes), spec.output);
        got.forEach((value, i) => {
          const { sum, size } = wanted[i]!;
          if (!(Math.abs(value - sum) <= 1e-6 * Math.max(size, 1e-3)))
            expect.fail(`seed ${seed}, ${JSON.stringify(sizes)}: element ${i} is ${value}, not ${sum}`);
        });
      }
    });

    it('pass NaN and infinity on', () => {
      const { spec, bytes } = randomSpec(3);
      write(bytes, spec.b, (i) => (i === 0 ? Number.NaN : Number.POSITIVE_INFINITY));
      const got = read(resultOf(host!, kernel, spec, bytes), spec.output);
      expect(got.every((value) => !Number.isFinite(value))).toBe(true);
    });

    it('have several tiles where there is work for them', () => {
      const shape = { n: 1, h: 2, w: 200, c: 200 };
      const matrix = (offset: number) =>
        ({ type: 'f32', offset, shape, stride: { n: 320_000, h: 160_000, w: 800 }, halo: none }) as const;
      const spec = { a: matrix(0), b: matrix(320_000), output: matrix(640_000), transposed: false };
      expect(kernel.step(spec, 0).tiles).toBeGreaterThan(8);
      const bytes = new Uint8Array(960_000);
      for (const buffer of [spec.a, spec.b]) write(bytes, buffer, (i) => ((i * 37) % 101) / 16 - 3);
      const wanted = reference(spec, bytes);
      read(resultOf(host!, kernel, spec, bytes), spec.output).forEach((value, i) => {
        const { sum, size } = wanted[i]!;
        if (!(Math.abs(value - sum) <= 1e-6 * size)) expect.fail(`element ${i} is ${value}, not ${sum}`);
      });
    });
  });

  it.each([
    ['sizes that do not fit', { transposed: true }, /fit/],
    ['other types', { a: { ...randomSpec(1).spec.a, type: 's32' as const } }, /s32/],
  ])('refuse %s', (_, change, message) => {
    const spec = { ...randomSpec(1).spec, transposed: false };
    const odd = { ...spec, a: { ...spec.a, shape: { ...spec.output.shape, w: 7, c: 90 } } };
    for (const { whyNot } of productKernels) expect(whyNot({ ...odd, ...change })).toMatch(message);
  });
});
