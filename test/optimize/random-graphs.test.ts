import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberFlag } from '../../src/base/flags.ts';
import { type Rng, rng } from '../../src/base/rng.ts';
import { scalar, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { float, int, ints, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import { findDefects } from '../../src/graph/verify.ts';
import { optimize } from '../../src/optimize/index.ts';
import { evaluate, modelOf, run, T } from './support.ts';

/** A network under construction: pictures of `size` × `size` with `channels`, in NHWC. */
type State = {
  readonly b: Builder;
  readonly r: Rng;
  readonly x: Value;
  readonly size: number;
  readonly channels: number;
};
type Layer = (state: State) => Partial<State>;

const numbers = (r: Rng, shape: readonly number[], low = -1, high = 1): Tensor =>
  tensorOf(
    'float32',
    Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => low + r.uniform() * (high - low)),
    shape,
  );

/** A constant a channel, written in one of the ways that people write it. */
function perChannel({ b, r, channels }: State, low?: number, high?: number): Value {
  const [shape] = [r.pick([[channels], [1, channels], [1, 1, 1, channels], [], [1]])];
  return b.constant('c', numbers(r, shape, low, high));
}

const arithmetic =
  (op: OpName, low?: number, high?: number): Layer =>
  (state) => {
    const c = perChannel(state, low, high);
    const isFirst = op !== 'RealDiv' && state.r.uniform() < 0.3;
    return { x: state.b.node(op, 'n', isFirst ? [c, state.x] : [state.x, c], T) };
  };
const unary =
  (op: OpName): Layer =>
  ({ b, x }) => ({ x: b.node(op, 'u', [x], T) });

const turn = ({ b }: State, x: Value, perm: readonly number[]): Value =>
  b.node('Transpose', 't', [x, b.constant('perm', tensorOf('int32', perm))], { ...T, Tperm: type('int32') });

const vectors = ({ b, r, channels }: State): Value[] => [
  b.constant('gamma', numbers(r, [channels])),
  b.constant('beta', numbers(r, [channels])),
  b.constant('mean', numbers(r, [channels])),
  b.constant('variance', numbers(r, [channels], 0.5, 2)),
];

const layers = {
  conv: (state) => {
    const { b, r, x, size, channels } = state;
    const [kernel, stride, padding, out] = [r.pick([1, 3]), r.pick([1, 2]), r.pick(['SAME', 'VALID']), r.int(1, 3)];
    const w = b.constant('w', numbers(r, [kernel, kernel, channels, out]));
    if (padding === 'VALID' && size < kernel) return {};
    const after = padding === 'SAME' ? Math.ceil(size / stride) : Math.floor((size - kernel) / stride) + 1;
    const isNchw = r.uniform() < 0.3;
    const [node, strides] = [
      isNchw ? turn(state, x, [0, 3, 1, 2]) : x,
      isNchw ? [1, 1, stride, stride] : [1, stride, stride, 1],
    ];
    const attrs = { ...T, strides: ints(strides), padding, data_format: isNchw ? 'NCHW' : 'NHWC' };
    const y = b.node('Conv2D', 'conv', [node, w], attrs);
    return { x: isNchw ? turn(state, y, [0, 2, 3, 1]) : y, size: after, channels: out };
  },
  depthwise: ({ b, r, x, channels }) => {
    const multiplier = r.pick([1, 1, 2]);
    const w = b.constant('w', numbers(r, [3, 3, channels, multiplier]));
    const attrs = { ...T, strides: ints([1, 1, 1, 1]), padding: 'SAME' };
    return { x: b.node('DepthwiseConv2dNative', 'dw', [x, w], attrs), channels: channels * multiplier };
  },
  pad: ({ b, r, x, size }) => {
    const [before, after] = [r.int(0, 1), r.int(0, 2)];
    const paddings = tensorOf('int32', [0, 0, before, after, before, after, 0, 0], [4, 2]);
    const attrs = { ...T, Tpaddings: type('int32') };
    return { x: b.node('Pad', 'pad', [x, b.constant('paddings', paddings)], attrs), size: size + before + after };
  },
  fused: (state) => {
    const attrs = { ...T, U: type('float32'), is_training: false, epsilon: float(0.01) };
    return { x: state.b.node('FusedBatchNormV3', 'bn', [state.x, ...vectors(state)], attrs) };
  },
  keras: (state) => {
    const { b, x } = state;
    const [gamma, beta, mean, variance] = vectors(state) as [Value, Value, Value, Value];
    const sum = b.node('AddV2', 'k', [variance, b.constant('eps', scalar('float32', 0.01))], T);
    const s = b.node('Mul', 'k', [gamma, b.node('Rsqrt', 'k', [sum], T)], T);
    const t = b.node('Sub', 'k', [beta, b.node('Mul', 'k', [mean, s], T)], T);
    return { x: b.node('AddV2', 'k', [b.node('Mul', 'k', [x, s], T), t], T) };
  },
  bias: ({ b, r, x, channels }) => ({ x: b.node('BiasAdd', 'bias', [x, b.constant('b', numbers(r, [channels]))], T) }),
  mul: arithmetic('Mul'),
  add: arithmetic('AddV2'),
  sub: arithmetic('Sub'),
  div: arithmetic('RealDiv', 0.5, 2),
  relu: unary('Relu'),
  relu6: unary('Relu6'),
  identity: unary('Identity'),
  residual: ({ b, x }) => ({ x: b.node('AddV2', 'sum', [b.node('Relu', 'u', [x], T), x], T) }),
  twice: ({ b, x, channels }) => {
    const both = [b.node('Relu', 'u', [x], T), b.node('Relu', 'u', [x], T)];
    const attrs = { ...T, N: int(2), Tidx: type('int32') };
    return {
      x: b.node('ConcatV2', 'cat', [...both, b.constant('axis', scalar('int32', 3))], attrs),
      channels: channels * 2,
    };
  },
  reshape: ({ b, x, size, channels }) => {
    const to = (name: string, from: Value, shape: number[]) =>
      b.node('Reshape', name, [from, b.constant('shape', tensorOf('int32', shape))], { ...T, Tshape: type('int32') });
    return { x: to('wide', to('flat', x, [-1, size * size * channels]), [-1, size, size, channels]) };
  },
} as const satisfies Record<string, Layer>;

const names = Object.keys(layers) as (keyof typeof layers)[];
const steps = fc.array(fc.record({ layer: fc.constantFrom(...names), seed: fc.nat(10_000) }), {
  minLength: 1,
  maxLength: 9,
});

function network(chosen: readonly { readonly layer: keyof typeof layers; readonly seed: number }[]) {
  const b = builder();
  let state: State = { b, r: rng(0), x: b.input('x', 'float32', [null, 5, 5, 2]), size: 5, channels: 2 };
  for (const { layer, seed } of chosen) {
    state = { ...state, r: rng(seed) };
    state = { ...state, ...layers[layer](state) };
    if (state.channels > 8 || state.size > 12) break;
  }
  b.node('Identity', 'y', [state.x], T);
  return modelOf(b.graph(), ['y']);
}

/** The largest difference, as a share of the largest element. */
function difference(a: Tensor, b: Tensor): number {
  const [p, q] = [a.data as Float32Array, b.data as Float32Array];
  const largest = p.reduce((m, v) => Math.max(m, Math.abs(v)), 1e-3);
  return p.reduce((m, v, i) => Math.max(m, Math.abs(v - q[i]!)), 0) / largest;
}

const seed = numberFlag('OCTET_SEED', 1);

describe('optimize', () => {
  it('gives what the graph gave, on random networks', async () => {
    await fc.assert(
      fc.asyncProperty(steps, fc.nat(1000), async (chosen, pictures) => {
        const model = network(chosen);
        const after = optimize(model, { evaluate });
        expect(findDefects(after.graph)).toEqual([]);
        const feeds = new Map([['x', numbers(rng(pictures), [2, 5, 5, 2], -2, 2)]]);
        const [[before], [now]] = (await Promise.all([run(model, feeds), run(after, feeds)])) as [[Tensor], [Tensor]];
        expect(now.shape).toEqual(before.shape);
        expect(difference(before, now)).toBeLessThan(1e-4);
        expect(after.graph.nodes.size).toBeLessThanOrEqual(model.graph.nodes.size + 8);
      }),
      { seed, numRuns: 300 },
    );
  });

  it('finds nothing more to do in what it has made', () => {
    fc.assert(
      fc.property(steps, (chosen) => {
        const once = optimize(network(chosen), { evaluate });
        const rules: string[] = [];
        optimize(once, { evaluate, trace: ({ rule }) => rules.push(rule) });
        expect(rules).toEqual([]);
      }),
      { seed, numRuns: 200 },
    );
  });
});
