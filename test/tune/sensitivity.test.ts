import { expect, it } from 'vitest';
import { sensitivity } from '../../src/tune/sensitivity.ts';
import { dataset, model } from './support.ts';

it('finds the layer whose weights int8 can not hold, by itself and at the outputs', async () => {
  for (const coarse of ['second', 'fourth'] as const) {
    const rows = await sensitivity(model(coarse), { calibration: dataset(8), aloneInFp32: true, perChannel: true });
    expect(rows.map((row) => row.layer).sort()).toEqual([
      'first/conv',
      'fourth/conv',
      'head',
      'second/conv',
      'third/conv',
    ]);
    const [worst, ...others] = rows;
    expect(worst!.layer).toBe(`${coarse}/conv`);
    expect(worst!.value).toBe(coarse);
    for (const other of others) {
      expect(other.figures!.sqnr).toBeGreaterThan(worst!.figures!.sqnr! + 3);
      // Giving back any other layer helps less.
      expect(other.without!.sqnr).toBeLessThan(worst!.without!.sqnr!);
    }
  }
});

it('follows only as many layers as it is told to', async () => {
  const rows = await sensitivity(model(), { calibration: dataset(4), samples: 2, worst: 2 });
  expect(rows.filter((row) => row.figures !== undefined)).toHaveLength(2);
  expect(rows).toHaveLength(5);
});
