import type { Magnitudes } from './magnitudes.ts';

/** Limits that are tried: shares of the largest magnitude. */
const shares = Array.from({ length: 81 }, (_, i) => 1 - i / 100);

/**
 * The limit with the least squared error of rounding to `levels` steps and cutting off what lies beyond, values standing in
 * the middle of their bins. Nagel et al., A White Paper on Neural Network Quantization (2021), eq. 20.
 */
export function leastSquaresLimit(magnitudes: Magnitudes, largest: number, levels: number): number {
  let best = largest;
  let least = Number.POSITIVE_INFINITY;
  for (const share of shares) {
    const error = squaredError(magnitudes, share * largest, levels);
    if (error < least) [best, least] = [share * largest, error];
  }
  return best;
}

/** Σ (x − x̂)² where x̂ is the nearest of `levels` multiples of `limit / levels`. */
export function squaredError({ counts, width }: Magnitudes, limit: number, levels: number): number {
  const step = limit / levels;
  let total = 0;
  for (let i = 0; i < counts.length; i++) {
    if (counts[i] === 0) continue;
    const x = (i + 0.5) * width;
    const error = x - Math.min(levels, Math.round(x / step)) * step;
    total += counts[i]! * error * error;
  }
  return total;
}
