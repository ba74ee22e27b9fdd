import { invariant } from '../../base/errors.ts';
import { ELEMENTS, fills, haloOf, tilingOf } from '../../kernels/conv/winograd/spec.ts';
import { winogradKernels, winogradTransforms } from '../kernels.ts';
import { type Choice, chosen, isValue, type Operand } from '../layer.ts';
import { addKernel, type LowerContext, type Value } from './lowering.ts';
import { type Tail, withTail } from './real-tail.ts';
import { type Convolution, fillsPanels } from './windows.ts';

/** A float32 convolution by HWIO weights, with what follows its sums. */
type RealConvolution = {
  readonly input: Value;
  readonly weights: Float32Array;
  readonly convolution: Convolution;
  readonly tail: Tail;
};

/** Transformed tiles beyond this would crowd the arena of pictures so large. */
const MOST_BYTES = 2 ** 26;
/** Outputs of a convolution that are computed for each that is wanted, at most: what lies past odd edges is not. */
const MOST_WASTE = 1.35;
/** Below this the weights, which are 16/9 as many, are read for too few sums. */
const LEAST_TILES = 12;

/** Whether minimal filtering makes a convolution faster than its plain sums; see docs/performance.md. */
export function isWinograd({ input, convolution: { windows, shape, channels } }: RealConvolution): boolean {
  const { kernel, stride, dilation, groups } = windows;
  if (kernel.h !== 3 || kernel.w !== 3 || groups !== 1) return false;
  if (![stride.h, stride.w, dilation.h, dilation.w].every((step) => step === 1)) return false;
  const c = input.shape[3]!;
  const [n, h, w] = shape as readonly [number, number, number];
  const { rows, columns } = tilingOf({ h, w });
  const tiles = n * rows * columns;
  if (!fills(c, channels) || tiles < LEAST_TILES || 4 * rows * columns > MOST_WASTE * h * w) return false;
  return 4 * ELEMENTS * tiles * c <= MOST_BYTES;
}

/** The two layers of such a convolution: the input's tiles are transformed, then multiplied and brought back. */
export function lowerWinograd(context: LowerContext, { input, weights, convolution, tail }: RealConvolution): Operand {
  const { windows, shape } = convolution;
  const { padding } = windows;
  const [n, h, w, channels] = shape as readonly [number, number, number, number];
  const [, rowsIn, columnsIn, c] = input.shape as readonly [number, number, number, number];
  const tiling = tilingOf({ h, w });
  const tiles = addKernel(context, {
    inputs: [input.id],
    dtype: 'float32',
    shape: [ELEMENTS, apart(n * tiling.rows * tiling.columns, c), c],
    halos: [haloOf({ h: rowsIn, w: columnsIn }, tiling, padding)],
    choose: ({ inputs: [from], output, isa }) =>
      certain(chosen(winogradTransforms, isa, { input: from!, output, tiling, padding })),
  });
  invariant(isValue(tiles), 'a layer gave no value');
  return addKernel(context, {
    inputs: tail.summand === undefined ? [tiles.id] : [tiles.id, tail.summand],
    dtype: 'float32',
    shape,
    overwrites: tail.summand !== undefined && fillsPanels(channels) ? 1 : undefined,
    choose: ({ inputs: [from, summand], output, isa }) =>
      certain(chosen(winogradKernels, isa, { input: from!, output, weights, ...withTail(tail, summand) })),
  });
}

/** Pixels of a picture of `tiles` of them such that pictures do not lie whole pages apart, in the same sets of the caches. */
const apart = (tiles: number, channels: number): number => tiles + ((4 * tiles * channels) % 4096 === 0 ? 1 : 0);

/** The reference kernel can't take the place of one of the two layers. */
function certain(choice: Choice): Choice {
  invariant(!('whyNot' in choice), `no kernel for a convolution by tiles: ${'whyNot' in choice && choice.whyNot}`);
  return choice;
}
