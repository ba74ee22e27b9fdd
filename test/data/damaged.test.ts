import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringTensor, tensorOf } from '../../src/base/tensor.ts';
import type { Dataset } from '../../src/data/dataset.ts';
import { parseRecipe } from '../../src/data/recipe/parse.ts';
import type { Recipe } from '../../src/data/recipe/recipe.ts';
import { csvDataset } from '../../src/data/sources/csv.ts';
import { recordDataset } from '../../src/data/sources/records.ts';
import { encodeExample } from '../../src/formats/example.ts';
import { readNpz, writeNpz } from '../../src/formats/npz.ts';
import { frameRecord } from '../../src/formats/tfrecord.ts';
import { damaged, expectTypedErrors } from '../support/damage.ts';

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'octet-damaged-data-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const recipe: Recipe = {
  name: 'rows',
  inputs: [
    { name: 'a', from: { kind: 'feature', name: 'a', dtype: 'float32', shape: [] } },
    { name: 'b', from: { kind: 'feature', name: 'b', dtype: 'int64', shape: [] } },
    { name: 'e', from: { kind: 'example', features: { int64: ['b'], float: ['a'], bytes: ['c'] } } },
  ],
  labels: { expression: 'a > 1' },
};
const examples: Recipe = {
  name: 'examples',
  inputs: [
    { name: 'a', from: { kind: 'feature', name: 'a', dtype: 'float32', shape: [2] } },
    { name: 'c', from: { kind: 'feature', name: 'c', dtype: 'string', shape: [] } },
  ],
  labels: { feature: 'b' },
};
const example = (i: number) =>
  encodeExample([
    ['a', tensorOf('float32', [i, 2])],
    ['b', tensorOf('int64', [i])],
    ['c', stringTensor([`text ${i}`])],
  ]);

async function count(dataset: Dataset): Promise<number> {
  let samples = 0;
  for await (const sample of dataset.samples()) samples += sample.count;
  return samples;
}
const opened = (open: (file: string, recipe: Recipe) => Dataset, name: string, how: Recipe) => (bytes: Uint8Array) => {
  writeFileSync(join(work, name), bytes);
  return count(open(join(work, name), how));
};
const csv = opened(csvDataset, 'd.csv', recipe);
const records = opened(recordDataset, 'd.tfrecord', examples);

// The record's frame is right in 'an example': what is damaged is inside of it.
test.each<[string, number, Uint8Array, (bytes: Uint8Array) => unknown]>([
  ['a CSV', 200, Buffer.from('a,b,c\n1.5,2,x\n3,4,"q,z"\n0x10,6,"a""b"\n'), csv],
  ['a TFRecord', 200, Buffer.concat([1, 2, 3].map((i) => frameRecord(example(i)))), records],
  ['an example', 200, example(1), (bytes) => records(frameRecord(bytes))],
  [
    'an archive',
    300,
    writeNpz([
      ['x', tensorOf('float32', [1, 2, 3])],
      ['s', stringTensor(['a'])],
    ]),
    readNpz,
  ],
  ['a recipe', 300, Buffer.from(JSON.stringify(recipe)), (bytes) => parseRecipe(new TextDecoder().decode(bytes))],
])('whatever is done to %s, it is read or refused by a UserError', async (_, runs, whole, read) => {
  await read(whole);
  await expectTypedErrors(runs, (random) => read(damaged(new Uint8Array(whole), random)));
});

test('oddities of CSV files: byte order marks, line ends, quotes, columns', async () => {
  const text = (s: string) => csv(Buffer.from(s));
  expect(await text('\ufeffa,b,c\r\n1,2,x\r\n\r\n3,4,"two\r\nlines"\r\n')).toBe(2);
  await expect(text('a,b,c\n')).rejects.toThrow(/no samples/);
  await expect(text('')).rejects.toThrow(/no samples/);
  await expect(text('a,b,c\n1,2\n')).rejects.toThrow(/d\.csv: can't be read: /);
  await expect(text('a,b,c\n1,2,"x\n')).rejects.toThrow(/d\.csv: can't be read: /);
  await expect(text('a,c\n1,x\n')).rejects.toThrow(/has no column 'b' — there are: a, c/);
  await expect(text('a,b,c\n1,2.5,x\n')).rejects.toThrow(/row 1: column 'b' holds 2\.5, not a whole number/);
  await expect(text('a,b,c\none,2,x\n')).rejects.toThrow(/row 1: column 'a' holds 'one', not a number/);
  await expect(text(`a,b,c\n1,2,${'x'.repeat(2 ** 21)}\n`)).rejects.toThrow(/d\.csv: can't be read: /);
});
