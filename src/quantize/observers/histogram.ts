const binBits = 12;
/** Bins of one sign. */
export const bins = 2 ** binBits;
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
  const perUnit = 1 / binWidth(histogram);
  if (values.length < 2 * bins) countFew(histogram, values, perUnit);
  else countMany(histogram, values, perUnit);
}

function countFew(histogram: Histogram, values: Float32Array, perUnit: number): void {
  const { positive, negative } = histogram;
  let zeros = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]! * perUnit;
    if (x > 0) positive[x | 0]!++;
    else if (x < 0) negative[-x | 0]!++;
    else zeros++;
  }
  histogram.zeros += zeros;
}

/** Counts of values at even and at odd places, positive ones before negative ones: emptied after each use. */
const even = new Uint32Array(2 * bins);
const odd = new Uint32Array(2 * bins);

/**
 * The same without branches, which would depend on each value's sign, and with two sets of counts: a bin that is met twice
 * in a row would otherwise wait for its own store. Five times as fast.
 */
function countMany(histogram: Histogram, values: Float32Array, perUnit: number): void {
  const bits = new Int32Array(values.buffer, values.byteOffset, values.length);
  const pairs = values.length & ~1;
  let others = 0;
  for (let i = 0; i < pairs; i += 2) {
    const a = bits[i]!;
    const b = bits[i + 1]!;
    // The sign bit is set unless the value is 0 or −0.
    const isA = (a << 1) | -(a << 1);
    const isB = (b << 1) | -(b << 1);
    even[((Math.abs(values[i]!) * perUnit) | 0) + (((isA & a) >>> 31) << binBits)]!++;
    odd[((Math.abs(values[i + 1]!) * perUnit) | 0) + (((isB & b) >>> 31) << binBits)]!++;
    others += (isA >>> 31) + (isB >>> 31);
  }
  const { positive, negative } = histogram;
  const zeros = pairs - others;
  positive[0]! -= zeros;
  histogram.zeros += zeros;
  for (let i = 0; i < bins; i++) {
    positive[i]! += even[i]! + odd[i]!;
    negative[i]! += even[bins + i]! + odd[bins + i]!;
  }
  even.fill(0);
  odd.fill(0);
  countFew(histogram, values.subarray(pairs), perUnit);
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
