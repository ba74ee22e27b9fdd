import { addCounts, bins, count, emptyHistogram, type Histogram } from './histogram.ts';

/**
 * What calibration keeps of one tensor, in fixed memory, whatever the number of samples: all methods choose their ranges
 * from it. It does not depend on the order of the runs, and those of two halves of the runs merge to that of all.
 */
export type Distribution = {
  /** How many runs there were, and the smallest and largest element of all of them. */
  runs: number;
  min: number;
  max: number;
  /** Sums of each run's smallest and largest element, for their average. */
  minSum: number;
  maxSum: number;
  readonly histogram: Histogram;
};

export const emptyDistribution = (): Distribution => ({
  runs: 0,
  min: Number.POSITIVE_INFINITY,
  max: Number.NEGATIVE_INFINITY,
  minSum: 0,
  maxSum: 0,
  histogram: emptyHistogram(),
});

/**
 * Takes in the elements of one run, in rows of `rowLength`. False when one of them is not finite; nothing is taken in then.
 */
export function observe(to: Distribution, values: Float32Array, rowLength = values.length): boolean {
  if (values.length === 0) return true;
  const [min, max] = endsOf(values);
  if (!Number.isFinite(min) || !Number.isFinite(max)) return false;
  to.runs++;
  to.min = Math.min(to.min, min);
  to.max = Math.max(to.max, max);
  to.minSum += min;
  to.maxSum += max;
  count(to.histogram, values, Math.max(-min, max), rowLength);
  return true;
}

/**
 * The smallest and largest element; one that is not finite where there is one. Compares bits as integers, negative values'
 * turned around so that their order is that of the numbers: infinities and NaNs lie at the ends, and nothing has to wait for
 * an addition.
 */
function endsOf(values: Float32Array): readonly [min: number, max: number] {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  let least = 0x7fffffff;
  let most = ~0x7fffffff;
  for (let i = 0; i < bits.length; i++) {
    const key = bits[i]! ^ ((bits[i]! >> 31) & 0x7fffffff);
    if (key < least) least = key;
    if (key > most) most = key;
  }
  const [min, max] = new Float32Array(Int32Array.of(ordered(least), ordered(most)).buffer) as unknown as [
    number,
    number,
  ];
  // Not −0.
  return [min + 0, max + 0];
}

/** Its own inverse. */
const ordered = (bits: number): number => bits ^ ((bits >> 31) & 0x7fffffff);

/** Adds what `other` has seen. */
export function merge(to: Distribution, other: Distribution): void {
  to.runs += other.runs;
  to.min = Math.min(to.min, other.min);
  to.max = Math.max(to.max, other.max);
  to.minSum += other.minSum;
  to.maxSum += other.maxSum;
  addCounts(to.histogram, other.histogram);
}

/** A distribution as JSON takes it; bins as pairs of index and count, since most are empty. */
export type DistributionJson = {
  readonly runs: number;
  readonly ends: readonly [min: number, max: number, minSum: number, maxSum: number] | null;
  readonly exponent: number;
  readonly zeros: number;
  readonly positive: readonly number[];
  readonly negative: readonly number[];
  readonly positiveWeights: readonly number[];
  readonly negativeWeights: readonly number[];
};

export const toJson = ({ runs, min, max, minSum, maxSum, histogram }: Distribution): DistributionJson => ({
  runs,
  ends: runs === 0 ? null : [min, max, minSum, maxSum],
  exponent: histogram.exponent,
  zeros: histogram.zeros,
  positive: sparse(histogram.positive),
  negative: sparse(histogram.negative),
  positiveWeights: sparse(histogram.positiveWeights),
  negativeWeights: sparse(histogram.negativeWeights),
});

/** The distribution that `toJson` wrote; undefined where `json` is anything else. */
export function fromJson(json: unknown): Distribution | undefined {
  if (typeof json !== 'object' || json === null) return undefined;
  const { runs, ends, exponent, zeros, ...counts } = json as Partial<DistributionJson>;
  const found = emptyDistribution();
  if (!isCount(runs) || !isCount(zeros) || !Number.isInteger(exponent) || Math.abs(exponent!) > 200) return undefined;
  for (const side of ['positive', 'negative'] as const)
    if (
      !fill(found.histogram[side], counts[side], isCount) ||
      !fill(found.histogram[`${side}Weights`], counts[`${side}Weights`], isWeight)
    )
      return undefined;
  Object.assign(found.histogram, { exponent, zeros });
  if (runs > 0) {
    if (!Array.isArray(ends) || ends.length !== 4 || !ends.every(Number.isFinite)) return undefined;
    const [min, max, minSum, maxSum] = ends as unknown as [number, number, number, number];
    Object.assign(found, { runs, min, max, minSum, maxSum });
  }
  return found;
}

const isCount = (x: unknown): x is number => Number.isSafeInteger(x) && (x as number) >= 0;
const isWeight = (x: unknown): x is number => Number.isFinite(x) && (x as number) >= 0;

function sparse(counts: Float64Array): number[] {
  const pairs: number[] = [];
  for (let i = 0; i < bins; i++) if (counts[i] !== 0) pairs.push(i, counts[i]!);
  return pairs;
}

function fill(counts: Float64Array, pairs: unknown, isValid: (x: unknown) => x is number): boolean {
  if (!Array.isArray(pairs) || pairs.length % 2 !== 0) return false;
  for (let i = 0; i < pairs.length; i += 2) {
    if (!isCount(pairs[i]) || pairs[i] >= bins || !isValid(pairs[i + 1])) return false;
    counts[pairs[i]] = pairs[i + 1];
  }
  return true;
}
