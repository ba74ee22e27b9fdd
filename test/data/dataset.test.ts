import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { numbersOf, scalar, tensorOf } from '../../src/base/tensor.ts';
import { fitted } from '../../src/data/batch.ts';
import {
  type Dataset,
  datasetOf,
  type Item,
  type Sample,
  type SampleOptions,
  UnreadableSample,
} from '../../src/data/dataset.ts';
import { calibrationSplit, evaluationSplit, subset } from '../../src/data/subset.ts';

/** Samples n = 0, 1 … whose feed `x` is [n] and whose label is n; `bad` ones can't be read. */
function numbers(count: number, { bad = [] as number[], labels = true, loads = [] as number[] } = {}): Dataset {
  const item = (n: number): Item => ({
    name: `file ${n}`,
    ...(labels ? { label: n } : {}),
    load: async () => {
      loads.push(n);
      if (bad.includes(n)) throw new UnreadableSample('broken', { file: `file ${n}` });
      return new Map([['x', tensorOf('float32', [n])]]);
    },
  });
  return datasetOf(async function* () {
    for (let n = 0; n < count; n++) yield item(n);
  }, count);
}

async function all(dataset: Dataset, options?: SampleOptions): Promise<Sample[]> {
  const out: Sample[] = [];
  for await (const sample of dataset.samples(options)) out.push(sample);
  return out;
}
const values = (samples: readonly Sample[]): number[][] => samples.map((sample) => numbersOf(sample.feeds.get('x')!));

describe('samples', () => {
  test('all, in order, any number of times', async () => {
    const dataset = numbers(7);
    for (let time = 0; time < 2; time++)
      expect(values(await all(dataset))).toEqual([[0], [1], [2], [3], [4], [5], [6]]);
  });
  test('skip, limit and batch', async () => {
    const samples = await all(numbers(9), { skip: 2, limit: 5, batch: 3 });
    expect(values(samples)).toEqual([
      [2, 3, 4],
      [5, 6],
    ]);
    expect(samples.map(({ name, index, count }) => [name, index, count])).toEqual([
      ['file 2', 2, 3],
      ['file 5', 5, 2],
    ]);
    expect(samples[0]!.labels).toEqual([2, 3, 4]);
    expect(await all(numbers(9), { limit: 0 })).toEqual([]);
    expect(await all(numbers(9), { skip: 9 })).toEqual([]);
  });
  test('unreadable ones are passed over, named once and not counted by the limit', async () => {
    const dataset = numbers(6, { bad: [0, 3] });
    expect(values(await all(dataset, { limit: 3 }))).toEqual([[1], [2], [4]]);
    await all(dataset);
    expect(dataset.skipped()).toEqual([
      { file: 'file 0', reason: 'broken' },
      { file: 'file 3', reason: 'broken' },
    ]);
  });
  test('when none can be read, or there is none, that is an error', async () => {
    await expect(all(numbers(2, { bad: [0, 1] }))).rejects.toThrow(/none of 2 samples.*file 0: broken/);
    await expect(all(numbers(0))).rejects.toThrow(/no samples/);
  });
  test('other errors are not passed over', async () => {
    const broken = datasetOf(async function* () {
      yield { name: 'a', load: () => Promise.reject(new UserError('wrong recipe')) };
    });
    await expect(all(broken)).rejects.toThrow('wrong recipe');
  });
  test('no more is loaded than a few samples ahead', async () => {
    const loads: number[] = [];
    for await (const _ of numbers(1000, { loads }).samples()) break;
    expect(loads.length).toBeLessThanOrEqual(4);
  });
  test('samples of different lengths batch along the first axis, with their lengths', async () => {
    const ragged = datasetOf(async function* () {
      for (const n of [1, 2])
        yield { name: `${n}`, load: async () => new Map([['x', tensorOf('float32', new Array(n).fill(n))]]) };
    });
    const [sample] = await all(ragged, { batch: 2 });
    expect(values([sample!])).toEqual([[1, 2, 2]]);
    expect(sample!.lengths).toEqual([1, 2]);
  });
  test('scalars and different shapes can not be batched', async () => {
    const scalars = datasetOf(async function* () {
      for (const n of [1, 2]) yield { name: `${n}`, load: async () => new Map([['x', scalar('float32', n)]]) };
    });
    await expect(all(scalars, { batch: 2 })).rejects.toThrow(/'x' can't be batched/);
  });
});

describe('subsets', () => {
  const chosen = async (dataset: Dataset): Promise<number[]> => values(await all(dataset)).map(([n]) => n!);
  const recipe = { name: 'r', inputs: [], calibration: { labelMultipleOf: 3, first: 2 }, evaluation: 'rest' } as const;

  test('by class, the first of them; and the rest', async () => {
    expect(await chosen(calibrationSplit(numbers(10), recipe))).toEqual([0, 3]);
    expect(await chosen(evaluationSplit(numbers(10), recipe))).toEqual([1, 2, 4, 5, 6, 7, 8, 9]);
    expect(await chosen(evaluationSplit(numbers(3), recipe, 'all'))).toEqual([0, 1, 2]);
  });
  test('spread evenly', async () => {
    expect(await chosen(subset(numbers(10), { spread: 4 }))).toEqual([0, 2, 5, 7]);
    expect(await chosen(subset(numbers(3), { spread: 9 }))).toEqual([0, 1, 2]);
    expect(await chosen(subset(numbers(12), { labelMultipleOf: 2, spread: 3 }))).toEqual([0, 4, 8]);
    expect(subset(numbers(10), { spread: 4 }).size).toBe(4);
  });
  test('by class without classes: as many, spread', async () => {
    expect(await chosen(calibrationSplit(numbers(10, { labels: false }), recipe))).toEqual([0, 5]);
  });
  test('choosing loads only what is chosen', async () => {
    const loads: number[] = [];
    await all(subset(numbers(100, { loads }), { labelMultipleOf: 25 }));
    expect(loads).toEqual([0, 25, 50, 75]);
  });
});

describe('fitted', () => {
  const end = (dtype: 'float32' | 'int32' | 'string', shape: (number | null)[] | null) =>
    ({ key: 'x', value: { node: 'x', port: 0 }, dtype, shape }) as const;
  test('adds or drops the batch axis', () => {
    expect(fitted(tensorOf('float32', [1, 2]), end('float32', [null, 2])).shape).toEqual([1, 2]);
    expect(fitted(tensorOf('float32', [1], [1]), end('float32', [])).shape).toEqual([]);
    expect(fitted(tensorOf('float32', [1], [1]), end('float32', null)).shape).toEqual([1]);
  });
  test('converts numbers where nothing is lost that the type can hold', () => {
    expect(fitted(tensorOf('float64', [0.1]), end('float32', [null]))).toEqual(tensorOf('float32', [0.1]));
    expect(fitted(tensorOf('int64', [7]), end('int32', [null]))).toEqual(tensorOf('int32', [7]));
    expect(() => fitted(tensorOf('float32', [0.5]), end('int32', [null]))).toThrow(
      /takes int32 \[\?\], the data gives float32 \[1\]/,
    );
    expect(() => fitted(tensorOf('int64', [2 ** 40]), end('int32', [null]))).toThrow(UserError);
    expect(() => fitted(tensorOf('float32', [1]), end('string', [null]))).toThrow(UserError);
  });
  test('refuses other shapes', () => {
    expect(() => fitted(tensorOf('float32', [1, 2], [1, 2]), end('float32', [null, 3]))).toThrow(/\[\?,3\].*\[1,2\]/);
  });
});
