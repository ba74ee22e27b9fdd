import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { tensor } from '../../src/base/tensor.ts';
import { leastSquaresLimits } from '../../src/quantize/weight-limits.ts';

/** Σ (w − ŵ)² of a channel, straight from its definition. */
function errorOf(weights: readonly number[], limit: number): number {
  const step = limit / 127;
  return weights.reduce((sum, w) => {
    const code = Math.max(-127, Math.min(127, Math.round(w / step)));
    return sum + (w - code * step) ** 2;
  }, 0);
}

const shares = Array.from({ length: 61 }, (_, i) => 1 - i / 100);

describe('limits of weights', () => {
  it('have the least error of all shares that are tried, although most of the sums are cut short', () => {
    const heavyTailed = fc.float({ min: -3, max: 3, noNaN: true }).map((x) => Math.fround(x ** 5));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.array(heavyTailed, { minLength: 1, maxLength: 60 }),
        (channels, first) => {
          const depth = first.length;
          const data = Float32Array.from({ length: depth * channels }, (_, i) => {
            const w = first[Math.floor(i / channels)]!;
            return w * (1 + (i % channels)) * (i % 2 === 0 ? 1 : -1);
          });
          const limits = leastSquaresLimits(tensor('float32', [depth, channels], data), 1);
          for (let c = 0; c < channels; c++) {
            const column = Array.from({ length: depth }, (_, i) => data[i * channels + c]!);
            const largest = Math.max(...column.map(Math.abs));
            const least = Math.min(...shares.map((share) => (largest === 0 ? 0 : errorOf(column, share * largest))));
            const found = limits[c] === 0 ? 0 : errorOf(column, limits[c]!);
            // Limits are float32, sums in another order: what is left is far below a step.
            expect(found).toBeLessThanOrEqual(least * (1 + 1e-4) + 1e-12 * largest ** 2);
          }
        },
      ),
      { numRuns: 200 },
    );
  });

  it('are zero for channels of zeros', () => {
    expect([...leastSquaresLimits(tensor('float32', [2, 2], Float32Array.of(0, 1, 0, -1)), 1)]).toEqual([0, 1]);
  });
});
