import type { Numbers } from './classification.ts';

/**
 * Signal to quantization noise in dB over everything added: 10 · log10(Σ x² / Σ (x − y)²). Infinity where nothing differs,
 * NaN where either side is not finite or the signal is all zeros.
 */
export function sqnr() {
  let signal = 0;
  let noise = 0;
  return {
    add: (reference: Numbers, other: Numbers): void => {
      for (let i = 0; i < reference.length; i++) {
        const x = reference[i]!;
        const difference = x - other[i]!;
        signal += x * x;
        noise += difference * difference;
      }
    },
    value: (): number => (noise === 0 && signal > 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise)),
  };
}
