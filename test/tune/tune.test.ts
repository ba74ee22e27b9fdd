import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { type TuneOptions, tune } from '../../src/tune/tune.ts';
import { dataset, model } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'octet-tune-'));
afterAll(() => rmSync(folder, { recursive: true }));

const options: TuneOptions = {
  calibration: dataset(8),
  evaluation: dataset(100, 50),
  recipe: { name: 'test', inputs: [], metric: { kind: 'topK' } },
  metric: 'agreement',
  maxDrop: 5,
  corrections: { biasSamples: 0 },
};

it('leaves the one layer in fp32 that int8 ruins', async () => {
  const written: string[][] = [];
  const result = await tune(model('third'), {
    ...options,
    onBest: async (int8, trial) => {
      written.push([...trial.fp32]);
      expect(int8.graph.nodes.has('third/conv')).toBe(trial.fp32.includes('third/conv'));
    },
  });
  expect(result.reference).toBe(1);
  expect(result.trials[0]!.figure).toBeLessThan(0.95);
  expect(result.best!.fp32).toEqual(['third/conv']);
  expect(result.best!.figure).toBeGreaterThanOrEqual(0.95);
  expect(result.stopped).toBe('done');
  expect(written).toEqual([[], ['third/conv']]);
});

it('goes on from its state without trying anything twice', async () => {
  const stateFile = join(folder, 'state.json');
  const first = await tune(model(), { ...options, stateFile, maxTrials: 1 });
  expect(first.stopped).toBe('trials');
  expect(first.trials).toHaveLength(1);
  const second = await tune(model(), { ...options, stateFile });
  expect(second.trials[0]).toEqual(first.trials[0]);
  expect(second.stopped).toBe('done');
  const third = await tune(model(), { ...options, stateFile, maxTrials: 0 });
  expect(third).toEqual(second);
  await expect(tune(model(), { ...options, stateFile, metric: 'top-1' })).rejects.toThrow(
    `${stateFile}: is of another model, data set or metric`,
  );
  await expect(tune(model('fourth'), { ...options, stateFile })).rejects.toThrow('is of another model');
});

it('keeps the best so far when it is interrupted or time runs out', async () => {
  const interrupt = new AbortController();
  const stopped = await tune(model(), {
    ...options,
    signal: interrupt.signal,
    onBest: async () => interrupt.abort(),
  });
  expect(stopped.stopped).toBe('interrupted');
  expect(stopped.best!.fp32).toEqual([]);
  const stateFile = join(folder, 'time.json');
  let made = 0;
  const late = await tune(model(), {
    ...options,
    stateFile,
    timeLimitSeconds: 0.001,
    onBest: async () => {
      made++;
    },
  });
  expect(late.stopped).toBe('time');
  // The one that is all int8: a model there is in any case.
  expect(late.trials.map(({ fp32 }) => fp32)).toEqual([[]]);
  expect(made).toBe(1);
  expect(existsSync(stateFile)).toBe(true);
});

it('writes the best model again where another was written last, or none is left', async () => {
  const stateFile = join(folder, 'again.json');
  const written: (readonly string[])[] = [];
  const onBest: TuneOptions['onBest'] = async (_, { fp32 }) => {
    written.push(fp32);
  };
  const run = (more: Partial<TuneOptions>) => tune(model(), { ...options, stateFile, onBest, ...more });
  await run({});
  expect(written).toEqual([[], ['third/conv']]);
  // All of int8 is enough now.
  expect((await run({ maxDrop: 100 })).best!.fp32).toEqual([]);
  expect(written.slice(2)).toEqual([[]]);
  await run({});
  expect(written.slice(3)).toEqual([['third/conv']]);
  await run({});
  expect(written).toHaveLength(4);
  await run({ isWritten: () => false });
  expect(written.slice(4)).toEqual([['third/conv']]);
});

it('says which figures there are when it is asked for another', async () => {
  await expect(tune(model(), { ...options, metric: 'auc' })).rejects.toThrow("no figure 'auc' — there are: agreement");
});
