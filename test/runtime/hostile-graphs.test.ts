import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { optimize } from '../../src/api/optimize.ts';
import { UserError } from '../../src/base/errors.ts';
import { type Rng, rng } from '../../src/base/rng.ts';
import { type Shape, sizeOf } from '../../src/base/shape.ts';
import { numbersOf, scalar, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { type Attr, int, type } from '../../src/graph/attr.ts';
import { constTensor } from '../../src/graph/constant.ts';
import { Graph, type Node } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { verify } from '../../src/graph/verify.ts';
import { backends } from '../../src/runtime/backends.ts';
import { compile } from '../../src/runtime/session.ts';
import { net } from '../compile/graphs.ts';
import { hasHost } from '../support/native-host.ts';
import { smallModel } from '../support/small-models.ts';

const T = { T: type('float32') };
const I = type('int32');

/** Networks whose constants and attributes say where and how much is read. */
const models: readonly Model[] = [
  smallModel([null, 8, 8, 3], ({ input, conv, batchNorm, unary, pool, depthwise, concat, mean }) => {
    const left = pool('MaxPool', 'max', unary('Relu', 'relu', batchNorm('bn', conv('conv', input, [3, 4]), 4)));
    return mean('m', concat('cat', [left, pool('AvgPool', 'avg', depthwise('dw', conv('c2', input, [3, 4]), 4))]));
  }),
  smallModel([null, 8, 8, 3], ({ input, conv, builder: b, matmul, unary }) => {
    const index = (name: string, values: number[], shape?: Shape) => b.constant(name, tensorOf('int32', values, shape));
    const turned = b.node('Transpose', 'turn', [conv('conv', input, [3, 4]), index('perm', [0, 3, 1, 2])], {
      ...T,
      Tperm: I,
    });
    const padded = b.node('Pad', 'pad', [turned, index('pads', [0, 0, 1, 1, 0, 0, 0, 0], [4, 2])], {
      ...T,
      Tpaddings: I,
    });
    const bounds = [index('begin', [0, 0, 0, 0]), index('end', [1, 5, 8, 8]), index('by', [1, 1, 2, 2])];
    const part = b.node('StridedSlice', 'part', [padded, ...bounds], { ...T, Index: I });
    const flat = b.node('Reshape', 'flat', [part, index('shape', [-1, 80])], { ...T, Tshape: I });
    return unary('Softmax', 'softmax', matmul('matmul', flat, [80, 5]));
  }),
  smallModel([null, 8, 8, 3], ({ input, conv, builder: b }) => {
    const index = (name: string, values: number[], shape?: Shape) => b.constant(name, tensorOf('int32', values, shape));
    const large = b.node('ResizeBilinear', 'large', [conv('conv', input, [3, 4]), index('size', [16, 16])], T);
    const gathered = b.node('GatherV2', 'gather', [large, index('indices', [0, 3, 1]), index('axis', [3], [])], {
      Tparams: T.T,
      Tindices: I,
      Taxis: I,
    });
    const split = b.node('SplitV', 'split', [gathered, index('sizes', [1, 2]), index('along', [3], [])], {
      ...T,
      Tlen: I,
      num_split: int(2),
    });
    const tiled = b.node('Tile', 'tile', [split, index('times', [1, 2, 1, 1])], { ...T, Tmultiples: I });
    const two = b.constant('two', scalar('float32', 2));
    const filled = b.node('Fill', 'fill', [index('dims', [1, 32, 16, 1]), two], { ...T, index_type: I });
    return b.node('AddV2', 'sum', [tiled, filled], T);
  }),
  (() => {
    const n = net(3);
    const x = n.input('x', [1, 8, 6, 5]);
    const a = n.conv(x, { kernel: [3, 3], out: 12 });
    const b = n.conv(n.depthwise(n.conv(a, { out: 40 }), { kernel: [3, 3] }), { out: 12, summand: a });
    const c = n.pad(n.conv(a, { kernel: [3, 3], padding: 'VALID' }), [1, 1, 1, 1]);
    return n.model([n.dequantize(n.conv(n.concat([b, n.conv(b, { out: 7 }), c]), { kernel: [3, 3], stride: 2 }))], [x]);
  })(),
];

const integers = [-(2 ** 31), -100, -2, -1, 0, 1, 2, 3, 5, 7, 100, 65_536, 1e6, 2 ** 31 - 1];
const reals = [Number.NaN, Number.POSITIVE_INFINITY, -1, 0, 1e30, 1e-45];
const sizes: readonly (readonly (number | null)[] | null)[] = [
  null,
  [],
  [0],
  [null, null, null, null],
  [null, 0, 8, 3],
  [1, 2 ** 31, 8, 3],
  [null, 8, 8, 2 ** 40],
];

function otherTensor(t: Tensor, random: Rng): Tensor {
  const values = numbersOf(t);
  const dtype = t.dtype as 'int32';
  if (values.length > 0 && (dtype === 'int32' || values.length < 10) && random.uniform() < 0.6) {
    values[random.int(0, values.length - 1)] = random.pick<number>(dtype === 'int32' ? integers : reals);
    return tensorOf(dtype, values, t.shape);
  }
  const n = random.pick([0, 1, 2, 3, values.length * 2, Math.max(0, values.length - 1)]);
  const shape = random.pick<Shape>([[n], [1, n], [], [n, 1, 1, 1], [0]]);
  return tensorOf(
    dtype,
    Array.from({ length: sizeOf(shape) }, (_, i) => values[i] ?? 1),
    shape,
  );
}

function otherAttr(attr: Attr, random: Rng): Attr {
  if ('list' in attr && attr.list.ints !== undefined) {
    const list = [...attr.list.ints];
    if (list.length === 0 || random.uniform() < 0.3) return { list: { ints: list.slice(1) } };
    list[random.int(0, list.length - 1)] = random.pick(integers);
    return { list: { ints: list } };
  }
  if ('int' in attr) return { int: random.pick(integers) };
  if ('float' in attr) return { float: random.pick(reals) };
  if ('bool' in attr) return { bool: !attr.bool };
  if ('string' in attr) return { string: random.pick(['SAME', 'VALID', 'EXPLICIT', 'NCHW', 'MIN_FIRST', '', 'x']) };
  return 'shape' in attr ? { shape: random.pick(sizes) } : attr;
}

/** One thing of a graph changed: a constant, an attribute, an input. */
function changed(graph: Graph, random: Rng): Graph {
  const nodes = [...graph.nodes.values()];
  const at = random.int(0, nodes.length - 1);
  const node = nodes[at]!;
  const tensor = constTensor(node);
  const attr = random.pick([...node.attrs.keys()]);
  const attrs = new Map(node.attrs);
  if (tensor !== undefined) attrs.set('value', { tensor: otherTensor(tensor, random) });
  else if (random.uniform() < 0.1) attrs.delete(attr);
  else attrs.set(attr, otherAttr(attrs.get(attr)!, random));
  let inputs = node.inputs;
  if (inputs.length > 0 && random.uniform() < 0.3) {
    const input = random.int(0, inputs.length - 1);
    const from = { node: random.pick(nodes).name, port: random.int(0, 2) };
    inputs = random.uniform() < 0.5 ? inputs.with(input, from) : inputs.toSpliced(input, 1);
  }
  const other: Node = { ...node, inputs, attrs };
  return new Graph(nodes.with(at, other), graph.library, graph.extra);
}

const names = hasHost ? backends.map(({ name }) => name) : (['reference'] as const);

/** Opens and runs what is left of a model everywhere. */
async function survives(model: Model): Promise<void> {
  verify(model.graph);
  const optimized = optimize(model);
  for (const backend of names) {
    using session = await compile(optimized, { backend });
    const shape = model.inputs[0]!.shape!.map((dim) => dim ?? 1);
    const x = tensorOf(
      model.inputs[0]!.dtype as 'float32',
      Array.from({ length: sizeOf(shape) }, (_, i) => (i * 7) % 11),
      shape,
    );
    await session.run({ x }, { signal: AbortSignal.timeout(5000) });
  }
}

describe('graphs with anything in them changed', () => {
  it.each([...models.keys()])('network %i: are refused by a UserError, or run, on every backend', async (which) => {
    const model = models[which]!;
    await survives(model);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 - 1 }), async (seed) => {
        const random = rng(seed);
        let { graph } = model;
        for (let changes = random.int(1, 2); changes > 0; changes--) graph = changed(graph, random);
        try {
          await survives({ ...model, graph });
        } catch (error) {
          if ((error as Error).name !== 'TimeoutError') expect(error, (error as Error).stack).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 60 },
    );
  });
});
