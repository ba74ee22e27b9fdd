import type { Magnitudes } from './magnitudes.ts';

/** As many bins as the method was described with, up to the largest magnitude. */
const fine = 2048;

/**
 * The limit whose clipped distribution loses least to quantization, measured by the Kullback-Leibler divergence. Migacz,
 * 8-bit Inference with TensorRT (GTC 2017): the reference P has what lies beyond the limit in its last bin; Q has P's bins
 * merged to `levels`, each spread evenly over those of its bins that are not empty.
 */
export function entropyLimit(magnitudes: Magnitudes, largest: number, levels: number): number {
  const counts = resampled(magnitudes, largest);
  let beyond = 0;
  let best = fine;
  let least = Number.POSITIVE_INFINITY;
  for (let kept = fine; kept >= levels; kept--) {
    const divergence = divergenceOf(counts.subarray(0, kept), beyond, levels);
    if (divergence < least) [best, least] = [kept, divergence];
    beyond += counts[kept - 1]!;
  }
  return (best / fine) * largest;
}

/** Σ P log(P / Q) of a histogram with `beyond` cut off, against the same in `levels` levels. */
export function divergenceOf(counts: Float64Array, beyond: number, levels: number): number {
  const kept = counts.length;
  const inside = counts.reduce((total, n) => total + n, 0);
  const total = inside + beyond;
  if (inside === 0) return Number.POSITIVE_INFINITY;
  let divergence = 0;
  for (let level = 0; level < levels; level++) {
    const start = Math.floor((level * kept) / levels);
    const end = Math.floor(((level + 1) * kept) / levels);
    let mass = 0;
    let filled = 0;
    for (let i = start; i < end; i++) {
      mass += counts[i]!;
      // The last bin of P is never empty where something was cut off, yet Q has nothing of that.
      if (counts[i]! > 0) filled++;
    }
    for (let i = start; i < end; i++) {
      const p = (counts[i]! + (i === kept - 1 ? beyond : 0)) / total;
      if (p === 0) continue;
      const q = counts[i]! > 0 ? mass / filled / inside : 1e-9;
      divergence += p * Math.log(p / q);
    }
  }
  return divergence;
}

function resampled({ counts, width }: Magnitudes, largest: number): Float64Array {
  const coarse = new Float64Array(fine);
  for (let i = 0; i < counts.length; i++)
    if (counts[i] !== 0) coarse[Math.min(fine - 1, Math.floor(((i + 0.5) * width * fine) / largest))]! += counts[i]!;
  return coarse;
}
