import type { Site } from '../sites.ts';
import type { Distribution } from './distribution.ts';
import { bins, binWidth, rowWeight } from './histogram.ts';

/** Counts by magnitude: `counts[i]` values between `i` and `i + 1` widths, `below` at zero or on the other side of it. */
export type Magnitudes = { readonly counts: Float64Array; readonly below: number; readonly width: number };

/** The magnitudes that codes of `form` are about: of both signs where they are symmetric, else of positive values. */
export function magnitudesOf({ histogram }: Distribution, form: Site['form']): Magnitudes {
  const { positive, negative, zeros } = histogram;
  const width = binWidth(histogram);
  if (form === 'signed') return { counts: positive.map((n, i) => n + negative[i]!), below: zeros, width };
  return { counts: positive, below: zeros + sum(negative), width };
}

/** Rows smaller than the largest by more than this are taken to be as large as that: what is all but zero tells little. */
const leastRow = 2 ** -5;

/**
 * The same distribution with each value counted by how small its row is, so that what a range does to a row is seen in
 * proportion to the row.
 */
export function relative({ histogram, ...rest }: Distribution): Distribution {
  const most = rowWeight(histogram.exponent) / leastRow ** 2;
  // A small row's weight is in bins of small values only, so that it is enough to bound those.
  const bounded = (weights: Float64Array, counts: Float64Array) =>
    weights.map((w, i) => Math.min(w, most * counts[i]!));
  const positive = bounded(histogram.positiveWeights, histogram.positive);
  const negative = bounded(histogram.negativeWeights, histogram.negative);
  return { ...rest, histogram: { ...histogram, positive, negative } };
}

/** The magnitudes of the values below zero. */
export function negativesOf({ histogram }: Distribution): Magnitudes {
  const { positive, negative, zeros } = histogram;
  return { counts: negative, below: zeros + sum(positive), width: binWidth(histogram) };
}

export const sum = (counts: Float64Array): number => counts.reduce((total, n) => total + n, 0);

/** The smallest upper edge of a bin that a share of all values does not exceed. */
export function percentileOf({ counts, below, width }: Magnitudes, share: number): number {
  const wanted = share * (below + sum(counts));
  let seen = below;
  let i = 0;
  while (i < bins && seen < wanted) seen += counts[i++]!;
  return i * width;
}
