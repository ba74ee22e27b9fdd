import { type DType, integerLimits, isBigInt } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, sameShape, sizeOf } from '../../base/shape.ts';
import { numberOf, numbersOf, type Tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { throughFloat32 } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

/** Works on bigint as on number; both have the same operators. */
type Join = (acc: number, x: number) => number;
type How = { readonly join: Join; readonly empty: 'zero' | 'one' | 'lowest' | 'highest' };

const sum: How = { join: (acc, x) => acc + x, empty: 'zero' };
const prod: How = { join: (acc, x) => acc * x, empty: 'one' };
const max: How = { join: (acc, x) => (x > acc || Number.isNaN(x) ? x : acc), empty: 'lowest' };
const min: How = { join: (acc, x) => (x < acc || Number.isNaN(x) ? x : acc), empty: 'highest' };

const bounds: Partial<Record<DType, readonly [number | bigint, number | bigint]>> = {
  // The lowest finite value, as Eigen has it, for floats.
  float32: [-3.4028234663852886e38, 3.4028234663852886e38],
  float64: [-Number.MAX_VALUE, Number.MAX_VALUE],
  int64: [-(2n ** 63n), 2n ** 63n - 1n],
  ...integerLimits,
};

function emptyValue({ dtype }: Tensor, empty: How['empty']): number | bigint {
  if (empty === 'lowest' || empty === 'highest') return bounds[dtype]?.[empty === 'lowest' ? 0 : 1] ?? 0;
  const value = empty === 'one' ? 1 : 0;
  return isBigInt(dtype) ? BigInt(value) : value;
}

/** Joins the rows of `data` that have the same id; a negative id drops the row. Segments without rows get `empty`. */
function segments(
  data: Tensor,
  ids: readonly number[],
  rank: number,
  count: number,
  how: How,
  empty = how.empty,
): Tensor {
  const rest = data.shape.slice(rank);
  const inner = sizeOf(rest);
  const out = zeros(data.dtype, [count, ...rest]) as Tensor;
  const [from, to] = [data.data as Float32Array, out.data as Float32Array];
  to.fill(emptyValue(data, empty) as number);
  const seen = new Set<number>();
  ids.forEach((id, row) => {
    if (id >= count) throw new UserError(`segment ${id} is not in [0, ${count})`);
    if (id < 0) return;
    const isFirst = !seen.has(id);
    seen.add(id);
    for (let i = 0; i < inner; i++) {
      const x = from[row * inner + i]!;
      to[id * inner + i] = isFirst ? x : how.join(to[id * inner + i]!, x);
    }
  });
  return out;
}

/** Segment ids are sorted; segments without rows give zero (one for products). */
const sorted = (how: How, mean = false): ReferenceKernel =>
  throughFloat32(([data, segmentIds]) => {
    const ids = numbersOf(segmentIds!);
    if (ids.some((id, i) => id < (ids[i - 1] ?? 0))) throw new UserError('segment ids are not sorted from 0');
    if (ids.length !== data!.shape[0]) throw new UserError('segment ids do not fit the rows');
    const out = segments(data!, ids, 1, (ids.at(-1) ?? -1) + 1, how, how === prod ? 'one' : 'zero');
    if (!mean) return [out];
    const counts = new Map<number, number>();
    for (const id of ids) counts.set(id, (counts.get(id) ?? 0) + 1);
    const inner = sizeOf(data!.shape.slice(1));
    const values = out.data as Float32Array;
    if (!isBigInt(out.dtype))
      for (let i = 0; i < values.length; i++) values[i]! /= counts.get(Math.floor(i / inner)) ?? 1;
    return [out];
  });

const unsorted = (how: How): ReferenceKernel =>
  throughFloat32(([data, segmentIds, numSegments]) => {
    const rank = segmentIds!.shape.length;
    if (!sameShape(data!.shape.slice(0, rank), segmentIds!.shape))
      throw new UserError(`segment ids ${formatShape(segmentIds!.shape)} for data ${formatShape(data!.shape)}`);
    return [segments(data!, numbersOf(segmentIds!), rank, numberOf(numSegments!), how)];
  });

/** Adds up weights (ones, if there are none) by value; values from `size` on are left out. */
function countInto(
  out: Tensor,
  row: number,
  values: readonly number[],
  weights: readonly number[],
  binary: boolean,
): void {
  const size = out.shape.at(-1)!;
  values.forEach((value, i) => {
    if (value < 0) throw new UserError(`bincount of a negative value, ${value}`);
    if (value >= size) return;
    const at = row * size + value;
    const weight = weights.length === 0 || binary ? 1 : weights[i]!;
    if (isBigInt(out.dtype)) {
      const bins = out.data as BigInt64Array;
      bins[at] = binary ? 1n : bins[at]! + BigInt(weight);
    } else (out.data as Float32Array)[at] = binary ? 1 : (out.data as Float32Array)[at]! + weight;
  });
}

const bincount: ReferenceKernel = ([arr, size, weights], node) => {
  const bins = numberOf(size!);
  if (bins < 0) throw new UserError(`${bins} bins`);
  const binary = readAttr(node, 'binary_output', 'bool', false);
  const rows = node.op === 'DenseBincount' && arr!.shape.length === 2 ? arr!.shape[0]! : undefined;
  const out = zeros(weights!.dtype, rows === undefined ? [bins] : [rows, bins]) as Tensor;
  const [values, given] = [numbersOf(arr!), numbersOf(weights!)];
  const length = values.length / (rows ?? 1);
  for (let row = 0; row < (rows ?? 1); row++) {
    const part = <T>(list: readonly T[]) => list.slice(row * length, (row + 1) * length);
    countInto(out, row, part(values), part(given), binary);
  }
  return [out];
};

export const segmentKernels = {
  Bincount: bincount,
  DenseBincount: bincount,
  SegmentMax: sorted(max),
  SegmentMean: sorted(sum, true),
  SegmentMin: sorted(min),
  SegmentProd: sorted(prod),
  SegmentSum: sorted(sum),
  UnsortedSegmentMax: unsorted(max),
  UnsortedSegmentMin: unsorted(min),
  UnsortedSegmentProd: unsorted(prod),
  UnsortedSegmentSum: unsorted(sum),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
