/** Bins of one sign. */
export const bins = 4096;
/** Values below 2^-114 share one bin. */
const smallestExponent = -114;

/**
 * Counts of values by magnitude and sign, in bins of one width: bin `i` holds `i ≤ |x| / width < i + 1` with
 * `width = 2^exponent / 4096`. The width is the smallest power of two that the values fit with, and doubles by adding
 * neighbours: so the counts do not depend on the order in which values come, and two histograms add up to that of all.
 */
export type Histogram = {
  exponent: number;
  zeros: number;
  readonly positive: Float64Array;
  readonly negative: Float64Array;
};

export const emptyHistogram = (): Histogram => ({
  exponent: smallestExponent,
  zeros: 0,
  positive: new Float64Array(bins),
  negative: new Float64Array(bins),
});

export const binWidth = ({ exponent }: Histogram): number => 2 ** exponent / bins;

/** Takes in finite values, none of them beyond `largest` in magnitude. */
export function count(histogram: Histogram, values: Float32Array, largest: number): void {
  grow(histogram, largest);
  const { positive, negative } = histogram;
  const perUnit = 1 / binWidth(histogram);
  let zeros = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]! * perUnit;
    if (x > 0) positive[x | 0]!++;
    else if (x < 0) negative[-x | 0]!++;
    else zeros++;
  }
  histogram.zeros += zeros;
}

/** Adds the counts of `other`. */
export function addCounts(histogram: Histogram, other: Histogram): void {
  const shift = Math.max(0, histogram.exponent - other.exponent);
  growTo(histogram, other.exponent);
  histogram.zeros += other.zeros;
  for (const side of ['positive', 'negative'] as const)
    for (let i = 0; i < bins; i++) histogram[side][shifted(i, shift)]! += other[side][i]!;
}

function grow(histogram: Histogram, largest: number): void {
  if (largest === 0) return;
  let exponent = Math.floor(Math.log2(largest)) + 1;
  // log2 rounds: the power must lie above the value.
  while (2 ** exponent <= largest) exponent++;
  while (2 ** (exponent - 1) > largest) exponent--;
  growTo(histogram, exponent);
}

function growTo(histogram: Histogram, exponent: number): void {
  const shift = exponent - histogram.exponent;
  if (shift <= 0) return;
  for (const counts of [histogram.positive, histogram.negative])
    for (let i = 1; i < bins; i++) {
      const moved = counts[i]!;
      counts[i] = 0;
      counts[shifted(i, shift)]! += moved;
    }
  histogram.exponent = exponent;
}

const shifted = (bin: number, shift: number): number => (shift > 30 ? 0 : bin >> shift);
