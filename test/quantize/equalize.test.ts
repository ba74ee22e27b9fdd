import { describe, expect, it } from 'vitest';
import { evaluateNode } from '../../src/api/model.ts';
import { type Tensor, tensor, tensorOf } from '../../src/base/tensor.ts';
import { type } from '../../src/graph/attr.ts';
import { constTensor } from '../../src/graph/constant.ts';
import type { Model } from '../../src/graph/model.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import { absorbHighBiases, highBias } from '../../src/quantize/equalize/absorb.ts';
import { findChannels } from '../../src/quantize/equalize/channels.ts';
import { equalize } from '../../src/quantize/equalize/equalize.ts';
import { type Equalization, equalizer } from '../../src/quantize/equalize/scales.ts';
import { type Corrections, quantizeModel } from '../../src/quantize/quantize.ts';
import { openReference, reference } from '../../src/runtime/reference/open.ts';
import { normalInput, smallModel } from '../support/small-models.ts';

const feedsOf = (shape: readonly number[], count = 4): readonly Feeds[] =>
  Array.from({ length: count }, (_, seed) => new Map([['x', normalInput(shape, seed)]]));

const T = type('float32');

async function outputs(model: Model, feeds: readonly Feeds[]): Promise<Float32Array[]> {
  const runner = await openReference(
    model,
    model.outputs.map(({ value }) => value),
  );
  const found: Float32Array[] = [];
  for (const fed of feeds) found.push((await runner.run(fed))[0]!.data as Float32Array);
  runner.dispose();
  return found;
}

const weightsOf = (model: Model, layer: string): Tensor<'float32'> => {
  const node = model.graph.node(layer);
  return constTensor(model.graph.node(node.inputs[1]!.node)) as Tensor<'float32'>;
};

/** Largest |w| of each channel that a layer makes (of [..., K, N]: N), or reads (K). */
function ranges({ shape, data }: Tensor<'float32'>, axis: 'made' | 'read'): number[] {
  const [k, n] = shape.slice(-2) as [number, number];
  const found = new Array<number>(axis === 'made' ? n : k).fill(0);
  for (const [i, w] of data.entries()) {
    const c = axis === 'made' ? i % n : Math.floor(i / n) % k;
    found[c] = Math.max(found[c]!, Math.abs(w));
  }
  return found;
}

const shape = [2, 8, 8, 4];
const feeds = feedsOf(shape);
const chain = smallModel([null, 8, 8, 4], (l) => {
  const first = l.unary('Relu', 'r1', l.bias('b1', l.conv('c1', l.input, [4, 8]), 8));
  const second = l.unary('Relu', 'r2', l.bias('b2', l.depthwise('d', first, 8), 8));
  return l.bias('y', l.conv('c3', second, [8, 6]), 6);
});

describe('equalization', () => {
  it('divides a channel by √(r₁ r₂) / r₂', () => {
    const [r1, r2] = [8, 0.5];
    const s = equalizer(r1, r2, 0.5);
    expect(s).toBeCloseTo(Math.sqrt(r1 * r2) / r2, 12);
    expect(r1 / s).toBeCloseTo(r2 * s, 12);
    expect(equalizer(0, 3, 0.5)).toBe(1);
  });

  it('makes the ranges of weights on both sides of each channel equal', async () => {
    const scaled = await equalize(chain, { how: 'weights', feeds: async () => feeds, openRunner: reference });
    // One factor for all channels keeps the range of the values.
    const ratios = ranges(weightsOf(scaled, 'd'), 'read').map(
      (w, c) => w / ranges(weightsOf(scaled, 'c3'), 'read')[c]!,
    );
    for (const ratio of ratios) expect(ratio / ratios[0]!).toBeCloseTo(1, 1);
    const before = ranges(weightsOf(chain, 'd'), 'read').map((w, c) => w / ranges(weightsOf(chain, 'c3'), 'read')[c]!);
    expect(Math.max(...before) / Math.min(...before)).toBeGreaterThan(1.2);
  });

  const joined = smallModel([null, 8, 8, 4], (l) => {
    const first = l.unary('Relu', 'r1', l.bias('b1', l.conv('c1', l.input, [4, 8]), 8));
    const left = l.unary('Relu', 'r2', l.bias('b2', l.conv('c2', first, [8, 8]), 8));
    const right = l.pool('MaxPool', 'p', l.add('sum', left, l.bias('b3', l.conv('c3', first, [8, 8]), 8)));
    const both = l.concat('both', [right, l.pool('AvgPool', 'q', first)]);
    const flat = l.builder.node(
      'Reshape',
      'flat',
      [both, l.builder.constant('flat/shape', tensorOf('int32', [-1, 256]))],
      {
        T,
        Tshape: type('int32'),
      },
    );
    return l.bias(
      'y',
      l.matmul('m', l.unary('Relu', 'r3', l.bias('b4', l.matmul('m0', flat, [256, 16]), 16)), [16, 5]),
      5,
    );
  });

  for (const how of ['weights', 'smooth', 'balanced'] as const)
    it(`leaves the results as they are, through sums, pools, concat and flattening: ${how}`, async () => {
      const scaled = await equalize(joined, { how, feeds: async () => feeds, openRunner: reference });
      expect(weightsOf(scaled, 'm').data).not.toEqual(weightsOf(joined, 'm').data);
      const [expected, found] = [await outputs(joined, feeds), await outputs(scaled, feeds)];
      for (const [n, y] of expected.entries())
        for (const [i, x] of y.entries()) expect(Math.abs(found[n]![i]! - x)).toBeLessThan(1e-4 * (1 + Math.abs(x)));
    });

  it('leaves alone what a relu6 cuts off, and says why', async () => {
    const capped = smallModel([null, 8, 8, 4], (l) => {
      const first = l.unary('Relu6', 'r1', l.bias('b1', l.conv('c1', l.input, [4, 8]), 8));
      return l.bias('y', l.conv('c2', first, [8, 6]), 6);
    });
    expect([...findChannels(capped).pinned.values()].join()).toContain("the relu6 'r1'");
    const scaled = await equalize(capped, { how: 'weights', feeds: async () => feeds, openRunner: reference });
    expect(weightsOf(scaled, 'c2')).toEqual(weightsOf(capped, 'c2'));
  });

  it('leaves alone what an op reads that mixes channels, or an output', () => {
    const mixed = smallModel([null, 8, 8, 4], (l) => {
      const first = l.unary('Relu', 'r1', l.bias('b1', l.conv('c1', l.input, [4, 8]), 8));
      return l.builder.node('Softmax', 'y', [first], { T });
    });
    expect([...findChannels(mixed).pinned.values()]).toContain("Softmax 'y' reads it");
  });
});

/** An embedding of few large columns beside small ones, as users' and items' are, before two matmuls. */
const embedding = smallModel([null, 8], (l) => {
  const wide = l.builder.node('Mul', 'wide', [l.matmul('m0', l.input, [8, 16]), spread(16)], { T });
  const hidden = l.unary(
    'Relu',
    'r1',
    l.bias('b1', l.matmul('m1', l.unary('Relu', 'r0', l.bias('b0', wide, 16)), [16, 16]), 16),
  );
  return l.bias('y', l.matmul('m2', hidden, [16, 4]), 4);

  function spread(channels: number) {
    const values = Float32Array.from({ length: channels }, (_, c) => (c % 4 === 0 ? 40 : 1));
    return l.builder.constant('spread', tensor('float32', [channels], values));
  }
});

async function errorOf(model: Model, fed: readonly Feeds[], corrections: Partial<Corrections>): Promise<number> {
  async function* samples() {
    yield* fed;
  }
  const { c } = await quantizeModel(model, {
    samples: samples(),
    openRunner: reference,
    evaluate: evaluateNode,
    corrections: { equalization: 'none', rounding: 'none', ...corrections },
  });
  const [expected, found] = [await outputs(model, fed), await outputs(c, fed)];
  return expected.reduce((sum, y, n) => sum + y.reduce((s, v, i) => s + (v - found[n]![i]!) ** 2, 0), 0);
}

describe('balanced scales', () => {
  const fed = feedsOf([64, 8], 8);

  it('lower the error of matmuls that read channels of unlike size', async () => {
    const error = async (equalization: Equalization) => errorOf(embedding, fed, { equalization });
    expect(await error('balanced')).toBeLessThan(0.9 * (await error('none')));
  });
});

describe('absorption of high biases', () => {
  it('takes what is there almost always: mean − 3σ', () => {
    expect(highBias(10, 2)).toBe(4);
    expect(highBias(1, 2)).toBe(0);
  });

  const shifted = smallModel([null, 16], (l) => {
    const bias = l.builder.constant(
      'high',
      tensor(
        'float32',
        [8],
        Float32Array.from({ length: 8 }, (_, c) => 20 + c),
      ),
    );
    const first = l.builder.node('BiasAdd', 'b1', [l.matmul('m1', l.input, [16, 8]), bias], { T });
    return l.bias('y', l.matmul('m2', l.unary('Relu', 'r1', first), [8, 4]), 4);
  });
  const fed = feedsOf([32, 16], 8);

  it('moves it behind the next layer; the results stay, and int8 keeps more of them', async () => {
    const absorbed = await absorbHighBiases(shifted, { feeds: async () => fed, openRunner: reference });
    const biasOf = (model: Model, name: string) =>
      constTensor(model.graph.node(model.graph.node(name).inputs[1]!.node)) as Tensor<'float32'>;
    const [before, after] = [biasOf(shifted, 'b1').data, biasOf(absorbed, 'b1').data];
    const c = before.map((b, i) => b - after[i]!);
    expect(Math.min(...c)).toBeGreaterThan(5);
    const w = weightsOf(shifted, 'm2');
    const moved = biasOf(absorbed, 'y').data.map((b, o) => b - biasOf(shifted, 'y').data[o]!);
    for (const [o, m] of moved.entries())
      expect(m).toBeCloseTo(
        c.reduce((s, x, i) => s + x * w.data[i * 4 + o]!, 0),
        3,
      );
    const [expected, found] = [await outputs(shifted, fed), await outputs(absorbed, fed)];
    const off = expected.map((y, n) => Math.max(...y.map((x, i) => Math.abs(x - found[n]![i]!))));
    expect(off.filter((x) => x < 1e-3).length).toBeGreaterThan(off.length / 2);
    expect(await errorOf(shifted, fed, { absorption: true })).toBeLessThan(await errorOf(shifted, fed, {}));
  });

  it('moves nothing into a layer that pads with zeros', async () => {
    const absorbed = await absorbHighBiases(chain, { feeds: async () => feeds, openRunner: reference });
    expect(await outputs(absorbed, feeds)).toEqual(await outputs(chain, feeds));
  });
});
