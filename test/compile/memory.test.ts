import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { alignment, type Block, place } from '../../src/compile/memory.ts';

const blocks = fc.array(
  fc
    .record({ bytes: fc.integer({ min: 1, max: 5000 }), first: fc.nat(20), length: fc.nat(8) })
    .map(({ bytes, first, length }): Block => ({ bytes, first, last: first + length })),
  { maxLength: 40 },
);

describe('placing blocks', () => {
  it('never overlaps blocks that are in use at once, aligns them, and stays in the arena', () => {
    fc.assert(
      fc.property(blocks, (list) => {
        const { offsets, bytes } = place(list);
        for (const [i, a] of list.entries()) {
          expect(offsets[i]! % alignment).toBe(0);
          expect(offsets[i]! + a.bytes).toBeLessThanOrEqual(bytes);
          for (const [j, b] of list.entries()) {
            const isTogether = i !== j && a.first <= b.last && b.first <= a.last;
            const isApart = offsets[i]! + a.bytes <= offsets[j]! || offsets[j]! + b.bytes <= offsets[i]!;
            expect(!isTogether || isApart).toBe(true);
          }
        }
      }),
    );
  });

  it('needs no more than what is in use at once for a chain', () => {
    const chain = Array.from({ length: 10 }, (_, i): Block => ({ bytes: 640, first: i, last: i + 1 }));
    expect(place(chain).bytes).toBe(1280);
  });
});
