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
  /** The same, each value counted `rowWeight` times: by how small the row is that it stands in. */
  readonly positiveWeights: Float64Array;
  readonly negativeWeights: Float64Array;
};

export const emptyHistogram = (): Histogram => ({
  exponent: smallestExponent,
  zeros: 0,
  positive: new Float64Array(bins),
  negative: new Float64Array(bins),
  positiveWeights: new Float64Array(bins),
  negativeWeights: new Float64Array(bins),
});

export const binWidth = ({ exponent }: Histogram): number => 2 ** exponent / bins;

/**
 * What a value counts in the weights: 1 / e², e the smallest power of two that its row fits below. Powers of two, so that sums
 * of them are exact, in whatever order, unless rows are very far apart.
 */
export const rowWeight = (exponent: number): number => 4 ** -exponent;

/** Takes in finite values, none of them beyond `largest` in magnitude, in rows of `rowLength`. */
export function count(histogram: Histogram, values: Float32Array, largest: number, rowLength: number): void {
  growTo(histogram, exponentOf(largest));
  const perUnit = 1 / binWidth(histogram);
  if (rowLength >= values.length) {
    countRow(histogram, values, perUnit, largest);
    return;
  }
  for (let at = 0; at < values.length; at += rowLength) {
    const row = values.subarray(at, at + rowLength);
    countRow(histogram, row, perUnit, largestOf(row));
  }
}

function countRow(histogram: Histogram, row: Float32Array, perUnit: number, largest: number): void {
  const weight = rowWeight(exponentOf(largest));
  if (row.length < 2 * bins) countFew(histogram, row, perUnit, weight);
  else countMany(histogram, row, perUnit, weight);
}

function largestOf(row: Float32Array): number {
  let largest = 0;
  for (let i = 0; i < row.length; i++) largest = Math.max(largest, Math.abs(row[i]!));
  return largest;
}

function countFew(histogram: Histogram, values: Float32Array, perUnit: number, weight: number): void {
  const { positive, negative, positiveWeights, negativeWeights } = histogram;
  let zeros = 0;
  for (let i = 0; i < values.length; i++) {
    const x = values[i]! * perUnit;
    if (x > 0) {
      positive[x | 0]!++;
      positiveWeights[x | 0]! += weight;
    } else if (x < 0) {
      negative[-x | 0]!++;
      negativeWeights[-x | 0]! += weight;
    } else zeros++;
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
function countMany(histogram: Histogram, values: Float32Array, perUnit: number, weight: number): void {
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
  const { positive, negative, positiveWeights, negativeWeights } = histogram;
  const zeros = pairs - others;
  histogram.zeros += zeros;
  for (let i = 0; i < bins; i++) {
    const above = even[i]! + odd[i]! - (i === 0 ? zeros : 0);
    const under = even[bins + i]! + odd[bins + i]!;
    positive[i]! += above;
    negative[i]! += under;
    positiveWeights[i]! += weight * above;
    negativeWeights[i]! += weight * under;
  }
  even.fill(0);
  odd.fill(0);
  countFew(histogram, values.subarray(pairs), perUnit, weight);
}

/** Adds the counts of `other`. */
export function addCounts(histogram: Histogram, other: Histogram): void {
  const shift = Math.max(0, histogram.exponent - other.exponent);
  growTo(histogram, other.exponent);
  histogram.zeros += other.zeros;
  for (const side of sides) for (let i = 0; i < bins; i++) histogram[side][shifted(i, shift)]! += other[side][i]!;
}

const sides = ['positive', 'negative', 'positiveWeights', 'negativeWeights'] as const;

/** The smallest exponent of a power of two above a magnitude; of those that share one bin, theirs. */
function exponentOf(largest: number): number {
  if (largest < 2 ** smallestExponent) return smallestExponent;
  let exponent = Math.floor(Math.log2(largest)) + 1;
  // log2 rounds: the power must lie above the value.
  while (2 ** exponent <= largest) exponent++;
  while (2 ** (exponent - 1) > largest) exponent--;
  return exponent;
}

function growTo(histogram: Histogram, exponent: number): void {
  const shift = exponent - histogram.exponent;
  if (shift <= 0) return;
  for (const side of sides) {
    const counts = histogram[side];
    for (let i = 1; i < bins; i++) {
      const moved = counts[i]!;
      counts[i] = 0;
      counts[shifted(i, shift)]! += moved;
    }
  }
  histogram.exponent = exponent;
}

const shifted = (bin: number, shift: number): number => (shift > 30 ? 0 : bin >> shift);
