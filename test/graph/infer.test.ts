import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { PartialShape } from '../../src/base/shape.ts';
import { type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { readGraphDef } from '../../src/formats/index.ts';
import { float, ints, type as typeAttr } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import { constNode } from '../../src/graph/constant.ts';
import type { Node, Value } from '../../src/graph/graph.ts';
import { value } from '../../src/graph/graph.ts';
import { inferTypes } from '../../src/graph/infer.ts';
import { type RecordedCase, readCases, toNode, toTensor } from '../support/recorded.ts';
import { sharedPath } from '../support/shared.ts';

const T = typeAttr('float32');
const I = typeAttr('int32');
const constant = (b: Builder, ...values: number[]) => b.constant('c', tensorOf('int32', values));
const scalar = (b: Builder, x: number) => b.constant('c', tensorOf('int32', [x], []));
const typesOf = (b: Builder) => {
  const graph = b.graph();
  return inferTypes({ node: (name) => graph.nodes.get(name), library: graph.library });
};

/** The size of axis `axis` of `x`, as Keras writes it: Shape → StridedSlice. */
function dimOf(b: Builder, x: Value, axis: number): Value {
  const shape = b.node('Shape', 'shape', [x], { T, out_type: I });
  const bounds = [axis, axis + 1, 1].map((at) => constant(b, at));
  return b.node('StridedSlice', 'dim', [shape, ...bounds], { T: I, Index: I, shrink_axis_mask: { int: 1 } });
}

describe('shape arithmetic before running', () => {
  test('Shape → StridedSlice → Pack → Reshape keeps the unknown batch and the known rest', () => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 7, 7, 64]);
    const flat = b.node('Mul', 'mul', [dimOf(b, x, 1), dimOf(b, x, 2)], { T: I });
    const shape = b.node('Pack', 'pack', [dimOf(b, x, 0), flat, scalar(b, 64)], { T: I, N: { int: 3 } });
    const y = b.node('Reshape', 'y', [x, shape], { T, Tshape: I });
    const info = typesOf(b);
    expect(info.elements(shape)).toEqual([null, 49, 64]);
    expect(info.of(y)).toEqual({ dtype: 'float32', shape: [null, 49, 64] });
  });

  test('ConcatV2 of values of different ranks is refused', () => {
    const b = builder();
    const [x, y] = [b.input('x', 'float32', [1, 2, 3, 4]), b.input('y', 'float32', [1])];
    const a = b.node('ConcatV2', 'a', [x, y, scalar(b, 3)], { T, N: { int: 2 }, Tidx: I });
    expect(() => typesOf(b).of(a)).toThrow(/'a'.*of 4 and of 1 axes/);
  });

  test('ConcatV2, Prod, Gather and Range', () => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 6, 4]);
    const shape = b.node('Shape', 'shape', [x], { T, out_type: I });
    const last = b.node('GatherV2', 'g', [shape, constant(b, 1, 2), scalar(b, 0)], {
      Tparams: I,
      Tindices: I,
      Taxis: I,
    });
    const size = b.node('Prod', 'p', [last, constant(b, 0)], { T: I, Tidx: I });
    const range = b.node('Range', 'r', [scalar(b, 0), size, scalar(b, 8)], { Tidx: I });
    const all = b.node('ConcatV2', 'a', [last, range, scalar(b, 0)], { T: I, N: { int: 2 }, Tidx: I });
    const info = typesOf(b);
    expect(info.elements(all)).toEqual([6, 4, 0, 8, 16]);
    expect(info.of(range).shape).toEqual([3]);
  });

  test('what would wrap is not known, and one unknown element hides no other', () => {
    const b = builder();
    const big = constant(b, 2 ** 30, 3);
    const product = b.node('Mul', 'm', [big, scalar(b, 4)], { T: I });
    expect(typesOf(b).elements(product)).toEqual([null, 12]);
  });

  test('sizes known on one side of a broadcast', () => {
    const of = (a: PartialShape, c: PartialShape) => {
      const b = builder();
      const sum = b.node('AddV2', 's', [b.input('a', 'float32', a), b.input('c', 'float32', c)], { T });
      return typesOf(b).of(sum).shape;
    };
    expect(of([null, 5], [3, 1])).toEqual([3, 5]);
    expect(of([null, 5], [1])).toEqual([null, 5]);
    expect(of([null], [null])).toEqual([null]);
    expect(of(null, [3])).toBeNull();
    expect(() => of([2], [3])).toThrow(/broadcast/);
  });

  test('a loop ends, and what may change in it is unknown', () => {
    const b = builder();
    const start = b.input('x', 'float32', [3]);
    const enter = b.node('Enter', 'enter', [start], { T, frame_name: 'f' });
    const merge = b.node('Merge', 'merge', [enter, value('next')], { T, N: { int: 2 } });
    const body = b.node('Neg', 'body', [merge], { T });
    b.node('NextIteration', 'next', [body], { T });
    const exit = b.node('Exit', 'exit', [merge], { T });
    const info = typesOf(b);
    expect(info.of(exit)).toEqual({ dtype: 'float32', shape: null });
    expect(info.of(value('next'))).toEqual({ dtype: 'float32', shape: null });
  });

  test('shape arithmetic of any length ends', () => {
    const b = builder();
    let size = scalar(b, 3);
    for (let i = 0; i < 20_000; i++) size = b.node('Identity', `i${i}`, [size], { T: I });
    const filled = b.node('Fill', 'f', [b.node('Pack', 'p', [size], { T: I, N: { int: 1 } }), scalar(b, 1)], { T: I });
    expect(typesOf(b).of(filled).shape).toEqual([null]);
  });

  test('attributes take their defaults', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2, 3]);
    const mean = b.node('Mean', 'm', [x, constant(b, -1)], { T, Tidx: I });
    const squeezed = b.node('Squeeze', 's', [b.input('y', 'float32', [1, 4, 1])], { T, squeeze_dims: ints([0]) });
    const near = b.node('ApproximateEqual', 'n', [x, x], { T, tolerance: float(1) });
    const info = typesOf(b);
    expect([mean, squeezed, near].map((v) => info.of(v).shape)).toEqual([[2], [4, 1], [2, 3]]);
  });
});

/** Ops whose outputs are as long as their inputs' values make them. */
const dataDependent = new Set([
  ...['Where', 'Unique', 'UniqueV2', 'UniqueWithCounts', 'ListDiff', 'DynamicPartition', 'DynamicStitch'],
  ...['BroadcastArgs', 'BroadcastGradientArgs', 'SegmentSum', 'SegmentMean', 'SegmentMax', 'SegmentMin', 'SegmentProd'],
  ...['NonMaxSuppression', 'NonMaxSuppressionV2', 'NonMaxSuppressionV3', 'NonMaxSuppressionV4', 'NonMaxSuppressionV5'],
  ...['NonMaxSuppressionWithOverlaps', 'MatrixDiagPartV3', 'MatrixDiagV3', 'Range', 'LinSpace'],
]);

function shapesOf(recorded: RecordedCase, input: (t: Tensor, i: number) => Node): readonly PartialShape[] {
  const inputs = recorded.inputs.map(toTensor).map(input);
  const op = toNode(recorded, inputs.length);
  const nodes = new Map([...inputs, op].map((node) => [node.name, node]));
  const info = inferTypes({ node: (name) => nodes.get(name), library: new Map() });
  return (recorded.outputs ?? []).map((_, port) => info.of(value('op', port)).shape);
}

const cases = ['array.json', 'math.json', 'image.json']
  .flatMap((file) => readCases(file))
  .filter((recorded) => recorded.outputs !== undefined);

describe('shapes that TensorFlow gave', () => {
  test('are inferred in full from constants', () => {
    const different = cases
      .filter(({ op }) => !dataDependent.has(op))
      .flatMap((recorded) => {
        const found = shapesOf(recorded, (t, i) => constNode(`x${i}`, t));
        const wanted = recorded.outputs!.map((t) => t.shape);
        const same = JSON.stringify(found) === JSON.stringify(wanted);
        return same ? [] : [`${recorded.op} ${recorded.name}: ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`];
      });
    expect(different).toEqual([]);
  });

  test.each([
    ['constants', undefined],
    ['inputs of known shape', (t: Tensor): PartialShape => t.shape],
    ['inputs of unknown sizes', (t: Tensor): PartialShape => t.shape.map(() => null)],
    ['inputs of unknown first size', (t: Tensor): PartialShape => t.shape.map((dim, i) => (i === 0 ? null : dim))],
    ['inputs of unknown rank', (): PartialShape => null],
  ])('never contradict those inferred from %s', (_, shape) => {
    const wrong = cases.flatMap((recorded) => {
      const input = (t: Tensor, i: number): Node =>
        shape === undefined
          ? constNode(`x${i}`, t)
          : {
              name: `x${i}`,
              op: 'Placeholder',
              inputs: [],
              controls: [],
              attrs: new Map([
                ['dtype', typeAttr(t.dtype)],
                ['shape', { shape: shape(t) }],
              ]),
            };
      const found = shapesOf(recorded, input);
      const fits = recorded.outputs!.every((t, port) => {
        const inferred = found[port]!;
        if (inferred === null) return true;
        return inferred.length === t.shape.length && inferred.every((dim, i) => dim === null || dim === t.shape[i]);
      });
      return fits ? [] : [`${recorded.op} ${recorded.name}: ${JSON.stringify(found)}`];
    });
    expect(wrong).toEqual([]);
  });
});

describe('shapes of real models', () => {
  for (const [file, output, shape] of [
    ['mobilenet_v2.pb', 'MobilenetV2/Logits/Squeeze', 1001],
    ['efficientnet_lite0.pb', 'logits', 1000],
    ['googlenet.pb', 'logits', 1000],
    ['resnet20_cifar10.pb', 'logits', 10],
  ] as const) {
    const path = sharedPath(`models/${file}`);
    test.skipIf(path === undefined)(file, () => {
      const graph = readGraphDef(readFileSync(path!));
      const info = inferTypes({ node: (name) => graph.nodes.get(name), library: graph.library });
      expect(info.of(value(output)).shape?.at(-1)).toBe(shape);
      const unknown = [...graph.nodes.values()].filter((node) => info.of(value(node.name)).shape === null);
      expect(unknown.map((node) => node.name)).toEqual([]);
    });
  }
});
