import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DType, dtypes } from '../../src/base/dtype.ts';
import { UserError } from '../../src/base/errors.ts';
import {
  bytesOf,
  numbersOf,
  stringTensor,
  type Tensor,
  tensor,
  tensorFromBytes,
  tensorOf,
} from '../../src/base/tensor.ts';
import { readContext } from '../../src/formats/graph-def/context.ts';
import { readTensor, writeTensor } from '../../src/formats/graph-def/tensor.ts';
import { readGraphDef, readGraphText, writeGraphDef, writeGraphText } from '../../src/formats/index.ts';
import {
  type FunctionDef,
  GraphDefSchema,
  type TextEntry,
} from '../../src/formats/proto/gen/octet/tensorflow/graph_pb.ts';
import { SavedModelSchema } from '../../src/formats/proto/gen/octet/tensorflow/saved_model_pb.ts';
import { TensorProtoSchema } from '../../src/formats/proto/gen/octet/tensorflow/tensor_pb.ts';
import type { Attr } from '../../src/graph/attr.ts';
import { Graph, type Node, value } from '../../src/graph/graph.ts';
import { sharedPath } from '../support/shared.ts';

const node = (name: string, op: string, attrs: [string, Attr][] = [], inputs = [] as Node['inputs']): Node => ({
  name,
  op,
  inputs,
  controls: [],
  attrs: new Map(attrs),
});

const plainTypes = (Object.keys(dtypes) as DType[]).filter((d) => dtypes[d].bytes > 0);

/** One attribute of every kind. */
const everyAttr: [string, Attr][] = [
  ['string', { string: 'naïve' }],
  ['bytes', { bytes: Uint8Array.of(255, 0, 1) }],
  ['int', { int: -3 }],
  ['big', { int: 2n ** 62n }],
  ['float', { float: 0.5 }],
  ['bool', { bool: false }],
  ['type', { type: 'qint8' }],
  ['shape', { shape: [null, 3] }],
  ['rank', { shape: null }],
  ['tensor', { tensor: tensorOf('int64', [1, 2, 3]) }],
  ['func', { func: { name: 'f', attrs: new Map([['T', { type: 'float32' } as Attr]]) } }],
  ['placeholder', { placeholder: 'T' }],
  ['strings', { list: { strings: ['a', ''] } }],
  ['ints', { list: { ints: [1, -2] } }],
  ['floats', { list: { floats: [0.25, 1] } }],
  ['bools', { list: { bools: [true, false] } }],
  ['types', { list: { types: ['float32', 'string'] } }],
  ['shapes', { list: { shapes: [[1], null] } }],
  ['empty', { list: {} }],
];

const everyNode = [
  node('a', 'Placeholder', [['dtype', { type: 'float32' }]]),
  { ...node('b', 'Anything', everyAttr, [value('a'), value('c', 2)]), controls: ['a'], device: '/cpu:0' },
  node('c', 'Other'),
];

describe('GraphDef', () => {
  test('every kind of attribute, inputs, controls and devices come back, from bytes and from text', () => {
    const graph = new Graph(everyNode);
    for (const back of [readGraphDef(writeGraphDef(graph)), readGraphText(writeGraphText(graph))])
      expect([...back.nodes.values()]).toEqual(everyNode);
  });

  test('fields that octet does not know survive: of the graph, of nodes, and whole attribute values', () => {
    // Field 99 of GraphDef and of NodeDef, and field 50 of AttrValue, all varints.
    const attr = Uint8Array.of(0x0a, 1, 0x78, 0x12, 3, 0x90, 0x03, 7);
    const inNode = Uint8Array.of(0x0a, 1, 0x6e, 0x12, 1, 0x4f, 0x2a, attr.length, ...attr, 0x98, 0x06, 5);
    const bytes = Uint8Array.of(0x0a, inNode.length, ...inNode, 0x98, 0x06, 9);
    const graph = readGraphDef(bytes);
    expect(graph.node('n').attrs.get('x')).toEqual({ raw: Uint8Array.of(0x90, 0x03, 7) });
    expect(readGraphDef(writeGraphDef(graph))).toEqual(graph);
    expect(Buffer.from(writeGraphDef(graph)).toString('hex')).toContain(Buffer.from(inNode).toString('hex'));
    expect(Buffer.from(writeGraphDef(graph)).toString('hex').endsWith('980609')).toBe(true);
  });

  test('versions are kept; new graphs get the ones of the TensorFlow that octet writes for', () => {
    const versions = { producer: 27, minConsumer: 12 };
    const old = toBinary(GraphDefSchema, create(GraphDefSchema, { versions, node: [{ name: 'a', op: 'NoOp' }] }));
    expect(writeGraphDef(readGraphDef(old))).toEqual(old);
    expect(readGraphDef(writeGraphDef(new Graph([])))).toMatchObject({ extra: { versions: { producer: 2510 } } });
  });

  test.each([
    [
      'two nodes of one name',
      {
        node: [
          { name: 'a', op: 'NoOp' },
          { name: 'a', op: 'NoOp' },
        ],
      },
      /'a'.*two nodes/,
    ],
    ['a name with a colon', { node: [{ name: 'a:1', op: 'NoOp' }] }, /a:1/],
    ['a node without op', { node: [{ name: 'a' }] }, /'a'.*no op/],
    ['an input that is no reference', { node: [{ name: 'a', op: 'Relu', input: ['b:x'] }] }, /'a' \(Relu\).*'b:x'/],
  ])('%s is refused, with file and node', (_, init, message) => {
    const bytes = toBinary(GraphDefSchema, create(GraphDefSchema, init));
    expect(() => readGraphDef(bytes, 'bad.pb')).toThrow(UserError);
    expect(() => readGraphDef(bytes, 'bad.pb')).toThrow(message);
    expect(() => readGraphDef(bytes, 'bad.pb')).toThrow(/bad\.pb/);
  });

  const models = ['mobilenet_v2', 'resnet20_cifar10', 'ssd_mobilenet_v1_coco_loop'].map((m) =>
    sharedPath(`models/${m}.pb`),
  );
  test.skipIf(models.includes(undefined))('real graphs come back node by node', () => {
    for (const path of models) {
      const graph = readGraphDef(readFileSync(path!), path);
      const back = readGraphDef(writeGraphDef(graph));
      // Vitest's comparison of megabytes of weights is slow; the bytes written say the same.
      expect(Buffer.compare(writeGraphDef(back), writeGraphDef(graph))).toBe(0);
      expect(back.nodes.size).toBe(graph.nodes.size);
    }
  });
});

describe('tensors', () => {
  const arbitrary = fc.constantFrom(...plainTypes).chain((dtype) =>
    fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }).chain((shape) => {
      const bytes = shape.reduce((a, b) => a * b, 1) * dtypes[dtype].bytes;
      const content = fc.oneof(
        fc.constant(new Uint8Array(bytes)),
        fc.uint8Array({ minLength: bytes, maxLength: bytes }),
      );
      // TensorFlow's bools are 0 and 1.
      return content.map((b) => tensorFromBytes(dtype, shape, dtype === 'bool' ? b.map((x) => x & 1) : b) as Tensor);
    }),
  );

  test('of every plain type come back bit by bit', () => {
    fc.assert(
      fc.property(arbitrary, (t) => {
        const back = readTensor(writeTensor(t), readContext(0));
        expect(back.dtype).toBe(t.dtype);
        expect(back.shape).toEqual(t.shape);
        expect(bytesOf(back)).toEqual(bytesOf(t));
      }),
      { numRuns: 500 },
    );
  });

  test('strings come back', () => {
    for (const values of [['', 'a', 'é'], ['same', 'same'], []]) {
      const t = stringTensor(values);
      expect(readTensor(writeTensor(t), readContext(0))).toEqual(t);
    }
  });

  const proto = (init: object) => readTensor(create(TensorProtoSchema, init), readContext(100, 'm.pb'));
  const shape = (...dims: number[]) => ({ dim: dims.map((size) => ({ size: BigInt(size) })) });

  test('the last value stands for those that are missing; no value at all is zero', () => {
    expect(numbersOf(proto({ dtype: 1, tensorShape: shape(4), floatVal: [1, 2] }))).toEqual([1, 2, 2, 2]);
    expect(numbersOf(proto({ dtype: 9, tensorShape: shape(2) }))).toEqual([0, 0]);
    expect(numbersOf(proto({ dtype: 10, tensorShape: shape(2), boolVal: [true] }))).toEqual([1, 1]);
    expect(proto({ dtype: 8, tensorShape: shape(2), scomplexVal: [1, 2] })).toEqual(
      tensor('complex64', [2], Float32Array.of(1, 2, 1, 2)),
    );
    expect(numbersOf(proto({ dtype: 6, tensorShape: shape(2), intVal: [-1] }))).toEqual([-1, -1]);
    expect(proto({ dtype: 19, tensorShape: shape(1), halfVal: [0x3c00] })).toEqual(
      tensor('float16', [1], Uint16Array.of(0x3c00)),
    );
  });

  test.each([
    [
      'a splat of gigabytes',
      { dtype: 1, tensorShape: shape(2 ** 30), floatVal: [1] },
      /more elements than a file of this size/,
    ],
    ['more elements than fit', { dtype: 1, tensorShape: shape(2 ** 20, 2 ** 20) }, /too large/],
    ['a product beyond 2^53', { dtype: 1, tensorShape: shape(2 ** 31, 2 ** 31, 2 ** 31) }, /too large/],
    ['a negative size', { dtype: 1, tensorShape: shape(-2) }, /the size -2/],
    ['an unknown size', { dtype: 1, tensorShape: shape(-1) }, /unknown shape/],
    ['an unknown rank', { dtype: 1, tensorShape: { unknownRank: true } }, /unknown shape/],
    ['too few bytes', { dtype: 1, tensorShape: shape(2), tensorContent: new Uint8Array(7) }, /takes 8 bytes but has 7/],
    [
      'bytes of strings',
      { dtype: 7, tensorShape: shape(1), tensorContent: new Uint8Array(7) },
      /stored as plain bytes/,
    ],
    ['an unknown type', { dtype: 77, tensorShape: shape(1) }, /type 77/],
  ])('%s is refused before anything is allocated', (_, init, message) => {
    expect(() => proto(init)).toThrow(UserError);
    expect(() => proto(init)).toThrow(message);
  });

  test('many splats share one budget', () => {
    const value = { dtype: 1, tensorShape: shape(2 ** 24), floatVal: [1] };
    const context = readContext(100);
    const read = () => readTensor(create(TensorProtoSchema, value), context);
    for (let i = 0; i < 4; i++) read();
    expect(read).toThrow(/more elements/);
  });
});

const file = fileURLToPath(new URL('../fixtures/saved_models/tf2/saved_model.pb', import.meta.url));
const { metaGraphs } = fromBinary(SavedModelSchema, new Uint8Array(readFileSync(file)));

describe('functions', () => {
  const def = metaGraphs[0]!.graphDef!;
  const graph = readGraphDef(toBinary(GraphDefSchema, def));

  test('have arguments as nodes, and references by port', () => {
    const serve = [...graph.library.values()].find((fn) => fn.name.startsWith('__inference_serve'))!;
    expect(serve.args.slice(0, 2)).toEqual(['x', 's']);
    expect(serve.body.node('x')).toMatchObject({ op: '_Arg' });
    expect(serve.body.node('x').attrs.get('T')).toEqual({ type: 'float32' });
    expect(serve.body.node('while').op).toBe('While');
    // `while:output:n` of the file.
    expect(serve.body.node('add').inputs.some(({ node: from, port }) => from === 'while' && port > 0)).toBe(true);
    for (const fn of graph.library.values()) expect(() => fn.body.order(), fn.name).not.toThrow();
  });

  test('are written as they were, reference by reference', () => {
    const back = fromBinary(GraphDefSchema, writeGraphDef(graph));
    const sorted = (entries: readonly TextEntry[]) => new Map(entries.map(({ key, value: of }) => [key, of]));
    const plain = (fn: FunctionDef) => ({
      ...fn,
      nodeDef: fn.nodeDef.map(({ attr, ...node }) => ({ ...node, keys: attr.map((a) => a.key) })),
      // Maps, of any order.
      ret: sorted(fn.ret),
      controlRet: sorted(fn.controlRet),
      argAttr: new Map(fn.argAttr.map(({ key, value: of }) => [key, of])),
    });
    expect(back.library!.function.map(plain)).toEqual(def.library!.function.map(plain));
  });
});

describe('damaged files', () => {
  // With functions, and with attributes of all kinds.
  const seeds = [
    writeGraphDef(new Graph(everyNode)),
    toBinary(GraphDefSchema, metaGraphs[0]!.graphDef!),
    toBinary(GraphDefSchema, create(GraphDefSchema, { library: metaGraphs[0]!.graphDef!.library! })),
  ];

  test('flipped and missing bytes give a graph or a UserError, nothing else', () => {
    const mutation = fc.record({
      seed: fc.constantFrom(...seeds),
      cut: fc.double({ min: 0, max: 1, noNaN: true }),
      flips: fc.array(fc.tuple(fc.double({ min: 0, max: 0.999, noNaN: true }), fc.integer({ min: 1, max: 255 })), {
        maxLength: 6,
      }),
    });
    fc.assert(
      fc.property(mutation, ({ seed, cut, flips }) => {
        const bytes = seed.slice(0, Math.ceil(seed.length * cut));
        for (const [at, mask] of flips) {
          const i = Math.floor(at * bytes.length);
          if (i < bytes.length) bytes[i] = bytes[i]! ^ mask;
        }
        try {
          const graph = readGraphDef(bytes, 'damaged.pb');
          graph.order();
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 1500 },
    );
  });

  test('messages nested without end are refused', () => {
    // AttrValue.func.attr.value.func … : each level wraps the one before.
    let value = Uint8Array.of(0x18, 1);
    const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >>> 7)]);
    const field = (tag: number, bytes: Uint8Array) =>
      new Uint8Array(Buffer.concat([Uint8Array.of(tag, ...varint(bytes.length)), bytes]));
    for (let depth = 0; depth < 3000; depth++) value = field(0x52, field(0x12, field(0x12, value)));
    const head = Uint8Array.of(0x0a, 1, 0x6e, 0x12, 1, 0x4f);
    const inNode = new Uint8Array(Buffer.concat([head, field(0x2a, field(0x12, value))]));
    expect(() => readGraphDef(field(0x0a, inNode), 'deep.pb')).toThrow(UserError);
  });
});
