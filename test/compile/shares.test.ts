import fc from 'fast-check';
import { expect, it } from 'vitest';
import { contextLayout, controlOf, controlPlan, tileBytes } from '../../src/compile/emit/context.ts';
import type { Part } from '../../src/compile/program.ts';
import type { Step } from '../../src/kernels/native-kernel.ts';

const step = (tiles: number): Step => ({ name: 'step', tiles, macs: 0, accesses: [], emit: () => {} });

/** Native parts with stages of steps with so many tiles. */
const partsOf = (parts: readonly (readonly (readonly number[])[])[]): readonly Part[] =>
  parts.map((stages) => ({
    kind: 'native',
    stages: stages.map((tiles) => ({
      ...{ name: '', op: '', kernel: '', allowed: [], bytes: 0 },
      steps: tiles.map(step),
    })),
  }));

it('the shares of threads hold each tile of each step once, in order, and no stage has any done', () => {
  const tiles = fc.integer({ min: 1, max: 300 });
  const nested = fc.array(fc.array(fc.array(tiles, { minLength: 1, maxLength: 3 }), { maxLength: 5 }), {
    maxLength: 3,
  });
  fc.assert(
    fc.property(nested, fc.integer({ min: 1, max: 40 }), (counts, threads) => {
      const parts = partsOf(counts);
      const { stages, steps, sharesAt, shareBytes } = controlPlan(parts);
      const { words, shares } = controlOf(parts, threads);
      expect(shares).toBeLessThanOrEqual(threads);
      expect(words.byteLength).toBe(sharesAt + shares * shareBytes - contextLayout.cancel);
      const at = (byte: number): number => words[(byte - contextLayout.cancel) / 4]!;
      for (let byte: number = contextLayout.cancel; byte < contextLayout.done + 4 * stages.length; byte += 4)
        expect(at(byte)).toBe(0);
      for (const [i, { tiles }] of steps.entries()) {
        let next = 0;
        for (let share = 0; share < shares; share++) {
          const entry = sharesAt + share * shareBytes + i * tileBytes;
          expect(at(entry)).toBe(next);
          next = at(entry + 4);
          expect(next).toBeGreaterThanOrEqual(at(entry));
        }
        expect(next).toBe(tiles);
      }
    }),
  );
});
