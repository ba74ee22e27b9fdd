import { describe, expect, it } from 'vitest';
import { numberFlag } from '../../../src/base/flags.ts';
import type { RealConvSpec } from '../../../src/kernels/conv/native-f32/spec.ts';
import { winogradKernels, winogradTransforms } from '../../../src/kernels/conv/winograd/index.ts';
import { haloOf, type TransformSpec, tilingOf, type WinogradSpec } from '../../../src/kernels/conv/winograd/spec.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { describeSpec } from './check.ts';
import { allocator, type Draw, draws } from './random-conv.ts';
import { fill, reals, reference } from './real-conv.ts';
import { read, resultOf, runsOn, write } from './run.ts';

const firstSeed = numberFlag('OCTET_SEED', 1);
const host = hasHost ? await requireHost() : undefined;

/** A convolution of 3×3 and its two steps in one arena. */
type Drawn = {
  readonly whole: RealConvSpec;
  readonly transform: TransformSpec;
  readonly product: WinogradSpec;
  readonly bytes: number;
  readonly draw: Draw;
};

function randomSpec(seed: number): Drawn {
  const draw = draws(seed ^ 0x3a3a);
  const memory = allocator(draw);
  const padding = { top: draw.integer(0, 2), left: draw.integer(0, 2) };
  const [c, columns] = [draw.pick(16, 32, 48, 80), draw.pick(32, 64, 96)];
  const shape = { n: draw.pick(1, 1, 2, 3), h: draw.integer(1, 11), w: draw.integer(1, 13), c: columns };
  const size = (axis: 'h' | 'w', before: number) => Math.max(1, shape[axis] + 2 - before - draw.integer(0, 2));
  const picture = { n: shape.n, h: size('h', padding.top), w: size('w', padding.left), c };
  const tiling = tilingOf(shape);
  const needed = haloOf(picture, tiling, padding);
  const extra = (): number => (draw.chance(0.2) ? draw.integer(1, 2) : 0);
  const halo = {
    ...{ top: needed.top + extra(), bottom: needed.bottom + extra() },
    ...{ left: needed.left + extra(), right: needed.right + extra() },
  };
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  const buffer = (of: typeof shape, around = none) => memory.buffer('f32', of, around, true);
  const input = buffer(picture, halo);
  const output = buffer(shape, draw.chance(0.3) ? { top: 1, bottom: 1, left: 2, right: 1 } : none);
  const tiles = shape.n * tiling.rows * tiling.columns + draw.integer(0, 1);
  const between = buffer({ n: 16, h: 1, w: tiles, c });
  const summand = draw.chance(0.5) ? (draw.chance(0.3) ? output : buffer(shape)) : undefined;
  const result = {
    weights: reals(draw, 9 * c * columns),
    ...(draw.chance(0.7) ? { bias: reals(draw, columns) } : {}),
    ...(summand && { summand }),
    ...(draw.chance(0.5) ? { low: 0 } : {}),
    ...(draw.chance(0.3) ? { high: 6 } : {}),
  };
  const one = { h: 1, w: 1 };
  return {
    whole: { input, output, kernel: { h: 3, w: 3 }, stride: one, dilation: one, padding, groups: 1, ...result },
    transform: { input, output: between, tiling, padding },
    product: { input: between, output, ...result },
    bytes: memory.size() + 64,
    draw,
  };
}

describe.skipIf(!hasHost)('convolutions by minimal filtering', () => {
  const both = runsOn(winogradKernels, host).map((kernel) => ({
    isa: kernel.isa,
    kernel,
    tiles: winogradTransforms.find(({ isa }) => isa === kernel.isa)!,
  }));
  describe.each(both)('$isa', ({ kernel, tiles }) => {
    const run = ({ transform, product }: Drawn, memory: Uint8Array): number[] =>
      read(resultOf(host!, kernel, product, resultOf(host!, tiles, transform, memory)), product.output);

    it('give the sums of plain loops', () => {
      for (let seed = firstSeed; seed < firstSeed + 100; seed++) {
        const drawn = randomSpec(seed);
        const { whole, bytes, draw } = drawn;
        const memory = fill(bytes, whole.input, whole.summand, draw);
        const { sums, sizes } = reference(
          whole,
          read(memory, whole.input),
          whole.summand && read(memory, whole.summand),
        );
        for (const [i, value] of run(drawn, memory).entries()) {
          // As for plain sums: so much of the sizes of all terms.
          const isClose = Math.abs(value - sums[i]!) <= 1e-6 * Math.max(sizes[i]!, 1e-3);
          if (!isClose) expect.fail(`seed ${seed}: element ${i} is ${value}, not ${sums[i]}: ${describeSpec(whole)}`);
        }
      }
    });

    it('pass NaN on through relu', () => {
      const drawn = randomSpec(5);
      const { whole, product, bytes, draw } = drawn;
      const memory = fill(bytes, whole.input, whole.summand, draw);
      write(memory, whole.input, () => Number.NaN);
      const got = run({ ...drawn, product: { ...product, low: 0, high: 6 } }, memory);
      expect(got.some(Number.isNaN)).toBe(true);
    });
  });

  const { transform, product } = randomSpec(1);
  it.each([
    ['a halo too narrow', { padding: { top: 9, left: 9 } }, /halo/],
    ['tiles in another shape', { output: product.output }, /another shape/],
    [
      'channels that do not fill vectors',
      { input: { ...transform.input, shape: { ...transform.input.shape, c: 5 } } },
      /5 channels/,
    ],
  ] as const)('tiles refuse %s', (_, change, message) => {
    for (const { whyNot } of winogradTransforms) expect(whyNot({ ...transform, ...change })).toMatch(message);
  });

  it.each([
    ['too few weights', { weights: new Float32Array(3) }, /3 weights/],
    ['a bias of another length', { bias: new Float32Array(3) }, /a bias of 3/],
    ['tiles in another shape', { input: product.output }, /another shape/],
    ['a summand of another shape', { summand: product.input }, /a summand/],
    ['bytes', { output: { ...product.output, type: 'u8' } }, /u8/],
  ] as const)('products refuse %s', (_, change, message) => {
    for (const { whyNot } of winogradKernels)
      expect(whyNot({ ...product, ...change } as WinogradSpec)).toMatch(message);
  });
});
