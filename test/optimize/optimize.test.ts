import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { rng } from '../../src/base/rng.ts';
import { scalar, type Tensor, tensor, tensorOf } from '../../src/base/tensor.ts';
import { load } from '../../src/formats/index.ts';
import { type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Graph, Node, Value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { printGraph } from '../../src/graph/print.ts';
import { findDefects } from '../../src/graph/verify.ts';
import { optimize, passes } from '../../src/optimize/index.ts';
import { sharedPath } from '../support/shared.ts';
import { conv, counting, evaluate, modelOf, run, T, vec } from './support.ts';

/** Keras 3's convolution with its bias, as its frozen graphs have it. */
function kerasConv(b: Builder, x: Value, name: string, weights: Tensor, attrs = {}): Value {
  const channels = weights.shape.at(-1)!;
  const I = { ...T, Tshape: type('int32') };
  const read = b.node('Identity', `${name}/read`, [b.constant(`${name}/bias`, counting([channels]))], T);
  const wide = b.node(
    'Reshape',
    `${name}/Reshape`,
    [read, b.constant('dims', tensorOf('int32', [1, 1, 1, channels]))],
    I,
  );
  const narrow = b.node('Squeeze', `${name}/Squeeze`, [wide], { ...T, squeeze_dims: { list: {} } });
  return b.node('BiasAdd', `${name}/BiasAdd`, [conv(b, x, name, weights, attrs), narrow], T);
}

/** Keras 3's batch norm with γ/√(σ²+ε) = 2 and β − μ·2 = 1. */
function kerasBatchNorm(b: Builder, x: Value, name: string): Value {
  const I = { ...T, Tshape: type('int32') };
  const wide = (part: string, t: Tensor) => {
    const read = b.node('Identity', `${name}/${part}/read`, [b.constant(`${name}/${part}`, t)], T);
    return b.node('Reshape', `${name}/${part}/wide`, [read, b.constant('dims', tensorOf('int32', [1, 1, 1, 2]))], I);
  };
  const sum = b.node(
    'AddV2',
    `${name}/add`,
    [wide('variance', vec(0.1875, 0.1875)), b.constant('eps', scalar('float32', 0.0625))],
    T,
  );
  const s = b.node('Mul', `${name}/mul`, [b.node('Rsqrt', `${name}/Rsqrt`, [sum], T), wide('gamma', vec(1, 1))], T);
  const t = b.node(
    'Sub',
    `${name}/sub`,
    [wide('beta', vec(3, 5)), b.node('Mul', `${name}/mul_2`, [wide('mean', vec(1, 2)), s], T)],
    T,
  );
  return b.node('AddV2', `${name}/add_1`, [b.node('Mul', `${name}/mul_1`, [x, s], T), t], T);
}

describe('figure 1a', () => {
  it('turns a residual block as Keras writes it into convolutions with bias, relus and one sum', () => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 4, 4, 2]);
    const paddings = b.constant('paddings', tensorOf('int32', [0, 0, 1, 1, 1, 1, 0, 0], [4, 2]));
    const padded = b.node('Pad', 'pad', [x, paddings], { ...T, Tpaddings: type('int32') });
    const first = kerasBatchNorm(b, kerasConv(b, padded, 'conv1', counting([3, 3, 2, 2])), 'bn1');
    const relu = b.node('Relu', 'relu1', [first], T);
    const second = kerasBatchNorm(b, kerasConv(b, relu, 'conv2', counting([1, 1, 2, 2])), 'bn2');
    const sum = b.node('AddV2', 'sum', [second, x], T);
    b.node('Identity', 'y', [b.node('Relu', 'relu2', [sum], T)], T);
    const { graph } = optimize(modelOf(b.graph(), ['y']), { evaluate });
    expect(printGraph(graph)).toBe(`x = Placeholder() {shape: [?,4,4,2]}
bn1/add_1/weights = float32[3,3,2,2] {2 4 6 8 10 12 …}
conv1 = Conv2D(x, bn1/add_1/weights) {padding: "SAME", strides: [1, 1, 1, 1]}
bn1/add_1/bias = float32[2] {3 5}
bn1/add_1 = BiasAdd(conv1, bn1/add_1/bias) {data_format: "NHWC"}
relu1 = Relu(bn1/add_1)
bn2/add_1/weights = float32[1,1,2,2] {2 4 6 8}
conv2 = Conv2D(relu1, bn2/add_1/weights) {padding: "VALID", strides: [1, 1, 1, 1]}
bn2/add_1 = BiasAdd(conv2, bn1/add_1/bias) {data_format: "NHWC"}
sum = AddV2(bn2/add_1, x)
relu2 = Relu(sum)
y = Identity(relu2)
`);
  });
});

describe('optimize', () => {
  it('runs the passes that are named, and refuses one that does not exist', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    b.node('Relu', 'y', [b.node('Identity', 'i', [b.node('Relu', 'r', [x], T)], T)], T);
    const model = modelOf(b.graph(), ['y']);
    expect(optimize(model, { passes: ['strip-identities'] }).graph.nodes.has('r')).toBe(true);
    expect(optimize(model).graph.nodes.has('r')).toBe(false);
    expect(() => optimize(model, { passes: ['fold'] })).toThrow(UserError);
    expect(() => optimize(model, { passes: ['fold'] })).toThrow(/strip-unused, .*fold-batch-norms/);
  });

  it('names each pass once', () => {
    expect(new Set(passes.map((pass) => pass.name)).size).toBe(passes.length);
  });

  it('keeps inputs that nothing reads, and the model it was given', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    b.input('unread', 'float32', [2]);
    b.node('Relu', 'y', [b.node('Relu', 'r', [x], T)], T);
    const model = modelOf(b.graph(), ['y']);
    const before = printGraph(model.graph);
    expect([...optimize(model).graph.nodes.keys()].sort()).toEqual(['unread', 'x', 'y']);
    expect(printGraph(model.graph)).toBe(before);
  });
});

const weighted = ['Conv2D', 'DepthwiseConv2dNative'];
const names = [
  'mobilenet_v2',
  'efficientnet_lite0',
  'googlenet',
  'resnet20_cifar10',
  'ds_cnn_kws',
  'ncf_mlp_ml1m',
] as const;

/** Convolutions that are not read by one BiasAdd alone. */
const bare = (graph: Graph): Node[] =>
  [...graph.nodes.values()].filter((node) => {
    const readers = graph.consumers(node.name).map((reader) => reader.node.op);
    return weighted.includes(node.op) && (readers.length !== 1 || readers[0] !== 'BiasAdd');
  });
const opsOf = (graph: Graph) => new Set([...graph.nodes.values()].map((node) => node.op));

describe.skipIf(sharedPath('models') === undefined)('shared models', () => {
  it.each(names)('%s: every convolution has its bias, and no batch norm is left', async (name) => {
    const model = await load(sharedPath(`models/${name}.pb`)!);
    const { graph, outputs } = optimize(model, { evaluate });
    expect(bare(graph).map((node) => node.name)).toEqual([]);
    for (const op of ['FusedBatchNorm', 'FusedBatchNormV3', 'Identity'])
      expect([name, opsOf(graph).has(op)]).toEqual([name, false]);
    expect(findDefects(graph)).toEqual([]);
    expect(outputs).toBe(model.outputs);
  });

  it('resnet20_cifar10 gives what it gave', { timeout: 60_000 }, async () => {
    const model = await load(sharedPath('models/resnet20_cifar10.pb')!);
    const r = rng(1);
    const picture = tensor(
      'float32',
      [1, 32, 32, 3],
      Float32Array.from({ length: 3072 }, () => r.uniform()),
    );
    const both = (m: Model) => run(m, new Map([[model.inputs[0]!.key, picture]]));
    const [[before], [after]] = (await Promise.all([both(model), both(optimize(model, { evaluate }))])) as [
      [Tensor],
      [Tensor],
    ];
    const [p, q] = [before.data as Float32Array, after.data as Float32Array];
    expect(Math.max(...p.map((v, i) => Math.abs(v - q[i]!)))).toBeLessThan(1e-5);
  });
});
