import { UserError } from '../../base/errors.ts';
import { formatShape, sizeOf } from '../../base/shape.ts';
import { numberOf, numbersOf, type Tensor } from '../../base/tensor.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { fromNumbers, numberData, throughFloat32 } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

/** By what the sum of `count` rows is divided. */
type Weight = (count: number) => number;

/**
 * Sums rows of `data` [rows, …] that `indices` [n] pick, by `ids` [n]: [segments, …]. Segments without rows are zeros.
 */
function segmentSum(data: Tensor, indices: Tensor, ids: Tensor, segments: number | undefined, weight: Weight): Tensor {
  const [rows, ...rest] = data.shape;
  const picks = numbersOf(indices);
  const of = numbersOf(ids);
  if (rows === undefined || picks.length !== of.length)
    throw new UserError(`${picks.length} indices for ${of.length} segment ids, into ${formatShape(data.shape)}`);
  const count = segments ?? (of.at(-1) ?? -1) + 1;
  const inner = sizeOf(rest);
  const source = numberData(data);
  const sums = new Float64Array(count * inner);
  const counts = new Float64Array(count);
  for (const [i, segment] of of.entries()) {
    const row = picks[i]!;
    if (row < 0 || row >= rows) throw new UserError(`index ${row} is outside of ${rows} rows`);
    if (segment < 0 || segment >= count || (segments === undefined && segment < (of[i - 1] ?? 0)))
      throw new UserError(`segment ids have to rise from 0 to ${count - 1}; found ${segment}`);
    counts[segment]!++;
    for (let j = 0; j < inner; j++) sums[segment * inner + j]! += source[row * inner + j]!;
  }
  for (let s = 0; s < count; s++)
    if (counts[s]! > 1) for (let j = 0; j < inner; j++) sums[s * inner + j]! /= weight(counts[s]!);
  return fromNumbers(data.dtype, [count, ...rest], sums);
}

const kernel = (weight: Weight): ReferenceKernel =>
  throughFloat32(([data, indices, ids, segments]) => [
    segmentSum(data!, indices!, ids!, segments === undefined ? undefined : numberOf(segments), weight),
  ]);

const sum = kernel(() => 1);
const mean = kernel((count) => count);
const sqrtN = kernel(Math.sqrt);

export const segmentKernels = {
  SparseSegmentMean: mean,
  SparseSegmentMeanWithNumSegments: mean,
  SparseSegmentSqrtN: sqrtN,
  SparseSegmentSqrtNWithNumSegments: sqrtN,
  SparseSegmentSum: sum,
  SparseSegmentSumWithNumSegments: sum,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
