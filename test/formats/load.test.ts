import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { tensorOf } from '../../src/base/tensor.ts';
import { load, save, writeGraphDef } from '../../src/formats/index.ts';
import { attrs, type } from '../../src/graph/attr.ts';
import { builder } from '../../src/graph/builder.ts';
import { Graph, value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';

let work: string;
beforeAll(() => {
  work = mkdtempSync(join(tmpdir(), 'octet-load-'));
});
afterAll(() => rmSync(work, { recursive: true, force: true }));

function small(): Graph {
  const b = builder();
  const x = b.input('x', 'float32', [null, 3]);
  const sum = b.node('AddV2', 'sum', [x, b.constant('c', tensorOf('float32', [1, 2, 3]))], { T: type('float32') });
  b.node('Relu', 'relu', [sum], { T: type('float32') });
  b.node('TopKV2', 'top', [sum, b.constant('k', tensorOf('int32', [1], []))], { T: type('float32') });
  return b.graph();
}
const put = (name: string, bytes: Uint8Array | string) => {
  const file = join(work, name);
  writeFileSync(file, bytes);
  return file;
};

describe('a graph without signature', () => {
  test('takes placeholders and gives what nothing reads, every port', async () => {
    const model = await load(put('a.pb', writeGraphDef(small())));
    expect(model.inputs).toEqual([{ key: 'x', value: value('x'), dtype: 'float32', shape: [null, 3] }]);
    expect(model.outputs.map((end) => [end.key, end.dtype])).toEqual([
      ['relu', 'float32'],
      ['top', 'float32'],
      ['top:1', 'int32'],
    ]);
  });

  test('nodes that others only wait for are no outputs', async () => {
    const graph = small();
    const relu = graph.node('relu');
    const waits = graph.with([...graph.nodes.values()].map((n) => (n === relu ? { ...n, controls: ['top'] } : n)));
    expect((await load(put('b.pb', writeGraphDef(waits)))).outputs.map((end) => end.key)).toEqual(['relu']);
  });

  test('or what the caller names', async () => {
    const file = put('c.pb', writeGraphDef(small()));
    const model = await load(file, { inputs: ['sum'], outputs: ['relu', 'top:1'] });
    expect(model.inputs).toMatchObject([{ key: 'sum', dtype: 'float32', shape: [null, 3] }]);
    expect(model.outputs.map((end) => end.key)).toEqual(['relu', 'top:1']);
    await expect(load(file, { outputs: ['nobody'] })).rejects.toThrow(/'nobody'.*no such node/);
    await expect(load(file, { outputs: ['relu:3'] })).rejects.toThrow(/there is no relu:3/);
  });
});

describe('what is no model', () => {
  test.each([
    ['a picture', 'p.pb', Buffer.from('\x89PNG\r\n\x1a\n0000', 'latin1'), /picture \(PNG\)/],
    ['a Keras file', 'k.pb', Buffer.from('\x89HDF\r\n\x1a\n0000', 'latin1'), /HDF5.*model\.export/],
    ['a TensorFlow Lite file', 'l.tflite', Buffer.from('\x1c\0\0\0TFL3', 'latin1'), /TensorFlow Lite/],
    [
      'an ONNX file',
      'o.pb',
      Buffer.from('\x08\x08\x12\x07pytorch\x1a\x032.0:\x00', 'latin1'),
      /ONNX.*TensorFlow model/,
    ],
    ['an empty file', 'e.pb', Buffer.alloc(0), /is empty/],
    ['text', 't.pb', Buffer.from('hello, world'), /not a readable GraphDef|no nodes/],
    ['text called pbtxt', 't.pbtxt', Buffer.from('hello: 1'), /line 1: GraphDef has no field 'hello'/],
    ['another JSON', 'j.json', Buffer.from('{"a": 1}'), /no TensorFlow.js graph model/],
    [
      'a layers model',
      'layers.json',
      Buffer.from('{"format": "layers-model", "modelTopology": {}}'),
      /layers model.*converter/,
    ],
    ['broken JSON', 'x.json', Buffer.from('{"a"'), /no JSON/],
  ])('%s', async (_, name, bytes, message) => {
    const file = put(name, bytes);
    await expect(load(file)).rejects.toThrow(UserError);
    await expect(load(file)).rejects.toThrow(message);
    await expect(load(file)).rejects.toThrow(name);
  });

  test('a path that is not there, and a folder without model', async () => {
    await expect(load(join(work, 'absent.pb'))).rejects.toThrow(/absent\.pb: can't be read/);
    await expect(load(mkdtempSync(join(work, 'empty-')))).rejects.toThrow(/holds no model — give a SavedModel/);
  });

  test('cycles and missing inputs name file and node', async () => {
    const node = (name: string, input: string) => ({
      name,
      op: 'Relu',
      inputs: [value(input)],
      controls: [],
      attrs: attrs({}),
    });
    const cyclic = put('cycle.pb', writeGraphDef(new Graph([node('a', 'b'), node('b', 'a')])));
    await expect(load(cyclic)).rejects.toThrow(/cycle\.pb, node '[ab]'.*cycle/);
    const open = put('open.pb', writeGraphDef(new Graph([node('a', 'nobody')])));
    await expect(load(open)).rejects.toThrow(/open\.pb, node 'a'.*'nobody'/);
  });
});

describe('save', () => {
  const model = async (): Promise<Model> => load(put('s.pb', writeGraphDef(small())));

  test('a graph that says enough itself is written without marks', async () => {
    const before = await model();
    const file = join(work, 'plain.pb');
    await save(before, file);
    expect(await load(file)).toEqual(before);
    expect(new TextDecoder('latin1').decode(writeGraphDef((await load(file)).graph))).not.toContain('_octet');
  });

  test('other keys and ends are kept by marks, which loading takes off', async () => {
    const before = await model();
    const [x] = before.inputs;
    const named = { ...before, inputs: [{ ...x!, key: 'image' }], outputs: [{ ...before.outputs[2]!, key: 'best' }] };
    for (const name of ['marked.pb', 'marked.pbtxt']) {
      await save(named, join(work, name));
      const back = await load(join(work, name));
      expect(back).toEqual({ ...named, graph: back.graph });
      expect([...back.graph.nodes.values()]).toEqual([...before.graph.nodes.values()]);
    }
  });

  test('nothing is replaced that is no SavedModel, and nothing half-written stays', async () => {
    const folder = mkdtempSync(join(work, 'home-'));
    writeFileSync(join(folder, 'letter.txt'), 'dear');
    await expect(save(await model(), folder)).rejects.toThrow(/holds other files/);
    await expect(save(await model(), join(work, 'm.onnx'))).rejects.toThrow(/does not write \.onnx/);
    expect(readdirSync(folder)).toEqual(['letter.txt']);
    const outside = { ...(await model()), assets: new Map([['../outside.txt', new Uint8Array(1)]]) };
    await expect(save(outside, join(folder, 'sub/m.pb'))).rejects.toThrow(/outside of its folder/);
    await expect(save(outside, join(folder, 'saved'))).rejects.toThrow(/outside of its folder/);
    expect(readdirSync(folder)).toEqual(['letter.txt']);
  });
});
