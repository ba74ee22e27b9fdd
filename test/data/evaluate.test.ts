import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import type { Progress } from '../../src/base/progress.ts';
import { type Tensor, tensor, tensorOf } from '../../src/base/tensor.ts';
import { type Dataset, datasetOf, type Label, UnreadableSample } from '../../src/data/dataset.ts';
import { evaluate, type Run } from '../../src/data/evaluate.ts';
import type { MetricRecipe, Recipe } from '../../src/data/recipe/recipe.ts';

/** Samples whose input is the output wanted: models here only hand it on. */
const given = (rows: readonly (readonly number[])[], labels: readonly (Label | undefined)[]): Dataset =>
  datasetOf(async function* () {
    for (const [i, row] of rows.entries()) {
      const label = labels[i];
      const load = async () => new Map([['x', tensorOf('float32', row, [1, row.length])]]);
      yield { name: `row ${i}`, ...(label === undefined ? {} : { label }), load };
    }
  }, rows.length);

const recipe = (metric: MetricRecipe, more: Partial<Recipe> = {}): Recipe => ({
  name: 'r',
  inputs: [],
  metric,
  ...more,
});
const through: Run = async (feeds) => new Map([['y', feeds.get('x')!]]);
const plus =
  (noise: number): Run =>
  async (feeds) => {
    const x = feeds.get('x') as Tensor<'float32'>;
    return new Map([
      [
        'y',
        tensor(
          'float32',
          x.shape,
          x.data.map((v) => v + noise),
        ),
      ],
    ]);
  };

describe.each([1, 2, 5])('in batches of %i', (batch) => {
  test('top-k with an offset; samples without label do not count', async () => {
    const rows = [
      [0, 3, 2],
      [0, 2, 3],
      [9, 1, 2],
      [9, 9, 9],
    ];
    const result = await evaluate(through, given(rows, [0, 0, 1, undefined]), {
      recipe: recipe({ kind: 'topK', k: [1, 2] }, { labels: { offset: 1 } }),
      batch,
    });
    expect(result.figures).toEqual({ 'top-1': 1 / 3, 'top-2': 1 });
    expect([result.samples, result.unlabelled, result.notFinite]).toEqual([4, 1, 0]);
  });

  test('auc, of one score or of the second class', async () => {
    const options = { recipe: recipe({ kind: 'auc', output: 'y' }), batch };
    expect((await evaluate(through, given([[0.8], [0.4], [0.5], [0.1]], [1, 1, 0, 0]), options)).figures).toEqual({
      auc: 0.75,
    });
    expect(
      (
        await evaluate(
          through,
          given(
            [
              [1, 0.1],
              [0, 0.9],
            ],
            [0, 1],
          ),
          options,
        )
      ).figures,
    ).toEqual({ auc: 1 });
  });

  test('ranking of samples of different lengths', async () => {
    const users = [
      [5, 1, 2],
      [1, 5],
    ];
    const dataset = datasetOf(async function* () {
      for (const row of users)
        yield { name: 'u', label: 0, load: async () => new Map([['x', tensorOf('float32', row)]]) };
    });
    const { figures } = await evaluate(through, dataset, { recipe: recipe({ kind: 'ranking', k: 1 }), batch });
    expect(figures).toEqual({ 'hr@1': 0.5, 'ndcg@1': 0.5 });
  });

  test('against a reference: agreement and SQNR', async () => {
    const swapped: Run = async () => new Map([['y', tensorOf('float32', [0, 2], [1, 2])]]);
    const one = await evaluate(swapped, given([[2, 0]], [0]), {
      recipe: recipe({ kind: 'topK', k: [1] }),
      reference: through,
    });
    expect(one.figures).toEqual({ 'top-1': 0, agreement: 0, sqnr: 10 * Math.log10(4 / 8) });
    // The reference's own figures, of the same pass.
    expect(one.reference!.figures).toEqual({ 'top-1': 1 });
    const rows = [
      [1, 2],
      [3, 4],
    ];
    const noisy = await evaluate(plus(0.5), given(rows, []), { reference: through, batch });
    expect(noisy.figures).toEqual({ sqnr: 10 * Math.log10(30 / 1) });
  });
});

test('detections: against known objects and against a reference', async () => {
  const metric = { kind: 'detection', boxes: 'b', scores: 's', classes: 'c', count: 'n' } as const;
  const detector =
    (shift: number): Run =>
    async () =>
      new Map<string, Tensor>([
        ['b', tensorOf('float32', [0, shift, 1, 1 + shift, 0, 5, 1, 6, 0, 9, 1, 10], [1, 3, 4])],
        ['s', tensorOf('float32', [0.9, 0.8, 0.9], [1, 3])],
        ['c', tensorOf('float32', [1, 2, 1], [1, 3])],
        // The third is filling.
        ['n', tensorOf('float32', [2])],
      ]);
  const truth: Label = [
    { box: [0, 0, 1, 1], category: 1, score: 1 },
    { box: [0, 5, 1, 6], category: 2, score: 1 },
    { box: [0, 9, 1, 10], category: 1, score: 1 },
  ];
  const options = { recipe: recipe(metric), reference: detector(0) };
  // Category 1 has two objects, of which one is found; category 2 is perfect.
  expect((await evaluate(detector(0), given([[0]], [truth]), options)).figures).toEqual({
    map: 0.75,
    'map@0.5': 0.75,
    agreement: 1,
    detections: 2,
  });
  expect((await evaluate(detector(0.9), given([[0]], []), options)).figures).toEqual({ agreement: 0.5, detections: 2 });
});

test('counts what is skipped and what is not finite, and reports progress', async () => {
  const done: string[] = [];
  const progress: Progress = {
    start: (task, total) => done.push(`${task} ${total}`),
    advance: (steps) => done.push(`+${steps}`),
    note: () => {},
    finish: () => done.push('finished'),
  };
  const dataset = datasetOf(async function* () {
    yield { name: 'a', load: () => Promise.reject(new UnreadableSample('broken')) };
    for (const value of [1, Number.NaN])
      yield { name: `${value}`, load: async () => new Map([['x', tensorOf('float32', [value])]]) };
  }, 3);
  const result = await evaluate(through, dataset, { progress });
  expect([result.samples, result.unlabelled, result.notFinite]).toEqual([2, 2, 1]);
  expect(result.skipped).toEqual([{ file: 'a', reason: 'broken' }]);
  expect(result.figures).toEqual({});
  expect(done).toEqual(['evaluating 3', '+1', '+1', 'finished']);
});

test('an output may be named by the end of its node’s name, where that is plain', async () => {
  const named =
    (...names: string[]): Run =>
    async (feeds) =>
      new Map(names.map((name, i) => [name, i === 0 ? feeds.get('x')! : tensorOf('float32', [0])]));
  const options = { recipe: recipe({ kind: 'auc', output: 'p' }) };
  const data = given([[1], [2]], [0, 1]);
  expect((await evaluate(named('head/p', 'q'), data, options)).figures).toEqual({ auc: 1 });
  await expect(evaluate(named('a/p', 'b/p'), data, options)).rejects.toThrow(/no output 'p'/);
});

describe('mistakes of the recipe name the sample', () => {
  const cases: [MetricRecipe, number, RegExp][] = [
    [{ kind: 'topK', output: 'logits' }, 0, /row 0: the model gave no output 'logits'.*there are: y/],
    [{ kind: 'topK' }, 7, /row 0: class 7 is not one of the model's 2.*offset/],
  ];
  test.each(cases)('%j', async (metric, label, message) => {
    const failed = evaluate(through, given([[1, 2]], [label]), { recipe: recipe(metric) });
    await expect(failed).rejects.toThrow(message);
    await expect(failed).rejects.toThrow(UserError);
  });
});
