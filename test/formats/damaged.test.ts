import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { load, writeGraphDef, writeGraphText } from '../../src/formats/index.ts';
import { damaged, expectTypedErrors } from '../support/damage.ts';
import { smallModel } from '../support/small-models.ts';

const fixtures = fileURLToPath(new URL('../fixtures/saved_models/', import.meta.url));
const { graph } = smallModel([null, 8, 8, 3], ({ input, conv, batchNorm, unary, pool, mean }) =>
  mean('m', pool('MaxPool', 'p', unary('Relu', 'relu', batchNorm('bn', conv('conv', input, [3, 4]), 4)))),
);

/** A model of each weight kind that TensorFlow.js has, with a fused op. */
const T = { type: 'DT_FLOAT' };
const end = (name: string) => ({
  name: `${name}:0`,
  dtype: 'DT_FLOAT',
  tensorShape: { dim: [{ size: '-1' }, { size: '2' }] },
});
const tfjs = {
  format: 'graph-model',
  modelTopology: {
    node: [
      { name: 'x', op: 'Placeholder', attr: { dtype: T, shape: { shape: { dim: [{ size: '-1' }, { size: '2' }] } } } },
      { name: 'w', op: 'Const', attr: { dtype: T } },
      { name: 'b', op: 'Const', attr: { dtype: T } },
      { name: 's', op: 'Const', attr: { dtype: { type: 'DT_STRING' } } },
      {
        name: 'y',
        op: '_FusedMatMul',
        input: ['x', 'w', 'b'],
        attr: { T, num_args: { i: '1' }, fused_ops: { list: { s: ['Qmlhc0FkZA==', 'UmVsdQ=='] } } },
      },
    ],
    versions: { producer: 10 },
  },
  signature: { inputs: { x: end('x') }, outputs: { y: end('y') } },
  weightsManifest: [
    {
      paths: ['weights.bin'],
      weights: [
        { name: 'w', shape: [2, 2], dtype: 'float32' },
        { name: 'b', shape: [2], dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.1, min: -1 } },
        { name: 's', shape: [1], dtype: 'string' },
      ],
    },
  ],
};
const weights = Buffer.from([...new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer), 7, 9, 3, 0, 0, 0, 97, 98, 99]);

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'octet-damaged-'));
  for (const name of ['tf1', 'tf2']) cpSync(join(fixtures, name), join(work, name), { recursive: true });
  writeFileSync(join(work, 'g.pb'), writeGraphDef(graph));
  writeFileSync(join(work, 'g.pbtxt'), writeGraphText(graph));
  mkdirSync(join(work, 'tfjs'));
  writeFileSync(join(work, 'tfjs/model.json'), JSON.stringify(tfjs));
  writeFileSync(join(work, 'tfjs/weights.bin'), weights);
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const data = 'variables/variables.data-00000-of-00001';
describe('whatever is done to one file of a model, it loads or is refused by a UserError', () => {
  test.each([
    ['g.pb', 'g.pb', 300],
    ['g.pbtxt', 'g.pbtxt', 300],
    ['tf1', 'saved_model.pb', 150],
    ['tf2', 'saved_model.pb', 150],
    ['tf1', 'variables/variables.index', 100],
    ['tf2', 'variables/variables.index', 100],
    ['tf2', data, 100],
    ['tfjs', 'model.json', 300],
    ['tfjs', 'weights.bin', 100],
  ])('%s: %s', async (model, name, runs) => {
    const path = join(work, model);
    const file = model === name ? path : join(path, name);
    const whole = new Uint8Array(readFileSync(file));
    await load(path);
    await expectTypedErrors(runs, async (random) => {
      writeFileSync(file, damaged(whole, random));
      await load(path);
    });
    writeFileSync(file, whole);
  });
});

describe('weight files of TensorFlow.js', () => {
  const withPaths = (name: string, paths: readonly string[]): string => {
    const folder = join(work, name);
    mkdirSync(folder);
    const [group] = tfjs.weightsManifest;
    writeFileSync(join(folder, 'model.json'), JSON.stringify({ ...tfjs, weightsManifest: [{ ...group, paths }] }));
    return folder;
  };

  // Two bytes of a path name as much memory as the file has: a thousand of them would take a thousand times that.
  test('one file named again and again is refused before it is read', async () => {
    const folder = withPaths('again', new Array(1000).fill('weights.bin'));
    writeFileSync(join(folder, 'weights.bin'), weights);
    await expect(load(folder)).rejects.toThrow(/model\.json.*'weights\.bin' twice/);
  });

  // What lies in the folder is its owner's doing: download caches are full of links to files elsewhere.
  test('links in the folder are followed, names that leave it are not', async () => {
    const folder = withPaths('linked', ['weights.bin']);
    symlinkSync(join(work, 'tfjs/weights.bin'), join(folder, 'weights.bin'));
    expect((await load(folder)).graph.nodes.size).toBeGreaterThan(3);
    for (const [i, path] of [
      '../tfjs/weights.bin',
      join(work, 'tfjs/weights.bin'),
      'a/../../tfjs/weights.bin',
    ].entries())
      await expect(load(withPaths(`outside${i}`, [path]))).rejects.toThrow(/outside of its folder/);
  });
});
