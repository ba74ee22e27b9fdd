import { type Layout, VECTORS } from './layout.ts';
import { type ConvSpec, stepsOf, summandOf } from './spec.ts';
import { elements, type Target } from './target.ts';

/** One of the buffers that a kernel walks pixel by pixel: the input (by the window's stride), the output, the summand. */
export type Walker = {
  /** Bytes from the arena's start to pixel (0, 0, 0): of the input, to its first window's first tap. */
  readonly base: number;
  /** Bytes from an output pixel to the next in its row, from a row's last to the next row's first, and between pictures. */
  readonly step: number;
  readonly row: number;
  readonly picture: number;
};

/**
 * How the output's pixels are shared out. Pixels of a picture are numbered through its rows and cut into register tiles
 * of `height` rows, the first `tall` of them, and `height − 1`, so that no narrow one remains at the end. A claimable tile
 * is a picture's chunk of register tiles times a range of panels.
 */
export type Plan = {
  readonly pictures: number;
  readonly rows: number;
  readonly width: number;
  readonly walkers: { readonly input: Walker; readonly output: Walker; readonly summand?: Walker };
  readonly tiles: number;
  readonly height: number;
  readonly tall: number;
  readonly tilesInChunk: number;
  readonly chunks: number;
  readonly panelsInRange: number;
  readonly ranges: number;
};

/**
 * Multiply-adds of a claimable tile: a sixteenth of the layer, so that threads end at about the same time, but no less than
 * 2 µs and no more than 15 µs at the limit of a core with AVX-512 VNNI.
 */
export const workOf = (macs: number, least = 5e5, most = 3.5e6): number => Math.min(most, Math.max(least, macs / 16));
/** Weights beyond this don't stay in the second-level cache beside the activations: a tile then takes few panels. */
const WEIGHTS_IN_CACHE = 400_000;

type Dimension = { readonly size: number; readonly strides: readonly number[] };

export function planOf(spec: ConvSpec, target: Target, layout: Layout): Plan {
  const { pictures, rows, width, walkers } = walk(spec);
  const pixels = rows * width;
  const tiles = Math.ceil(pixels / target.mr);
  const height = Math.ceil(pixels / tiles);
  const tall = pixels - (height - 1) * tiles;
  const depth = layout.segments.rows * layout.segments.taps * layout.segments.bytes;
  const perPanel = depth * VECTORS * elements(target);
  const panels = layout.panels.length;
  const work = workOf(macsOf(spec));
  const heavy = layout.panelBytes * panels > WEIGHTS_IN_CACHE;
  const wanted = heavy ? 8 : Math.max(4, Math.round(work / (height * perPanel * panels)));
  const chunks = Math.ceil(tiles / wanted);
  const tilesInChunk = Math.ceil(tiles / chunks);
  // A few pixels wait for the weights to be read rather than for their own multiplications.
  const pixelsPaid = Math.max(tilesInChunk * height, 8);
  const panelsWanted = Math.min(panels, Math.max(1, Math.round(work / (pixelsPaid * perPanel))));
  const ranges = Math.ceil(panels / panelsWanted);
  const panelsInRange = Math.ceil(panels / ranges);
  return {
    pictures,
    rows,
    width,
    walkers,
    tiles,
    height,
    tall,
    tilesInChunk,
    chunks: Math.ceil(tiles / tilesInChunk),
    panelsInRange,
    ranges: Math.ceil(panels / panelsInRange),
  };
}

/** The loops over pictures, rows and columns, merged where every buffer lets one run on into the next. */
function walk(spec: ConvSpec): Pick<Plan, 'pictures' | 'rows' | 'width' | 'walkers'> {
  const { input, output, stride, padding, result } = spec;
  const summand = summandOf(result);
  const strides = (axis: 'n' | 'h' | 'w'): number[] => [
    input.stride[axis] * (axis === 'n' ? 1 : stride[axis]),
    output.stride[axis],
    ...(summand === undefined ? [] : [summand.stride[axis]]),
  ];
  const dimensions: Dimension[] = [];
  for (const axis of ['w', 'h', 'n'] as const) {
    const next = { size: output.shape[axis], strides: strides(axis) };
    const inner = dimensions.at(-1);
    if (next.size === 1 && dimensions.length > 0) continue;
    const runsOn = inner?.strides.every((s, i) => s * inner.size === next.strides[i]);
    if (inner !== undefined && (runsOn || inner.size === 1))
      dimensions[dimensions.length - 1] = {
        size: inner.size * next.size,
        strides: inner.size === 1 ? next.strides : inner.strides,
      };
    else dimensions.push(next);
  }
  const at = (i: number): Dimension => dimensions[i] ?? { size: 1, strides: [0, 0, 0] };
  const bases = [
    input.offset - padding.top * input.stride.h - padding.left * input.stride.w,
    output.offset,
    summand?.offset ?? 0,
  ];
  const walker = (i: number): Walker => ({
    base: bases[i]!,
    step: at(0).strides[i]!,
    row: at(1).strides[i]!,
    picture: at(2).strides[i]!,
  });
  const walkers = { input: walker(0), output: walker(1), ...(summand === undefined ? {} : { summand: walker(2) }) };
  return { pictures: at(2).size, rows: at(1).size, width: at(0).size, walkers };
}

/** Multiply-adds of a convolution, padding not counted out. */
export const macsOf = ({ output, input, kernel, groups }: ConvSpec): number =>
  output.shape.n * output.shape.h * output.shape.w * output.shape.c * kernel.h * kernel.w * (input.shape.c / groups);

function mostOf(values: Iterable<number>): number {
  let greatest = 0;
  for (const value of values) greatest = Math.max(greatest, Math.abs(value));
  return greatest;
}

const largestSum = ({ input, kernel, groups, bias }: ConvSpec): number =>
  kernel.h * kernel.w * (input.shape.c / groups) * 255 * 128 + mostOf(bias ?? []);

/** Whether no sum can leave int32, whatever is read: by the sizes, and where that does not say, by the weights themselves. */
export function fitsInt32(spec: ConvSpec): boolean {
  if (largestSum(spec) < 2 ** 31) return true;
  const { input, output, weights, bias } = spec;
  const most = new Float64Array(output.shape.c);
  weights.forEach((weight, i) => {
    most[i % most.length]! += Math.abs(weight) * (input.type === 'u8' ? 255 : 128);
  });
  return most.every((sum, c) => {
    const b = bias?.[c] ?? 0;
    return b - sum >= -(2 ** 31) && b + sum < 2 ** 31;
  });
}

/** The largest magnitude that sums in `steps` can have. */
export function stepsMagnitude(spec: ConvSpec): number {
  const inSteps = stepsOf(spec.result);
  if (inSteps === undefined) return 0;
  const { steps, addends, back } = inSteps;
  return (largestSum(spec) * mostOf(steps) + mostOf(addends)) * Math.abs(back);
}

/** The largest magnitude that a sum times its multiplier can have. */
function magnitude(spec: ConvSpec): number {
  const { result } = spec;
  if (result.kind !== 'requantize') return 0;
  if (result.steps !== undefined) return stepsMagnitude(spec) * mostOf(result.multipliers);
  if (result.summand?.rounded !== undefined) {
    const { low, high, scale, factor } = result.summand.rounded;
    const codes = Math.max(Math.abs(low), Math.abs(high)) * Math.abs(scale);
    return (codes + 255 * Math.abs(result.summand.multiplier)) * Math.abs(factor);
  }
  const greatest = largestSum(spec) * mostOf(result.multipliers) + 255 * Math.abs(result.summand?.multiplier ?? 0);
  return result.real === undefined ? greatest : (greatest + mostOf(result.real.bias)) * Math.abs(result.real.factor);
}

/** Whether a sum times its multiplier can leave the range of int32. */
export const mayOverflow = (spec: ConvSpec): boolean => magnitude(spec) > 2 ** 31 - 1024;

/** Bytes from a tap's (a row's) first channel to the next one's. */
export const tapStep = ({ input, dilation }: ConvSpec): number => dilation.w * input.stride.w;
export const rowStep = ({ input, dilation }: ConvSpec): number => dilation.h * input.stride.h;
