import { isFloat } from '../src/base/dtype.ts';
import { fromBfloat16, fromFloat16 } from '../src/base/half.ts';
import { formatShape, sameShape } from '../src/base/shape.ts';
import { equalTensors, type Tensor, textAt } from '../src/base/tensor.ts';

/**
 * How far an element may be from TensorFlow's: `relative` to it, plus `absolute` times the largest finite magnitude of
 * TensorFlow's tensor (for sums, whose terms may cancel). Integers, booleans and strings must be equal unless `steps` says
 * how many may be that many integer steps apart.
 */
export type Tolerance = {
  readonly relative: number;
  readonly absolute: number;
  readonly why?: string;
  /** A distance that is as good as none. */
  readonly floor?: number;
  /** For integers: the largest distance, and the share of elements that may have one. */
  readonly steps?: { readonly largest: number; readonly share: number };
};

/** One rounding of the 16-bit types and 1e-12 of float64, whatever the family allows for float32. */
const ofType: Partial<Record<Tensor['dtype'], Pick<Tolerance, 'relative' | 'absolute'>>> = {
  float64: { relative: 1e-10, absolute: 1e-14 },
  float16: { relative: 2 ** -9, absolute: 2 ** -11 },
  bfloat16: { relative: 2 ** -6, absolute: 2 ** -8 },
};

export type Difference = {
  readonly elements: number;
  /** Elements that are not the same bits (NaN is like NaN, 0 like −0). */
  readonly different: number;
  /** The largest distance, and relative to TensorFlow's element. */
  readonly largest: number;
  readonly relative: number;
  /** What breaks the tolerance, or undefined. */
  readonly problem: string | undefined;
};

const equal: Difference = { elements: 0, different: 0, largest: 0, relative: 0, problem: undefined };

/** Compares octet's tensor with TensorFlow's. */
export function differenceOf(ours: Tensor, theirs: Tensor, tolerance: Tolerance): Difference {
  if (ours.dtype !== theirs.dtype || !sameShape(ours.shape, theirs.shape)) {
    const [a, b] = [ours, theirs].map((t) => `${t.dtype} ${formatShape(t.shape)}`);
    return { ...equal, problem: `${a}, TensorFlow gives ${b}` };
  }
  if (ours.dtype === 'string' && theirs.dtype === 'string') {
    const at = ours.data.findIndex((s, i) => Buffer.compare(s, theirs.data[i]!) !== 0);
    const problem =
      at < 0
        ? undefined
        : `[${at}] ${JSON.stringify(textAt(ours, at))}, TensorFlow ${JSON.stringify(textAt(theirs, at))}`;
    return { ...equal, elements: ours.data.length, different: at < 0 ? 0 : 1, problem };
  }
  if (equalTensors(ours, theirs)) return { ...equal, elements: ours.data.length };
  return differenceOfNumbers(valuesOf(ours), valuesOf(theirs), ours.dtype, tolerance);
}

function differenceOfNumbers(
  x: ArrayLike<number | bigint>,
  y: ArrayLike<number | bigint>,
  dtype: Tensor['dtype'],
  tolerance: Tolerance,
): Difference {
  const isReal = isFloat(dtype) || dtype === 'complex64';
  const { relative, absolute } = { ...tolerance, ...ofType[dtype] };
  const margin = isReal ? absolute * largestOf(y) + (tolerance.floor ?? 0) : 0;
  let [different, largest, worst, broken] = [0, 0, 0, 0];
  let first: string | undefined;
  for (let i = 0; i < y.length; i++) {
    const [a, b] = [x[i]!, y[i]!];
    if (a === b || (Number.isNaN(a) && Number.isNaN(b))) continue;
    different++;
    const distance = Math.abs(Number(a) - Number(b));
    const isOff = isReal
      ? !(distance <= relative * Math.abs(Number(b)) + margin)
      : !(distance <= (tolerance.steps?.largest ?? 0));
    if (Number.isNaN(distance)) largest = Number.POSITIVE_INFINITY;
    else largest = Math.max(largest, distance);
    worst = Math.max(worst, distance / Math.max(Math.abs(Number(b)), 1e-30));
    if (isOff && broken++ === 0) first = `[${i}] ${a}, TensorFlow ${b}`;
  }
  const isTooMany = !isReal && different > Math.ceil((tolerance.steps?.share ?? 0) * y.length);
  const problem =
    broken > 0
      ? `${broken} of ${y.length} elements: ${first}`
      : isTooMany
        ? `${different} of ${y.length} codes differ, by up to ${largest}`
        : undefined;
  return { elements: y.length, different, largest, relative: worst, problem };
}

function valuesOf(t: Tensor): ArrayLike<number | bigint> {
  const data = t.data as ArrayLike<number | bigint>;
  if (t.dtype === 'float16') return Array.from(data as ArrayLike<number>, fromFloat16);
  return t.dtype === 'bfloat16' ? Array.from(data as ArrayLike<number>, fromBfloat16) : data;
}

function largestOf(values: ArrayLike<number | bigint>): number {
  let largest = 0;
  for (let i = 0; i < values.length; i++) {
    const magnitude = Math.abs(Number(values[i]));
    if (magnitude > largest && Number.isFinite(magnitude)) largest = magnitude;
  }
  return largest;
}
