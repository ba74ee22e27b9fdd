import { describe, expect, it } from 'vitest';
import type { Region } from '../../src/compile/check.ts';
import { tailOf } from '../../src/compile/emit/tail.ts';
import type { Stage } from '../../src/compile/program.ts';

const region = (begin: number): Region => ({ base: 'arena', begin, end: begin + 100 });
const [x, a, b, c, y] = [region(0), region(100), region(200), region(100), region(300)];

function stage(reads: readonly Region[], writes: readonly Region[], activations: number, weights: number): Stage {
  const constants: Region = { base: 'constants', begin: 0, end: weights };
  const step = {
    name: 's',
    tiles: 1,
    macs: 0,
    accesses: [{ ...constants, mode: 'read' as const }],
    emit: () => {},
  };
  const allowed = [{ reads: [...reads, constants], writes }];
  return { name: 's', op: 'Op', kernel: 'k', steps: [step], allowed, bytes: activations + weights };
}
const leaving = (...at: readonly Region[]) => ({
  inputs: { bytes: 100, fields: [{ at: 0, arena: x.begin, bytes: 100 }] },
  outputs: { bytes: 100, fields: at.map(({ begin }) => ({ at: 0, arena: begin, bytes: 100 })) },
});

describe('the tail of a program', () => {
  it('begins where weights outweigh activations from there on', () => {
    const stages = [stage([x], [a], 900, 100), stage([a], [b], 200, 250), stage([b], [y], 100, 400)];
    expect(tailOf(stages, leaving(y)).from).toBe(1);
  });

  it('is empty where they never do', () => {
    expect(tailOf([stage([x], [y], 900, 100)], leaving(y))).toEqual({ from: 1, live: [y] });
  });

  it('reads what was written before it and not overwritten by another value in the same memory', () => {
    const head = [stage([x], [a], 900, 0), stage([a], [b], 900, 0)];
    expect(tailOf([...head, stage([b], [c], 0, 9), stage([c], [y], 0, 9)], leaving(y)).live).toEqual([b]);
    const both = tailOf([...head, stage([b], [y], 0, 9), stage([a, y], [y], 0, 9)], leaving(y)).live;
    expect(both).toEqual([b, a]);
  });

  it('reads inputs, and outputs that were written before it or are inputs', () => {
    const stages = [stage([x], [a], 900, 0), stage([x], [y], 0, 9)];
    expect(tailOf(stages, leaving(y, a)).live).toEqual([x, a]);
    expect(tailOf([stage([a], [y], 0, 9)], leaving(y, x)).live).toEqual([a, x]);
  });

  it('reads outputs of which a part is written before it', () => {
    expect(tailOf([stage([x], [y], 900, 0), stage([x], [y], 0, 9)], leaving(y)).live).toEqual([x, y]);
  });
});
