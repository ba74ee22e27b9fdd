import { roundHalfEven } from '../../base/round.ts';

/** Codes of the weights of one output channel, and the magnitude that code 127 stands for. */
export type Rounded = { readonly codes: Int8Array; readonly limit: number; readonly error: number };

/** Limits that are tried: shares of the largest magnitude. */
const shares = Array.from({ length: 26 }, (_, i) => 1 - i / 50);
const maxSweeps = 8;
/** Up to so many weights, pairs of them are changed together too. */
const maxPaired = 25;

/**
 * The codes q and the step s for the weights w of one output channel that change its result least: the minimum of
 * (s·q − w)ᵀ H (s·q − w) where H is the covariance of the inputs; what shifts the mean is the bias's to correct. Nagel et
 * al., Up or Down? Adaptive Rounding (2020), equation 13, with a search over limits; solved by descent along single weights
 * and pairs of them from rounding to nearest, so never worse than that.
 *
 * @param covariance `[k, k]` row-major, symmetric.
 * @param limits the limits to try.
 */
export function roundByCovariance(w: Float64Array, covariance: Float64Array, limits: readonly number[]): Rounded {
  let best: Rounded | undefined;
  for (const limit of limits) {
    const found = descend(w, covariance, limit);
    if (best === undefined || found.error < best.error) best = found;
  }
  return best!;
}

/** Limits to try for weights: from their largest magnitude down to half of it. */
export function limitsFor(w: Float64Array): readonly number[] {
  const largest = w.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  return shares.map((share) => share * largest);
}

function descend(w: Float64Array, H: Float64Array, limit: number): Rounded {
  const k = w.length;
  const step = limit / 127;
  const codes = new Int8Array(k);
  const wrong = new Float64Array(k);
  for (let i = 0; i < k; i++) {
    codes[i] = Math.max(-127, Math.min(127, roundHalfEven(w[i]! / step)));
    wrong[i] = codes[i]! * step - w[i]!;
  }
  const gradient = new Float64Array(k);
  for (let i = 0; i < k; i++) {
    let sum = 0;
    for (let j = 0; j < k; j++) sum += H[i * k + j]! * wrong[j]!;
    gradient[i] = sum;
  }
  const change = (i: number, by: number): void => {
    codes[i]! += by;
    wrong[i]! += by * step;
    for (let j = 0; j < k; j++) gradient[j]! += H[i * k + j]! * by * step;
  };
  for (let sweep = 0; sweep < maxSweeps; sweep++) {
    let changes = 0;
    for (let i = 0; i < k; i++) {
      const curvature = H[i * k + i]!;
      if (!(curvature > 0)) continue;
      const wanted = Math.round(-gradient[i]! / curvature / step);
      const by = Math.max(-127, Math.min(127, codes[i]! + wanted)) - codes[i]!;
      if (by === 0 || 2 * gradient[i]! * by + curvature * by * by * step >= 0) continue;
      change(i, by);
      changes++;
    }
    if (k <= maxPaired) changes += changePairs(H, codes, gradient, step, change);
    if (changes === 0) break;
  }
  let error = 0;
  for (let i = 0; i < k; i++) error += wrong[i]! * gradient[i]!;
  return { codes, limit, error };
}

/** Steps of one code in two weights at once, where they lower the error. */
function changePairs(
  H: Float64Array,
  codes: Int8Array,
  gradient: Float64Array,
  step: number,
  change: (i: number, by: number) => void,
): number {
  const k = codes.length;
  let changes = 0;
  for (let i = 0; i < k; i++)
    for (let j = i + 1; j < k; j++)
      for (const [a, b] of pairs) {
        if (Math.abs(codes[i]! + a) > 127 || Math.abs(codes[j]! + b) > 127) continue;
        const curvature = H[i * k + i]! + H[j * k + j]! + 2 * a * b * H[i * k + j]!;
        if (2 * (a * gradient[i]! + b * gradient[j]!) + curvature * step >= -1e-12 * curvature * step) continue;
        change(i, a);
        change(j, b);
        changes++;
      }
  return changes;
}

const pairs = [
  [1, 1],
  [1, -1],
  [-1, 1],
  [-1, -1],
] as const;
