import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnsupportedError, UserError } from '../../src/base/errors.ts';
import { numbersOf, tensorOf } from '../../src/base/tensor.ts';
import { load } from '../../src/formats/index.ts';
import { constTensor } from '../../src/graph/constant.ts';
import { findDefects } from '../../src/graph/verify.ts';
import { openReference } from '../../src/runtime/reference/open.ts';

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'octet-tfjs-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

type Json = Readonly<Record<string, unknown>>;
const text = (s: string) => Buffer.from(s).toString('base64');
const constant = (name: string, dtype: string, dims: number[]): Json => ({
  name,
  op: 'Const',
  attr: {
    dtype: { type: dtype },
    value: { tensor: { dtype, tensorShape: { dim: dims.map((size) => ({ size: String(size) })) } } },
  },
});
const placeholder: Json = {
  name: 'x',
  op: 'Placeholder',
  attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '2' }] } } },
};

/** Writes a model of `nodes` with these weights, all in one shard, and gives its path. */
function write(nodes: readonly Json[], weights: readonly Json[], bytes: Uint8Array, more: Json = {}): string {
  const file = join(work, 'model.json');
  writeFileSync(join(work, 'shard1of1.bin'), bytes);
  const weightsManifest = [{ paths: ['shard1of1.bin'], weights }];
  writeFileSync(
    file,
    JSON.stringify({ format: 'graph-model', modelTopology: { node: nodes }, weightsManifest, ...more }),
  );
  return file;
}

const bytesOf = (array: ArrayBufferView) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
const weightOf = async (dtype: string, dims: number[], weight: Json, bytes: Uint8Array) => {
  const file = write([constant('w', dtype, dims)], [{ name: 'w', shape: dims, ...weight }], bytes);
  return constTensor((await load(file, { inputs: [], outputs: ['w'] })).graph.node('w'));
};

describe('weights', () => {
  test('as they are, and dequantized from float16, uint8 and uint16', async () => {
    const plain = await weightOf('DT_FLOAT', [2], { dtype: 'float32' }, bytesOf(Float32Array.of(1.5, -2)));
    expect(plain).toEqual(tensorOf('float32', [1.5, -2]));
    const half = { dtype: 'float32', quantization: { dtype: 'float16', original_dtype: 'float32' } };
    expect(await weightOf('DT_FLOAT', [2], half, bytesOf(Uint16Array.of(0x3e00, 0xc000)))).toEqual(
      tensorOf('float32', [1.5, -2]),
    );
    const byte = { dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1 } };
    expect(await weightOf('DT_FLOAT', [3], byte, Uint8Array.of(0, 1, 255))).toEqual(
      tensorOf('float32', [-1, -0.5, 126.5]),
    );
    const word = { dtype: 'int32', quantization: { dtype: 'uint16', scale: 1.4, min: 2 } };
    expect(await weightOf('DT_INT32', [2], word, bytesOf(Uint16Array.of(1, 1000)))).toEqual(
      tensorOf('int32', [3, 1402]),
    );
  });

  test('what the converter demoted is what the graph says again', async () => {
    expect(await weightOf('DT_INT64', [2], { dtype: 'int32' }, bytesOf(Int32Array.of(7, -1)))).toEqual(
      tensorOf('int64', [7, -1]),
    );
    const double = await weightOf('DT_DOUBLE', [1], { dtype: 'float32' }, bytesOf(Float32Array.of(0.5)));
    expect(double).toEqual(tensorOf('float64', [0.5]));
  });

  test.each([
    ['too short a file', { dtype: 'float32', shape: [3] }, /'w'.*end before/],
    ['too long a file', { dtype: 'float32', shape: [1] }, /take 4 bytes; shard1of1\.bin have 8/],
    ['a huge shape', { dtype: 'float32', shape: [2 ** 31, 2 ** 31] }, /'w'.*no possible shape/],
    ['a negative shape', { dtype: 'float32', shape: [-1] }, /'w'.*no possible shape/],
    ['an unknown type', { dtype: 'float8', shape: [2] }, /'w'.*type 'float8'/],
    ['an unknown quantization', { dtype: 'float32', shape: [2], quantization: { dtype: 'int4' } }, /'w'.*int4/],
  ])('%s is refused', async (_, weight, message) => {
    const file = write([constant('w', 'DT_FLOAT', [2])], [{ name: 'w', ...weight }], new Uint8Array(8));
    await expect(load(file)).rejects.toThrow(UserError);
    await expect(load(file)).rejects.toThrow(message);
  });

  test('a weight file outside of the folder is not read', async () => {
    for (const path of ['../weights.bin', '/etc/passwd']) {
      const manifest = { weightsManifest: [{ paths: [path], weights: [] }] };
      await expect(load(write([placeholder], [], new Uint8Array(0), manifest))).rejects.toThrow(
        /outside of its folder/,
      );
    }
  });
});

describe('fused ops', () => {
  const run = async (file: string, values: number[], shape: number[]) => {
    const model = await load(file);
    expect(findDefects(model.graph)).toEqual([]);
    const runner = await openReference(model, [model.outputs[0]!.value]);
    const [out] = await runner.run(new Map([['x', tensorOf('float32', values, shape)]]));
    runner.dispose();
    return { ops: [...model.graph.nodes.values()].map((n) => `${n.name}=${n.op}`), out: numbersOf(out!) };
  };
  const fusedMatMul = (ops: string[], inputs: string[]): Json => ({
    name: 'y',
    op: '_FusedMatMul',
    input: ['x', 'w', ...inputs],
    attr: { T: { type: 'DT_FLOAT' }, fused_ops: { list: { s: ops.map(text) } } },
  });
  const float = (name: string, shape: number[]) => ({ name, shape, dtype: 'float32' });

  test('become TensorFlow ops; the last keeps the name', async () => {
    const nodes = [placeholder, constant('w', 'DT_FLOAT', [2, 2]), constant('b', 'DT_FLOAT', [2])];
    const weights = [float('w', [2, 2]), float('b', [2])];
    const file = write(
      [...nodes, fusedMatMul(['BiasAdd', 'Relu'], ['b'])],
      weights,
      bytesOf(Float32Array.of(1, 0, 0, 1, 10, -10)),
    );
    const { ops, out } = await run(file, [1, 2], [1, 2]);
    expect(ops.slice(3)).toEqual(['y/MatMul=MatMul', 'y/BiasAdd=BiasAdd', 'y=Relu']);
    expect(out).toEqual([11, 0]);
  });

  test('Prelu keeps what is above zero and slopes what is below', async () => {
    const nodes = [placeholder, constant('w', 'DT_FLOAT', [2, 2]), constant('a', 'DT_FLOAT', [2])];
    const weights = [float('w', [2, 2]), float('a', [2])];
    const file = write(
      [...nodes, fusedMatMul(['Prelu'], ['a'])],
      weights,
      bytesOf(Float32Array.of(1, 0, 0, 1, 0.5, -2)),
    );
    expect((await run(file, [-4, -3, 4, 3], [2, 2])).out).toEqual([-2, 6, 4, 3]);
  });

  test('one that octet does not know is named', async () => {
    const nodes = [placeholder, constant('w', 'DT_FLOAT', [2, 2])];
    const file = write([...nodes, fusedMatMul(['Gelu'], [])], [float('w', [2, 2])], new Uint8Array(16));
    await expect(load(file)).rejects.toThrow(UnsupportedError);
    await expect(load(file)).rejects.toThrow(/'y'.*Gelu/);
  });
});

describe('published models', () => {
  const human = fileURLToPath(new URL('../../node_modules/@vladmandic/human/models/', import.meta.url));
  const face = fileURLToPath(new URL('../../node_modules/@vladmandic/face-api/model/', import.meta.url));

  test.each([
    ['antispoof', 1],
    ['blazeface', 4],
    ['centernet', 3],
    ['emotion', 1],
    ['facemesh', 3],
    ['faceres', 3],
    ['handlandmark-lite', 4],
    ['handtrack', 8],
    ['iris', 1],
    ['liveness', 1],
    ['movenet-lightning', 1],
  ])('%s', async (name, outputs) => {
    const { graph, inputs, outputs: ends } = await load(`${human}${name}.json`);
    expect(inputs).toHaveLength(1);
    expect(ends).toHaveLength(outputs);
    expect(findDefects(graph)).toEqual([]);
    for (const { op } of graph.nodes.values()) expect(op).not.toMatch(/Fused(Conv|Mat|Depth)|Prelu/);
  });

  test('lists of weights without a graph are told apart', async () => {
    const file = `${face}age_gender_model-weights_manifest.json`;
    await expect(load(file)).rejects.toThrow(/list of weights without a graph/);
  });
});
