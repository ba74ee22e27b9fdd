import { describe, expect, it } from 'vitest';
import { scalar, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { float, ints, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import { conv, counting, optimized, T, vec } from './support.ts';

const fold = (b: Builder, ...outputs: string[]) => optimized(b.graph(), outputs, ['fold-batch-norms', 'bias']);

/** γ = (2, 3), β = (10, 20), μ = (1, −1), σ² + ε = (4, 16): scale (1, 0.75), offset (9, 20.75). */
const numbers = { gamma: vec(2, 3), beta: vec(10, 20), mean: vec(1, -1), variance: vec(3.75, 15.75), epsilon: 0.25 };

function fused(
  b: Builder,
  x: Value,
  attrs = {},
  op: 'FusedBatchNorm' | 'FusedBatchNormV2' | 'FusedBatchNormV3' = 'FusedBatchNormV3',
) {
  const { gamma, beta, mean, variance, epsilon } = numbers;
  const vectors = [
    b.constant('gamma', gamma),
    b.constant('beta', beta),
    b.constant('mean', mean),
    b.constant('variance', variance),
  ];
  const U = op === 'FusedBatchNorm' ? {} : { U: type('float32') };
  return b.node(op, 'bn', [x, ...vectors], { ...T, ...U, epsilon: float(epsilon), is_training: false, ...attrs });
}

const start = () => {
  const b = builder();
  return { b, x: b.input('x', 'float32', [null, 4, 4, 1]) };
};

const folded = `x = Placeholder() {shape: [?,4,4,1]}
bn/weights = float32[1,1,1,2] {1 1.5}
conv = Conv2D(x, bn/weights) {padding: "VALID", strides: [1, 1, 1, 1]}
bn/bias = float32[2] {9 20.75}
bn = BiasAdd(conv, bn/bias) {data_format: "NHWC"}
y = Relu(bn)
`;

describe('fold-batch-norm', () => {
  it.each(['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'] as const)('folds %s', (op) => {
    const { b, x } = start();
    b.node('Relu', 'y', [fused(b, conv(b, x, 'conv', counting([1, 1, 1, 2])), {}, op)], T);
    const { text, rules } = fold(b, 'y');
    expect(text).toBe(folded);
    expect(rules).toEqual(['fold-batch-norm']);
  });

  it('folds BatchNormWithGlobalNormalization', () => {
    const { b, x } = start();
    const c = conv(b, x, 'conv', counting([1, 1, 1, 2]));
    const { gamma, beta, mean, variance, epsilon } = numbers;
    const vectors = Object.entries({ mean, variance, beta, gamma }).map(([name, t]) => b.constant(name, t));
    const attrs = { variance_epsilon: float(epsilon), scale_after_normalization: true };
    b.node('Relu', 'y', [b.node('BatchNormWithGlobalNormalization', 'bn', [c, ...vectors], { ...T, ...attrs })], T);
    expect(fold(b, 'y').text).toBe(folded);
  });

  it.each([0, 1, 2, 3, 4, 5, 6, 7])("folds Keras' form with its operands in order %i", (order) => {
    const { b, x } = start();
    const c = conv(b, x, 'conv', counting([1, 1, 1, 2]));
    const { gamma, beta, mean, variance, epsilon } = numbers;
    const swap = (bit: number, [p, q]: [Value, Value]) => ((order >> bit) % 2 === 0 ? [p, q] : [q, p]);
    const wide = (name: string, t: Tensor) =>
      b.node(
        'Reshape',
        `${name}/wide`,
        [b.constant(name, t), b.constant(`${name}/shape`, tensorOf('int32', [1, 1, 1, 2]))],
        {
          ...T,
          Tshape: type('int32'),
        },
      );
    const sum = b.node(
      'AddV2',
      'add',
      swap(0, [wide('variance', variance), b.constant('eps', scalar('float32', epsilon))]),
      T,
    );
    const s = b.node('Mul', 'mul', swap(1, [b.node('Rsqrt', 'rsqrt', [sum], T), wide('gamma', gamma)]), T);
    const shifted = b.node('Sub', 'sub', [wide('beta', beta), b.node('Mul', 'mul_2', [wide('mean', mean), s], T)], T);
    b.node('Relu', 'y', [b.node('AddV2', 'bn', swap(2, [b.node('Mul', 'mul_1', [c, s], T), shifted]), T)], T);
    expect(fold(b, 'y').text).toBe(folded);
  });

  it('folds Sub, RealDiv, Mul and Add after a bias, all at once', () => {
    const { b, x } = start();
    const biased = b.node(
      'BiasAdd',
      'biased',
      [conv(b, x, 'conv', counting([1, 1, 1, 2])), b.constant('b', vec(4, 8))],
      T,
    );
    const moved = b.node('Sub', 'moved', [biased, b.constant('m', vec(2, 4))], T);
    const over = b.node('RealDiv', 'over', [moved, b.constant('s', vec(2, 4))], T);
    b.node(
      'AddV2',
      'y',
      [b.constant('t', scalar('float32', 1)), b.node('Mul', 'm3', [over, b.constant('g', vec(4, 4))], T)],
      T,
    );
    expect(fold(b, 'y').text).toBe(`x = Placeholder() {shape: [?,4,4,1]}
y/weights = float32[1,1,1,2] {2 2}
conv = Conv2D(x, y/weights) {padding: "VALID", strides: [1, 1, 1, 1]}
y/bias = float32[2] {5 5}
y = BiasAdd(conv, y/bias) {data_format: "NHWC"}
`);
  });

  it('scales channel c·M + m of a depthwise convolution, the columns of a matmul, the third axis of a transposed one', () => {
    const b = builder();
    const geometry = { ...T, strides: ints([1, 1, 1, 1]), padding: 'SAME' };
    const x = b.input('x', 'float32', [1, 4, 4, 2]);
    const d = b.node('DepthwiseConv2dNative', 'd', [x, b.constant('dw', counting([1, 1, 2, 2]))], geometry);
    b.node('Mul', 'dy', [d, b.constant('ds', vec(1, 10, 100, 1000))], T);
    const v = b.input('v', 'float32', [1, 2]);
    b.node(
      'Mul',
      'my',
      [b.node('MatMul', 'm', [v, b.constant('mw', counting([2, 2]))], T), b.constant('ms', vec(1, 10))],
      T,
    );
    const n = b.node('MatMul', 'n', [v, b.constant('nw', counting([2, 2]))], { ...T, transpose_b: true });
    b.node('Mul', 'ny', [n, b.constant('ns', vec(1, 10))], T);
    const sizes = b.constant('sizes', tensorOf('int32', [1, 4, 4, 2]));
    const t = b.node('Conv2DBackpropInput', 't', [sizes, b.constant('tw', counting([1, 1, 2, 2])), x], geometry);
    b.node('Mul', 'ty', [t, b.constant('ts', vec(1, 10))], T);
    const { text } = fold(b, 'dy', 'my', 'ny', 'ty');
    expect(text).toContain('dy/weights = float32[1,1,2,2] {1 20 300 4000}');
    expect(text).toContain('my/weights = float32[2,2] {1 20 3 40}');
    expect(text).toContain('ny/weights = float32[2,2] {1 2 30 40}');
    expect(text).toContain('ty/weights = float32[1,1,2,2] {1 2 30 40}');
  });

  it('takes the channels from axis 1 in NCHW', () => {
    const b = builder();
    const x = b.input('x', 'float32', [1, 1, 4, 2]);
    const c = conv(b, x, 'conv', counting([1, 1, 1, 2]), { data_format: 'NCHW' });
    b.node('Relu', 'y', [fused(b, c, { data_format: 'NCHW' })], T);
    expect(fold(b, 'y').text).toContain('bn = BiasAdd(conv, bn/bias) {data_format: "NCHW"}');
  });

  const near: readonly [string, (b: Builder, x: Value) => string[]][] = [
    ['in training', (b, x) => [fused(b, conv(b, x, 'conv', counting([1, 1, 1, 2])), { is_training: true }).node]],
    [
      'whose statistics are read',
      (b, x) => {
        const bn = fused(b, conv(b, x, 'conv', counting([1, 1, 1, 2])));
        return [bn.node, b.node('Identity', 'statistics', [{ node: 'bn', port: 1 }], T).node];
      },
    ],
    [
      'with a variance that is fed',
      (b, x) => {
        const s = b.node('Rsqrt', 'r', [b.input('v', 'float32', [2])], T);
        return [b.node('Mul', 'm', [conv(b, x, 'conv', counting([1, 1, 1, 2])), s], T).node];
      },
    ],
    [
      'that differs along a row',
      (b, x) => {
        const s = b.constant('s', tensorOf('float32', [1, 2, 3, 4], [4, 1]));
        return [b.node('Mul', 'm', [conv(b, x, 'conv', counting([1, 1, 1, 2])), s], T).node];
      },
    ],
    [
      'that broadcasting makes wider than the convolution',
      (b, x) => [b.node('Mul', 'm', [conv(b, x, 'conv', counting([1, 1, 1, 1])), b.constant('s', vec(1, 2))], T).node],
    ],
    [
      'that divides by zero',
      (b, x) => [
        b.node('RealDiv', 'm', [conv(b, x, 'conv', counting([1, 1, 1, 2])), b.constant('s', vec(1, 0))], T).node,
      ],
    ],
  ];
  it.each(near)('leaves one %s', (_, build) => {
    const { b, x } = start();
    const outputs = build(b, x);
    expect(fold(b, ...outputs).rules).toEqual([]);
  });

  it('leaves a convolution that others read, and puts the numbers of the batch norm together', () => {
    const { b, x } = start();
    const c = conv(b, x, 'conv', counting([1, 1, 1, 2]));
    b.node('AddV2', 'y', [fused(b, c), c], T);
    const { text, rules } = fold(b, 'y');
    expect(rules).toEqual(['batch-norm-to-mul-add']);
    expect(text).toContain('bn/scale = float32[2] {1 0.75}');
    expect(text).toContain('bn/offset = float32[2] {9 20.75}');
    expect(text).toContain('bn = AddV2(bn/scaled, bn/offset)');
  });
});

describe('fold-batch-norm-in-front', () => {
  const behind = (padding: 'SAME' | 'VALID', kernel: number, build: (b: Builder, x: Value) => Value) => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 4, 4, 2]);
    conv(b, build(b, x), 'conv', counting([kernel, kernel, 2, 1]), { padding });
    return fold(b, 'conv');
  };
  const scaleAndShift = (b: Builder, x: Value) =>
    b.node('AddV2', 'a', [b.node('Mul', 'm', [x, b.constant('s', vec(2, 3))], T), b.constant('t', vec(10, 20))], T);

  it('adds what the weights make of the offset where nothing is padded', () => {
    const { text } = behind('VALID', 1, scaleAndShift);
    expect(text).toBe(`x = Placeholder() {shape: [?,4,4,2]}
conv/weights = float32[1,1,2,1] {2 6}
conv/folded = Conv2D(x, conv/weights) {padding: "VALID", strides: [1, 1, 1, 1]}
conv/bias = float32[1] {50}
conv = BiasAdd(conv/folded, conv/bias) {data_format: "NHWC"}
`);
    expect(behind('SAME', 1, scaleAndShift).rules).toEqual(['fold-batch-norm-in-front']);
  });

  it('leaves an offset in front of padding, since padded zeros do not get it', () => {
    expect(behind('SAME', 3, scaleAndShift).rules).toEqual([]);
  });

  it('takes a factor through padding, and the last factors of a chain alone', () => {
    const shiftAndScale = (b: Builder, x: Value) =>
      b.node('Mul', 'm', [b.node('AddV2', 'a', [x, b.constant('t', vec(10, 20))], T), b.constant('s', vec(2, 3))], T);
    const { text } = behind('SAME', 3, shiftAndScale);
    expect(text).toContain('conv = Conv2D(a, conv/weights)');
    expect(text).toContain('a = AddV2(x, t)');
  });

  it('leaves the bias of a convolution in front with that convolution', () => {
    const bottleneck = (b: Builder, x: Value) =>
      b.node('BiasAdd', 'biased', [conv(b, x, 'first', counting([1, 1, 2, 2])), b.constant('b', vec(1, 2))], T);
    expect(behind('VALID', 1, bottleneck).rules).toEqual([]);
  });
});

describe('batch-norm-to-mul-add', () => {
  it('makes one Mul and one AddV2 of a batch norm after a concat', () => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 4, 4, 1]);
    const axis = b.constant('axis', scalar('int32', 3));
    const joined = b.node('ConcatV2', 'joined', [x, x, axis], { ...T, N: { int: 2 }, Tidx: type('int32') });
    b.node('Relu', 'y', [fused(b, joined)], T);
    expect(fold(b, 'y').text).toBe(`x = Placeholder() {shape: [?,4,4,1]}
axis = int32[] {3}
joined = ConcatV2(x, x, axis) {N: 2, Tidx: int32}
bn/scale = float32[2] {1 0.75}
bn/scaled = Mul(joined, bn/scale)
bn/offset = float32[2] {9 20.75}
bn = AddV2(bn/scaled, bn/offset)
y = Relu(bn)
`);
  });

  it('leaves a lone Mul and Add, which are what it makes', () => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 2]);
    b.node('AddV2', 'a', [b.node('Mul', 'm', [x, b.constant('s', vec(2, 3))], T), b.constant('t', vec(10, 20))], T);
    expect(fold(b, 'a').rules).toEqual([]);
  });
});
