import { rng } from '../../src/base/rng.ts';
import { type Shape, sizeOf } from '../../src/base/shape.ts';
import { type Tensor, tensor, tensorOf } from '../../src/base/tensor.ts';
import { float, int, ints, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Endpoint, Model } from '../../src/graph/model.ts';
import type { OpName } from '../../src/graph/ops/index.ts';

const T = type('float32');

/** Layers as people's graphs have them, with seeded weights, for tests that need a small model. */
export type Layers = {
  readonly input: Value;
  readonly weights: (name: string, shape: Shape, spread?: number) => Value;
  readonly conv: (
    name: string,
    x: Value,
    channels: readonly [number, number],
    options?: { size?: number; stride?: number },
  ) => Value;
  readonly depthwise: (name: string, x: Value, channels: number) => Value;
  readonly bias: (name: string, x: Value, channels: number) => Value;
  readonly batchNorm: (name: string, x: Value, channels: number) => Value;
  readonly unary: (op: OpName, name: string, x: Value) => Value;
  readonly add: (name: string, x: Value, y: Value) => Value;
  readonly pool: (op: 'MaxPool' | 'AvgPool', name: string, x: Value) => Value;
  readonly concat: (name: string, values: readonly Value[]) => Value;
  readonly mean: (name: string, x: Value) => Value;
  readonly matmul: (name: string, x: Value, size: readonly [number, number]) => Value;
  readonly builder: Builder;
};

const end = (value: Value, shape: Endpoint['shape']): Endpoint => ({ key: value.node, value, dtype: 'float32', shape });

/** A model of one float32 input `x`; `make` gives its output. */
export function smallModel(shape: readonly (number | null)[], make: (layers: Layers) => Value, seed = 1): Model {
  const b = builder();
  const random = rng(seed);
  const input = b.input('x', 'float32', shape);
  const weights = (name: string, size: Shape, spread = 0.3) =>
    b.constant(
      name,
      tensor(
        'float32',
        size,
        Float32Array.from({ length: sizeOf(size) }, () => random.normal() * spread),
      ),
    );
  const positive = (name: string, count: number) =>
    b.constant(
      name,
      tensorOf(
        'float32',
        Array.from({ length: count }, () => 0.5 + random.uniform()),
      ),
    );
  const window = (size: number) => ints([1, size, size, 1]);
  const output = make({
    input,
    weights,
    builder: b,
    conv: (name, x, [from, to], { size = 3, stride = 1 } = {}) =>
      b.node('Conv2D', name, [x, weights(`${name}/weights`, [size, size, from, to])], {
        T,
        strides: window(stride),
        padding: 'SAME',
      }),
    depthwise: (name, x, channels) =>
      b.node('DepthwiseConv2dNative', name, [x, weights(`${name}/weights`, [3, 3, channels, 1])], {
        T,
        strides: window(1),
        padding: 'SAME',
      }),
    bias: (name, x, channels) => b.node('BiasAdd', name, [x, weights(`${name}/bias`, [channels])], { T }),
    batchNorm: (name, x, channels) =>
      b.node(
        'FusedBatchNormV3',
        name,
        [
          x,
          positive(`${name}/gamma`, channels),
          weights(`${name}/beta`, [channels]),
          weights(`${name}/mean`, [channels]),
          positive(`${name}/variance`, channels),
        ],
        { T, U: T, epsilon: float(0.001), is_training: false },
      ),
    unary: (op, name, x) => b.node(op, name, [x], { T }),
    add: (name, x, y) => b.node('AddV2', name, [x, y], { T }),
    pool: (op, name, x) => b.node(op, name, [x], { T, ksize: window(2), strides: window(2), padding: 'SAME' }),
    concat: (name, values) =>
      b.node('ConcatV2', name, [...values, b.constant(`${name}/axis`, tensorOf('int32', [3], []))], {
        T,
        N: int(values.length),
        Tidx: type('int32'),
      }),
    mean: (name, x) =>
      b.node('Mean', name, [x, b.constant(`${name}/axes`, tensorOf('int32', [1, 2]))], {
        T,
        Tidx: type('int32'),
        keep_dims: false,
      }),
    matmul: (name, x, size) =>
      b.node('MatMul', name, [x, weights(`${name}/weights`, size)], { T, transpose_a: false, transpose_b: false }),
  });
  return {
    graph: b.graph(),
    inputs: [end(input, shape)],
    outputs: [end(output, null)],
    initializers: [],
    assets: new Map(),
  };
}

/** A batch of standard normal inputs. */
export const normalInput = (shape: Shape, seed = 7): Tensor => {
  const random = rng(seed);
  return tensor(
    'float32',
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => random.normal()),
  );
};
