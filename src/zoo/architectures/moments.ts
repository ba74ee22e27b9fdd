/**
 * Mean and variance of each channel of an activation, for a standard normal input: what the moving statistics of a batch
 * norm hold after training. They follow from the weights, with elements taken as independent and sums as normal (they are
 * sums of many): random weights make that near enough that activations stay of order 1 through a hundred layers, and no
 * data has to be run.
 */
export type Moments = { readonly mean: Float64Array; readonly variance: Float64Array };

export const standardNormal = (channels: number): Moments => ({
  mean: new Float64Array(channels),
  variance: new Float64Array(channels).fill(1),
});

const map = (
  { mean, variance }: Moments,
  f: (mean: number, variance: number) => readonly [number, number],
): Moments => {
  const out = { mean: new Float64Array(mean.length), variance: new Float64Array(mean.length) };
  for (let c = 0; c < mean.length; c++) [out.mean[c], out.variance[c]] = f(mean[c]!, variance[c]!);
  return out;
};

/** Abramowitz and Stegun, Handbook of Mathematical Functions, 26.2.17: to 7.5e-8. */
function normalCdf(x: number): number {
  const t = 1 / (1 + 0.2316419 * Math.abs(x));
  const series = [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153];
  const tail = normalDensity(x) * series.reduce((sum, factor) => (sum + factor) * t, 0);
  return x < 0 ? tail : 1 - tail;
}

const normalDensity = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);

/** E[max(x, 0)] and E[max(x, 0)²] of a normal x. */
function rectified(mean: number, variance: number): readonly [number, number] {
  const sd = Math.sqrt(variance);
  const [density, below] = [normalDensity(mean / sd), normalCdf(mean / sd)];
  return [sd * density + mean * below, (mean * mean + variance) * below + mean * sd * density];
}

export const reluMoments = (x: Moments): Moments =>
  map(x, (m, v) => {
    const [mean, square] = rectified(m, v);
    return [mean, square - mean * mean];
  });

/** min(max(x, 0), 6) = max(x, 0) − max(x − 6, 0), and its square is max(x, 0)² − max(x − 6, 0)² − 12 max(x − 6, 0). */
export const relu6Moments = (x: Moments): Moments =>
  map(x, (m, v) => {
    const [mean, square] = rectified(m, v);
    const [above, squareAbove] = rectified(m - 6, v);
    const clipped = mean - above;
    return [clipped, square - squareAbove - 12 * above - clipped * clipped];
  });

/**
 * Maximum of nine rectified normals of mean 0: that of nine normals, whose mean is 1.485 σ and whose variance is 0.357 σ²
 * (Teichroew 1956), is hardly ever negative; rectifying has left 0.399 σ and 0.341 σ² of each.
 */
export const maxOfNine = (x: Moments): Moments => map(x, (m, v) => [m + 1.86 * Math.sqrt(v), 1.05 * v]);

/** Mean of nine neighbours, which have much of their variance in common (measured). */
export const averageOfNine = (x: Moments): Moments => map(x, (m, v) => [m, v / 3]);

export const sumMoments = (x: Moments, y: Moments): Moments => ({
  mean: x.mean.map((m, c) => m + y.mean[c]!),
  variance: x.variance.map((v, c) => v + y.variance[c]!),
});

/** Standardized quantiles of |x| of a normal x, at the middles of eight equal shares. */
const halfNormal = [-1.264, -0.979, -0.683, -0.366, -0.012, 0.407, 0.96, 1.937] as const;

/** Of max(x + y, 0) with `x` rectified before, so never negative, and y normal. */
export function residualMoments(x: Moments, y: Moments): Moments {
  let c = 0;
  return map(x, (m, v) => {
    let [mean, square] = [0, 0];
    for (const quantile of halfNormal) {
      const shift = Math.max(0, m + quantile * Math.sqrt(v));
      const [first, second] = rectified(shift + y.mean[c]!, y.variance[c]!);
      mean += first / halfNormal.length;
      square += second / halfNormal.length;
    }
    c++;
    return [mean, square - mean * mean];
  });
}

export function concatMoments(parts: readonly Moments[]): Moments {
  const join = (pick: (part: Moments) => Float64Array) => Float64Array.from(parts.flatMap((part) => [...pick(part)]));
  return { mean: join((part) => part.mean), variance: join((part) => part.variance) };
}

/**
 * Of Σ w·x over `taps` × the channels of `x`. `weights` are [taps, in, out]; `inside` is the share of output pixels for
 * which each tap lies in the picture: elsewhere it reads zeros.
 */
export function weightedMoments(
  x: Moments,
  weights: Float32Array,
  inside: readonly number[],
  channels: number,
): Moments {
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  let at = 0;
  for (const share of inside)
    for (let c = 0; c < x.mean.length; c++) {
      const m = x.mean[c]! * share;
      const v = (x.variance[c]! + x.mean[c]! ** 2) * share - m * m;
      for (let o = 0; o < channels; o++, at++) {
        const w = weights[at]!;
        mean[o]! += w * m;
        variance[o]! += w * w * v;
      }
    }
  return { mean, variance };
}

/** Of a depthwise convolution; `weights` are [taps, channels]. */
export function depthwiseMoments(x: Moments, weights: Float32Array, inside: readonly number[]): Moments {
  const channels = x.mean.length;
  const one = (c: number): Moments => ({ mean: x.mean.subarray(c, c + 1), variance: x.variance.subarray(c, c + 1) });
  const each = Array.from({ length: channels }, (_, c) =>
    weightedMoments(
      one(c),
      Float32Array.from(inside, (_, tap) => weights[tap * channels + c]!),
      inside,
      1,
    ),
  );
  return concatMoments(each);
}
