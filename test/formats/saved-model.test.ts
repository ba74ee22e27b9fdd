import { cpSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UnsupportedError, UserError } from '../../src/base/errors.ts';
import { numbersOf, stringTensor, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { load, readSavedModel, save } from '../../src/formats/index.ts';
import { NodeDefSchema } from '../../src/formats/proto/gen/octet/tensorflow/graph_pb.ts';
import { SavedModelSchema } from '../../src/formats/proto/gen/octet/tensorflow/saved_model_pb.ts';
import { constTensor } from '../../src/graph/constant.ts';
import type { Model } from '../../src/graph/model.ts';
import { findDefects } from '../../src/graph/verify.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { sharedPath } from '../support/shared.ts';

const fixtures = fileURLToPath(new URL('../fixtures/saved_models/', import.meta.url));
const expected = JSON.parse(readFileSync(join(fixtures, 'expected.json'), 'utf8'));
let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'octet-saved-model-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

const opsOf = (model: Model) => new Set([...model.graph.nodes.values()].map((node) => node.op));
const allNodes = (model: Model) => [
  ...model.graph.nodes.values(),
  ...[...model.graph.library.values()].flatMap((fn) => [...fn.body.nodes.values()]),
];

/** The model's outputs by key, as nested lists flattened. */
async function run(model: Model, feeds: Readonly<Record<string, Tensor>>) {
  const runner = await openReference(
    model,
    model.outputs.map((end) => end.value),
  );
  try {
    const values = await runner.run(new Map(Object.entries(feeds)));
    return new Map(model.outputs.map((end, i) => [end.key, numbersOf(values[i]!)]));
  } finally {
    runner.dispose();
  }
}

const x = tensorOf('float32', expected.x.flat(), [2, 4]);
const close = (found: number[] | undefined, wanted: number[]) => {
  expect(found).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(found![i]).toBeCloseTo(value, 4);
};

describe('TensorFlow 2', () => {
  test('the default signature: calls inlined, variables constants, If and While kept with what they captured', async () => {
    const model = await load(join(fixtures, 'tf2'));
    expect(model.signature).toBe('serving_default');
    expect(model.inputs.map(({ key, dtype, shape }) => [key, dtype, shape])).toEqual([
      ['s', 'string', [null]],
      ['x', 'float32', [null, 4]],
    ]);
    expect(model.outputs.map((end) => end.key)).toEqual(['id', 'weight', 'y']);
    expect(opsOf(model)).toContain('While');
    for (const { op } of allNodes(model))
      expect(op).not.toMatch(/PartitionedCall|VarHandleOp|ReadVariableOp|RestoreV2|SaveV2/);
    expect(findDefects(model.graph)).toEqual([]);
    const name = 'StatefulPartitionedCall_1/StatefulPartitionedCall/StatefulPartitionedCall/MatMul';
    expect([...model.graph.nodes.keys()].filter((n) => n.endsWith('/MatMul'))).toContain(name);
    expect(constTensor(model.graph.node('b'))).toEqual(tensorOf('float32', [1, -2, 3]));
    expect([...model.assets]).toEqual([['assets/vocab.txt', new Uint8Array(Buffer.from('a\nbb\nccc\n'))]]);
  });

  test('computes what TensorFlow computes', async () => {
    const found = await run(await load(join(fixtures, 'tf2')), { x, s: stringTensor(['bb', 'zz']) });
    close(found.get('y'), expected.tf2.y.flat());
    expect(found.get('id')).toEqual(expected.tf2.id);
    expect(found.get('weight')).toEqual(expected.tf2.weight);
  });

  test('another signature', async () => {
    const model = await load(join(fixtures, 'tf2'), { signature: 'layer' });
    expect(model.inputs).toMatchObject([{ key: 'z', shape: [2, 4] }]);
    expect(opsOf(model)).not.toContain('While');
  });

  test('a signature or tags that are not there: the error lists those that are', async () => {
    await expect(load(join(fixtures, 'tf2'), { signature: 'no' })).rejects.toThrow(/'no'.*choose one of: .*layer/);
    await expect(load(join(fixtures, 'tf2'), { tags: ['train'] })).rejects.toThrow(/\[train\].*there are: \[serve\]/);
  });
});

describe('TensorFlow 1', () => {
  test('reference variables, one in three parts, computes what TensorFlow computes', async () => {
    const model = await load(join(fixtures, 'tf1'));
    for (const { op } of allNodes(model)) expect(op).not.toMatch(/Variable|Assign|Restore|Save/);
    expect(findDefects(model.graph)).toEqual([]);
    const found = await run(model, { x });
    close(found.get('y'), expected.tf1.y.flat());
    close(found.get('rows'), expected.tf1.rows.flat());
    expect(found.get('ids')).toEqual(expected.tf1.ids);
  });

  const taxi = sharedPath('models/wide_deep_taxi');
  test.skipIf(taxi === undefined)('an Estimator as exported: tables and assets, no variables left', async () => {
    const model = await readSavedModel(taxi!, { signature: 'predict' });
    expect(model.inputs.map((end) => end.key)).toEqual(['examples']);
    expect(model.outputs.map((end) => end.key)).toContain('logistic');
    expect(model.assets.size).toBe(2);
    expect(model.initializers).toEqual(['group_deps']);
    for (const { op } of allNodes(model))
      expect(op).not.toMatch(/PartitionedCall|VarHandleOp|ReadVariableOp|RestoreV2/);
    expect(findDefects(model.graph)).toEqual([]);
  });
});

describe('what can be wrong', () => {
  const copy = (name: string, from = 'tf2'): string => {
    const folder = join(work, name);
    cpSync(join(fixtures, from), folder, { recursive: true });
    return folder;
  };
  const data = 'variables/variables.data-00000-of-00001';

  test('a wrong checksum names shard and tensor', async () => {
    const folder = copy('checksum');
    const bytes = readFileSync(join(folder, data));
    for (let i = 0; i < bytes.length; i++) bytes[i]! ^= 1;
    writeFileSync(join(folder, data), bytes);
    await expect(load(folder)).rejects.toThrow(UserError);
    await expect(load(folder)).rejects.toThrow(/data-00000-of-00001.*'.*VARIABLE_VALUE.*checksum is wrong — /);
  });

  test('a missing shard, and one that is cut', async () => {
    const folder = copy('shard');
    const bytes = readFileSync(join(folder, data));
    writeFileSync(join(folder, data), bytes.subarray(0, 10));
    await expect(load(folder)).rejects.toThrow(/ends at byte 10, before the tensor does/);
    renameSync(join(folder, data), join(folder, 'elsewhere'));
    await expect(load(folder)).rejects.toThrow(/data-00000-of-00001.*VARIABLE_VALUE.*can't be read/);
  });

  test('any flipped byte of the index is found', async () => {
    const folder = copy('index');
    const index = join(folder, 'variables/variables.index');
    const bytes = readFileSync(index);
    const padding = { start: bytes.length - 48, end: bytes.length - 8 };
    for (let i = 0; i < bytes.length; i += 3) {
      // The footer is not under a checksum, and most of it is padding.
      if (i >= padding.start && i < padding.end) continue;
      const damaged = Uint8Array.from(bytes);
      damaged[i]! ^= 0x40;
      writeFileSync(index, damaged);
      await expect(load(folder), `byte ${i}`).rejects.toThrow(UserError);
    }
  });

  test('a checkpoint without a variable', async () => {
    const folder = copy('none');
    rmSync(join(folder, 'variables'), { recursive: true });
    await expect(load(folder)).rejects.toThrow(/no checkpoint|neither in the checkpoint/);
  });

  const edited = (name: string, edit: (model: ReturnType<typeof parse>) => void, from = 'tf2'): string => {
    const folder = copy(name, from);
    const model = parse(folder);
    edit(model);
    writeFileSync(join(folder, 'saved_model.pb'), toBinary(SavedModelSchema, model));
    return folder;
  };
  const parse = (folder: string) =>
    fromBinary(SavedModelSchema, new Uint8Array(readFileSync(join(folder, 'saved_model.pb'))));

  test.each(['../../secret.txt', '/etc/passwd', 'a/../../../x'])('an asset called %s is not read', async (filename) => {
    const folder = edited('asset', ({ metaGraphs }) => {
      metaGraphs[0]!.assetFileDef[0]!.filename = filename;
    });
    await expect(load(folder)).rejects.toThrow(/outside of its folder/);
  });

  test('functions that call themselves, or are not there', async () => {
    const calls = edited('recursion', ({ metaGraphs }) => {
      for (const { nodeDef } of metaGraphs[0]!.graphDef!.library!.function)
        for (const node of nodeDef)
          for (const { key, value } of node.attr)
            if (key === 'f' && value?.value.case === 'func')
              value.value.value.name = nameOfCaller(metaGraphs[0]!, node.name);
    });
    await expect(load(calls)).rejects.toThrow(/calls itself|takes/);
    const missing = edited('missing', ({ metaGraphs }) => {
      metaGraphs[0]!.graphDef!.library!.function = [];
    });
    await expect(load(missing)).rejects.toThrow(/calls the function '.*', which the file does not have/);
  });
  const nameOfCaller = (meta: ReturnType<typeof parse>['metaGraphs'][0], node: string): string =>
    meta.graphDef!.library!.function.find((fn) => fn.nodeDef.some((n) => n.name === node))!.signature!.name;

  test('a model that changes its variables while it runs: all such nodes are named', async () => {
    const folder = edited(
      'assigns',
      ({ metaGraphs }) => {
        const { node } = metaGraphs[0]!.graphDef!;
        const y = node.find((n) => n.name === 'y')!;
        const attr = node.find((n) => n.name === 'w/Assign')!.attr;
        for (const name of ['update', 'update_again'])
          node.push(create(NodeDefSchema, { name, op: 'Assign', input: ['w', 'w/read'], attr }));
        y.input.push('^update', '^update_again');
      },
      'tf1',
    );
    await expect(load(folder)).rejects.toThrow(UnsupportedError);
    await expect(load(folder)).rejects.toThrow(/'update'.*changes a variable.*'update_again'/);
  });
});

describe('writing', () => {
  test('a SavedModel comes back: signature, initializers, assets, values', async () => {
    const model = await load(join(fixtures, 'tf2'));
    const folder = join(work, 'written');
    await save(model, `${folder}/`);
    expect(readdirSync(folder).sort()).toEqual(['assets', 'saved_model.pb']);
    const back = await load(folder);
    expect(back.inputs).toEqual(model.inputs);
    expect(back.outputs).toEqual(model.outputs);
    expect(back.assets).toEqual(model.assets);
    const found = await run(back, { x, s: stringTensor(['bb', 'zz']) });
    close(found.get('y'), expected.tf2.y.flat());
    expect(found.get('id')).toEqual(expected.tf2.id);
    // Again over itself.
    await save(back, folder);
    expect((await load(folder)).outputs).toEqual(model.outputs);
  });

  test.each(['.pb', '.pbtxt'])('a %s keeps keys, initializers and assets', async (extension) => {
    const model = await load(join(fixtures, 'tf2'));
    const file = join(work, `graph${extension}`, `m${extension}`);
    await save(model, file);
    const back = await load(file);
    expect(back.inputs.map(({ key, value }) => ({ key, value }))).toEqual(
      model.inputs.map(({ key, value }) => ({ key, value })),
    );
    expect(back.outputs.map((end) => end.key)).toEqual(model.outputs.map((end) => end.key));
    expect([...back.graph.nodes.values()]).toEqual([...model.graph.nodes.values()]);
    const found = await run(back, { x, s: stringTensor(['bb', 'zz']) });
    expect(found.get('id')).toEqual(expected.tf2.id);
  });
});
