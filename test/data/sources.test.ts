import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DType } from '../../src/base/dtype.ts';
import { UserError } from '../../src/base/errors.ts';
import type { PartialShape } from '../../src/base/shape.ts';
import { equalTensors, numbersOf, stringTensor, type Tensor, tensorOf, textAt } from '../../src/base/tensor.ts';
import type { Dataset, Sample, SampleOptions } from '../../src/data/dataset.ts';
import { openDataset } from '../../src/data/open.ts';
import type { Recipe } from '../../src/data/recipe/recipe.ts';
import { imageFolder } from '../../src/data/sources/folder.ts';
import { decodeExample, encodeExample } from '../../src/formats/example.ts';
import { writeNpz } from '../../src/formats/npz.ts';
import { writeRecords } from '../../src/formats/tfrecord.ts';
import { Graph } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { wideDeepTaxi } from '../../src/zoo/recipes/other.ts';
import { sharedPath } from '../support/shared.ts';

let folder = '';
const at = (...names: string[]): string => join(folder, ...names);

const model = (inputs: readonly [string, DType, PartialShape][]): Model => ({
  graph: new Graph([]),
  inputs: inputs.map(([key, dtype, shape]) => ({ key, value: { node: key, port: 0 }, dtype, shape })),
  outputs: [],
  initializers: [],
  assets: new Map(),
});
const recipeOf = (inputs: Recipe['inputs'], more: Partial<Recipe> = {}): Recipe => ({ name: 'test', inputs, ...more });

async function all(dataset: Dataset, options?: SampleOptions): Promise<Sample[]> {
  const out: Sample[] = [];
  for await (const sample of dataset.samples(options)) out.push(sample);
  return out;
}

const pictures = recipeOf([{ name: 'input', from: { kind: 'image' } }]);
const pictureModel = model([['input', 'float32', [null, 2, 2, 3]]]);

/** A 2 x 2 picture of one grey level, without loss. */
const grey = (level: number) =>
  sharp(Buffer.alloc(12, level), { raw: { width: 2, height: 2, channels: 3 } })
    .png()
    .toBuffer();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('folders of pictures', () => {
  beforeAll(async () => {
    for (const name of ['classes/b', 'classes/a', 'plain', 'list', 'empty', 'bad'])
      await mkdir(at(name), { recursive: true });
    await writeFile(at('classes/a/2.PNG'), await grey(2));
    await writeFile(at('classes/a/10.png'), await grey(1));
    await writeFile(at('classes/b/x.png'), await grey(3));
    await writeFile(at('classes/b/notes.txt'), 'no picture');
    await writeFile(at('plain/1.png'), await grey(1));
    await writeFile(at('plain/2.png'), (await grey(2)).subarray(0, 60));
    await writeFile(at('plain/3.png'), await grey(3));
    await writeFile(at('list/labels.txt'), 'my picture.png 7\nnot there.png 3\n\n');
    await writeFile(at('list/my picture.png'), await grey(9));
    await writeFile(at('bad/labels.txt'), '../plain/1.png 0\n');
  });

  test('a folder a class, files in sorted order', async () => {
    const samples = await all(imageFolder(at('classes'), pictures));
    expect(samples.map(({ labels }) => labels)).toEqual([[0], [0], [1]]);
    expect(samples.map(({ feeds }) => numbersOf(feeds.get('input')!)[0])).toEqual([1, 2, 3]);
  });
  test('plain pictures without labels; an unreadable one is passed over and named', async () => {
    const dataset = await openDataset(at('plain'), pictureModel, pictures);
    const samples = await all(dataset, { batch: 2 });
    expect(samples[0]!.feeds.get('input')!.shape).toEqual([2, 2, 2, 3]);
    expect(samples[0]!.labels).toEqual([undefined, undefined]);
    expect(dataset.skipped()).toEqual([{ file: at('plain', '2.png'), reason: expect.stringMatching(/can't be read/) }]);
  });
  test('labels.txt, with a file that is not there', async () => {
    const dataset = await openDataset(at('list'), pictureModel, pictures);
    const samples = await all(dataset);
    expect(samples.map(({ name, labels }) => [name, labels])).toEqual([[at('list', 'my picture.png'), [7]]]);
    expect(dataset.skipped().map(({ file }) => file)).toEqual([at('list', 'not there.png')]);
  });
  test('a single picture', async () => {
    expect(await all(await openDataset(at('plain/1.png'), pictureModel, pictures))).toHaveLength(1);
  });
  test('what is empty, hostile or misfit is the user’s error', async () => {
    expect(() => imageFolder(at('empty'), pictures)).toThrow(/empty: holds no samples.*\.jpg/);
    expect(() => imageFolder(at('nowhere'), pictures)).toThrow(UserError);
    expect(() => imageFolder(at('bad'), pictures)).toThrow(/lies outside/);
    await expect(openDataset(at('nowhere'), pictureModel, pictures)).rejects.toThrow(/is not there/);
    await expect(openDataset(at('plain'), pictureModel)).rejects.toThrow(/needs a recipe/);
    const small = model([['input', 'float32', [null, 4, 4, 3]]]);
    await expect(all(await openDataset(at('plain'), small, pictures))).rejects.toThrow(
      /'input' takes float32 \[\?,4,4,3\]/,
    );
  });
  test('transparency is dropped, grey repeated, no turning by EXIF', async () => {
    await mkdir(at('odd'));
    const rgba = { raw: { width: 1, height: 1, channels: 4 } } as const;
    await writeFile(
      at('odd/1.png'),
      await sharp(Buffer.from([9, 8, 7, 0]), rgba)
        .png()
        .toBuffer(),
    );
    const one = { raw: { width: 2, height: 1, channels: 1 } } as const;
    await writeFile(
      at('odd/2.png'),
      await sharp(Buffer.from([5, 6]), one)
        .toColourspace('b-w')
        .png()
        .toBuffer(),
    );
    const turned = sharp(Buffer.alloc(6, 50), { raw: { width: 2, height: 1, channels: 3 } }).withMetadata({
      orientation: 6,
    });
    await writeFile(at('odd/3.jpg'), await turned.jpeg().toBuffer());
    const inputs = (await all(imageFolder(at('odd'), pictures))).map(({ feeds }) => feeds.get('input')!);
    expect(numbersOf(inputs[0]!)).toEqual([9, 8, 7]);
    expect(numbersOf(inputs[1]!)).toEqual([5, 5, 5, 6, 6, 6]);
    expect(inputs[2]!.shape).toEqual([1, 1, 2, 3]);
  });
});

test('files as they are, for a scalar string input', async () => {
  await mkdir(at('sound/yes'), { recursive: true });
  await writeFile(at('sound/yes/a.wav'), 'RIFF');
  const recipe = recipeOf([{ name: 'wav', from: { kind: 'file', extensions: ['.wav'] } }]);
  const [sample] = await all(await openDataset(at('sound'), model([['wav', 'string', []]]), recipe));
  expect(textAt(sample!.feeds.get('wav') as Tensor<'string'>, 0)).toBe('RIFF');
  expect(sample!.feeds.get('wav')!.shape).toEqual([]);
});

describe('TFRecord', () => {
  const fixture = (name: string) => new URL(`fixtures/${name}.golden.json`, import.meta.url);
  const example = recipeOf([{ name: 'examples', from: { kind: 'example', features: {} } }]);
  const features = recipeOf([{ name: 'x', from: { kind: 'feature', name: 'f', dtype: 'float32', shape: [2] } }], {
    labels: { feature: 'y' },
  });
  const record = (y: number, f: number[]) =>
    encodeExample([
      ['y', tensorOf('int64', [y])],
      ['f', tensorOf('float32', f)],
    ]);
  const save = async (name: string, records: Uint8Array[]) => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of writeRecords(records)) chunks.push(chunk);
    await writeFile(at(name), Buffer.concat(chunks));
  };

  test('compressed as TensorFlow does it; records are handed on as they are', async () => {
    const [file, records] = JSON.parse(await readFile(fixture('tfrecordgzip'), 'utf8')) as [string, string[]];
    await mkdir(at('zipped'));
    // Only the last record is a tf.Example, so labels are not looked for in the others.
    await writeFile(at('zipped/a.tfrecord.gz'), Buffer.from(file, 'base64'));
    const { recordsOfFile } = await import('../../src/data/sources/records.ts');
    const read: string[] = [];
    for await (const bytes of recordsOfFile(at('zipped/a.tfrecord.gz')))
      read.push(Buffer.from(bytes).toString('base64'));
    expect(read).toEqual(records);
  });
  test('features as inputs and labels, shards in order', async () => {
    await mkdir(at('shards'));
    await save('shards/t.tfrecord-00001-of-00002', [record(2, [5, 6])]);
    await save('shards/t.tfrecord-00000-of-00002', [record(0, [1, 2]), record(1, [3, 4])]);
    const samples = await all(await openDataset(at('shards'), model([['x', 'float32', [null, 2]]]), features), {
      batch: 3,
    });
    expect(numbersOf(samples[0]!.feeds.get('x')!)).toEqual([1, 2, 3, 4, 5, 6]);
    expect(samples[0]!.labels).toEqual([0, 1, 2]);
  });
  test('serialized examples as strings, batched', async () => {
    await save('s.tfrecord', [record(0, [1]), record(1, [2])]);
    const [sample] = await all(await openDataset(at('s.tfrecord'), model([['examples', 'string', [null]]]), example), {
      batch: 2,
    });
    const strings = sample!.feeds.get('examples') as Tensor<'string'>;
    expect(strings.shape).toEqual([2]);
    expect(decodeExample(strings.data[1]!).get('y')).toEqual(tensorOf('int64', [1]));
  });
  test('a missing or misfit feature names the record', async () => {
    await save('m.tfrecord', [record(0, [1, 2]), record(1, [3])]);
    const opened = await openDataset(at('m.tfrecord'), model([['x', 'float32', [null, 2]]]), features);
    await expect(all(opened)).rejects.toThrow(/m\.tfrecord record 1: feature 'f' has 1 values/);
    const other = recipeOf([{ name: 'x', from: { kind: 'feature', name: 'g', dtype: 'float32' } }]);
    const missing = await openDataset(at('m.tfrecord'), model([['x', 'float32', [null]]]), other);
    await expect(all(missing)).rejects.toThrow(/record 0: has no feature 'g'.*there are: y, f/);
  });
});

describe('CSV', () => {
  const examples = model([['examples', 'string', [null]]]);
  const columns = 'trip_seconds,fare,payment_type,tips';
  const recipe = recipeOf(
    [
      {
        name: 'examples',
        from: { kind: 'example', features: { int64: ['trip_seconds'], float: ['fare'], bytes: ['payment_type'] } },
      },
    ],
    { labels: { expression: 'tips > 0.2 * fare' } },
  );

  test('rows become examples; empty cells are left out', async () => {
    await writeFile(at('t.csv'), `${columns}\n180.0,10,"Credit, Card",3\n,5.5,,0\n60,,Cash,\n`);
    const samples = await all(await openDataset(at('t.csv'), examples, recipe));
    const decoded = samples.map(
      ({ feeds }) => new Map(decodeExample((feeds.get('examples') as Tensor<'string'>).data[0]!)),
    );
    expect(decoded[0]).toEqual(
      new Map<string, Tensor>([
        ['trip_seconds', tensorOf('int64', [180])],
        ['fare', tensorOf('float32', [10])],
        ['payment_type', stringTensor(['Credit, Card'])],
      ]),
    );
    expect([...decoded[1]!.keys()]).toEqual(['fare']);
    expect(samples.map(({ labels }) => labels)).toEqual([[1], [0], [undefined]]);
  });
  test('columns as inputs', async () => {
    await writeFile(at('c.csv'), 'a,b\n1,x\n2,y\n');
    const two = recipeOf([
      { name: 'a', from: { kind: 'feature', name: 'a', dtype: 'int32' } },
      { name: 'b', from: { kind: 'feature', name: 'b', dtype: 'string' } },
    ]);
    const inputs = model([
      ['a', 'int32', [null]],
      ['b', 'string', [null, 1]],
    ]);
    const [sample] = await all(await openDataset(at('c.csv'), inputs, two), { batch: 2 });
    expect(numbersOf(sample!.feeds.get('a')!)).toEqual([1, 2]);
    expect(sample!.feeds.get('b')!.shape).toEqual([2, 1]);
  });
  test.each([
    ['a cell that is no number', `${columns}\nsoon,1,,1\n`, /row 1: column 'trip_seconds' holds 'soon'/],
    ['a fraction', `${columns}\n1.5,1,,1\n`, /row 1: column 'trip_seconds' holds 1\.5, not a whole number/],
    [
      'a missing column',
      'trip_seconds,payment_type,tips\n1,2,3\n',
      /bad\.csv: has no column 'fare'.*there are: trip_seconds/,
    ],
    ['a row too long', `${columns}\n1,1,1,1,1,1\n`, /bad\.csv: can't be read/],
    ['no rows', `${columns}\n`, /no samples/],
  ])('%s', async (_, text, message) => {
    await writeFile(at('bad.csv'), text);
    const opened = await openDataset(at('bad.csv'), examples, recipe);
    await expect(all(opened)).rejects.toThrow(message);
    await expect(all(opened)).rejects.toThrow(UserError);
  });

  const trips = sharedPath('data/taxi/trips.csv');
  test.skipIf(trips === undefined)('10,000 taxi trips, a fifth of the fare as tip', async () => {
    let tipped = 0;
    let count = 0;
    for await (const { labels } of (await openDataset(trips!, examples, wideDeepTaxi)).samples()) {
      count++;
      tipped += labels![0] as number;
    }
    expect(count).toBe(10_000);
    // Counted with Python's csv module.
    expect(tipped).toBe(2331);
  });
});

describe('npz', () => {
  const inputs = model([
    ['x', 'float32', [null, 2]],
    ['keep', 'float32', []],
  ]);
  test('rows along the first axis, scalars for all, labels', async () => {
    const arrays: [string, Tensor][] = [
      ['x', tensorOf('float64', [1, 2, 3, 4], [2, 2])],
      ['keep', tensorOf('float32', [1], [])],
      ['labels', tensorOf('int64', [5, 6])],
    ];
    await writeFile(at('a.npz'), writeNpz(arrays));
    const dataset = await openDataset(at('a.npz'), inputs);
    const samples = await all(dataset);
    expect(dataset.size).toBe(2);
    expect(equalTensors(samples[1]!.feeds.get('x')!, tensorOf('float32', [3, 4], [1, 2]))).toBe(true);
    expect(samples[1]!.feeds.get('keep')!.shape).toEqual([]);
    expect(samples.map(({ labels }) => labels)).toEqual([[5], [6]]);
  });
  test.each<[string, [string, Tensor][], RegExp]>([
    [
      'different lengths',
      [
        ['x', tensorOf('float32', [1, 2], [1, 2])],
        ['keep', tensorOf('float32', [1, 2])],
      ],
      /1 and 2 samples/,
    ],
    ['no array', [], /no arrays/],
    [
      'an array that is no input',
      [
        ['x', tensorOf('float32', [1, 2], [1, 2])],
        ['y', tensorOf('float32', [1])],
      ],
      /no input or output 'y'.*x, keep/,
    ],
    ['an input that is not there', [['x', tensorOf('float32', [1, 2], [1, 2])]], /does not give the input 'keep'/],
  ])('%s', async (_, arrays, message) => {
    await writeFile(at('bad.npz'), writeNpz(arrays));
    await expect(openDataset(at('bad.npz'), inputs).then((dataset) => all(dataset))).rejects.toThrow(message);
  });
});

describe('ratings', () => {
  const recipe = recipeOf([
    { name: 'u', from: { kind: 'rating', column: 'user' } },
    { name: 'i', from: { kind: 'rating', column: 'item' } },
  ]);
  const inputs = model([
    ['u', 'int32', [null]],
    ['i', 'int32', [null]],
  ]);
  const save = async (ratings: string, negatives: string) => {
    await mkdir(at('ml'), { recursive: true });
    await writeFile(at('ml/x.test.rating'), ratings);
    await writeFile(at('ml/x.test.negative'), negatives);
    return openDataset(at('ml'), inputs, recipe);
  };
  test('the chosen item first, then the negatives other than it', async () => {
    const samples = await all(await save('3\t7\t5\t0\n4\t8\t5\t0\n', '(3,7)\t1\t2\n(4,8)\t9\t8\n'));
    expect(samples.map(({ feeds }) => numbersOf(feeds.get('i')!))).toEqual([
      [7, 1, 2],
      [8, 9],
    ]);
    expect(numbersOf(samples[0]!.feeds.get('u')!)).toEqual([3, 3, 3]);
    expect(samples[0]!.labels).toEqual([0]);
  });
  test.each([
    ['3\t7\t5\n', '(3,8)\t1\n', /line 1 is for \(3,8\), not for \(3,7\)/],
    ['3\t7\t5\n4\t1\t1\n', '(3,7)\t1\n', /negative: ends before/],
    ['3\tx\t5\n', '(3,x)\t1\n', /line 1 holds 'x', not an id/],
  ])('refuses %j', async (ratings, negatives, message) => {
    await expect(all(await save(ratings, negatives))).rejects.toThrow(message);
  });
});

describe('random', () => {
  test('is the same for the same seed, in the shapes of the model', async () => {
    const inputs = model([
      ['a', 'float32', [null, 3]],
      ['b', 'int64', [2]],
    ]);
    const [one, two] = [
      await all(await openDataset('random', inputs), { limit: 2 }),
      await all(await openDataset('random', inputs), { skip: 1, limit: 1 }),
    ];
    expect(one[0]!.feeds.get('a')!.shape).toEqual([1, 3]);
    expect(one[0]!.feeds.get('b')!.dtype).toBe('int64');
    expect(equalTensors(one[1]!.feeds.get('a')!, two[0]!.feeds.get('a')!)).toBe(true);
    expect(equalTensors(one[0]!.feeds.get('a')!, one[1]!.feeds.get('a')!)).toBe(false);
  });
  test('pictures are pixels, prepared by the recipe', async () => {
    const recipe = recipeOf([
      { name: 'input', from: { kind: 'image', crop: { width: 4, height: 2 }, mean: 127.5, std: 127.5 } },
    ]);
    const [sample] = await all(
      await openDataset('random', model([['input', 'float32', [null, null, null, 3]]]), recipe),
      { limit: 1 },
    );
    const input = sample!.feeds.get('input')!;
    expect(input.shape).toEqual([1, 2, 4, 3]);
    const pixels = numbersOf(input).map((x) => x * 127.5 + 127.5);
    expect(pixels.every((x) => x > -0.5 && x < 255.5 && Math.abs(x - Math.round(x)) < 1e-4)).toBe(true);
  });
  test('strings and unknown sizes are the user’s to give', async () => {
    await expect(openDataset('random', model([['s', 'string', [null]]]))).rejects.toThrow(
      /no random data for the string input 's'/,
    );
    await expect(openDataset('random', model([['x', 'float32', [null, null]]]))).rejects.toThrow(
      /shape of its input 'x'/,
    );
  });
});

test('the only input may have another name than in the recipe', async () => {
  const renamed = model([['frozen/Placeholder', 'float32', [null, 2, 2, 3]]]);
  const [sample] = await all(await openDataset(at('plain'), renamed, pictures));
  expect([...sample!.feeds.keys()]).toEqual(['frozen/Placeholder']);
});

test('a gzip file that is cut short is the user’s error', async () => {
  const [file] = JSON.parse(await readFile(new URL('fixtures/tfrecordgzip.golden.json', import.meta.url), 'utf8')) as [
    string,
  ];
  await writeFile(at('cut.tfrecord.gz'), Buffer.from(file, 'base64').subarray(0, 60));
  const recipe = recipeOf([{ name: 'e', from: { kind: 'example', features: {} } }]);
  const opened = await openDataset(at('cut.tfrecord.gz'), model([['e', 'string', [null]]]), recipe);
  const error = await all(opened).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toMatch(/cut\.tfrecord\.gz/);
});
