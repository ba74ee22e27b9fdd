import { describe, expect, it } from 'vitest';
import { evaluateNode } from '../../src/api/model.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import { floatResultBehind } from '../../src/quantize/float-result.ts';
import { layersOf } from '../../src/quantize/layers.ts';
import { type Corrections, quantizeModel, type Stages } from '../../src/quantize/quantize.ts';
import { quantizeGraph } from '../../src/quantize/quantize-graph.ts';
import { openReference, reference } from '../../src/runtime/reference/open.ts';
import { type Layers, normalInput, smallModel } from '../support/small-models.ts';

const shape = [null, 8, 8, 4] as const;
const linear = (l: Layers, name: string, x: Value, channels: readonly [number, number] = [8, 8]): Value =>
  l.bias(name, l.conv(`${name}/conv`, x, channels), channels[1]);
const relued = (l: Layers, name: string, x: Value, channels?: readonly [number, number]): Value =>
  l.unary('Relu', name, linear(l, `${name}/bias`, x, channels));
const stem = (l: Layers): Value => relued(l, 'stem', l.input, [4, 8]);

/** The layers of a model that give float32. */
function floats(make: (l: Layers) => Value): string[] {
  const { graph } = quantizeGraph(smallModel(shape, make));
  const found = layersOf(graph).filter(({ node }) => floatResultBehind(graph, node) !== undefined);
  return found.map(({ origin }) => origin);
}

describe('results in float32', () => {
  it.each<{ name: string; make: (l: Layers) => Value; is: readonly string[] }>([
    { name: "the model's output", make: (l) => linear(l, 'y', stem(l)), is: ['y/conv'] },
    {
      name: 'an output behind what moves it',
      make: (l) => l.unary('Identity', 'z', linear(l, 'y', stem(l))),
      is: ['y/conv'],
    },
    { name: 'a normalization', make: (l) => l.unary('LRN', 'z', relued(l, 'y', stem(l))), is: ['y/bias/conv'] },
    {
      name: 'a normalization behind a pooling',
      make: (l) => l.unary('LRN', 'z', l.pool('MaxPool', 'pool', relued(l, 'y', stem(l)))),
      is: ['y/bias/conv'],
    },
    {
      name: 'a residual add without relu',
      make: (l) => relued(l, 'z', l.add('sum', linear(l, 'y', stem(l)), { node: 'stem', port: 0 })),
      is: ['y/conv'],
    },
    {
      name: 'one side of an add of two',
      make: (l) => {
        const x = stem(l);
        return relued(l, 'z', l.add('sum', linear(l, 'a', x), linear(l, 'b', x)));
      },
      is: ['b/conv'],
    },
    {
      name: 'a depthwise convolution without relu, whoever reads it',
      make: (l) => relued(l, 'z', l.bias('y', l.depthwise('y/conv', stem(l), 8), 8)),
      is: ['y/conv'],
    },
  ])('are read by $name', ({ make, is }) => expect(floats(make)).toEqual(is));

  it.each<{ name: string; make: (l: Layers) => Value }>([
    { name: 'another convolution', make: (l) => relued(l, 'z', linear(l, 'y', stem(l))) },
    {
      name: 'a convolution behind an activation',
      make: (l) => relued(l, 'z', l.unary('Tanh', 't', linear(l, 'y', stem(l)))),
    },
    { name: 'an average over pixels', make: (l) => l.mean('z', linear(l, 'y', stem(l))) },
    { name: 'nobody, behind a relu', make: (l) => relued(l, 'y', stem(l)) },
    {
      name: 'a residual add with relu',
      make: (l) => {
        const x = stem(l);
        return relued(l, 'z', l.unary('Relu', 'r', l.add('sum', linear(l, 'y', x), x)));
      },
    },
    {
      name: 'both a normalization and a convolution',
      make: (l) => {
        const y = relued(l, 'y', stem(l));
        return l.add('z', l.unary('LRN', 'norm', y), relued(l, 'w', y));
      },
    },
  ])('are not made for $name', ({ make }) => expect(floats(make)).toEqual([]));
});

const feeds: readonly Feeds[] = [1, 2, 3, 4].map((seed) => new Map([['x', normalInput([2, 8, 8, 4], seed)]]));

/** Two residual blocks and an output without relu. */
function blocks(l: Layers): Value {
  let x = stem(l);
  for (const name of ['a', 'b']) x = l.add(`${name}/sum`, linear(l, name, relued(l, `${name}/wide`, x)), x);
  return linear(l, 'y', l.bias('d', l.depthwise('d/conv', l.unary('Relu', 'r', x), 8), 8));
}

async function outputsOf(model: Stages['a']): Promise<Float32Array[]> {
  const runner = await openReference(
    model,
    model.outputs.map(({ value }) => value),
  );
  const outputs: Float32Array[] = [];
  for (const fed of feeds) outputs.push((await runner.run(fed))[0]!.data as Float32Array);
  runner.dispose();
  return outputs;
}

async function noise(corrections: Partial<Corrections>): Promise<number> {
  const samples = (async function* () {
    yield* feeds;
  })();
  const { a, c } = await quantizeModel(smallModel(shape, blocks, 3), {
    samples,
    openRunner: reference,
    evaluate: evaluateNode,
    corrections: { weights: false, biasSamples: 4, ...corrections },
  });
  const [expected, found] = [await outputsOf(a), await outputsOf(c)];
  return expected.reduce((sum, x, n) => sum + x.reduce((s, v, i) => s + (v - found[n]![i]!) ** 2, 0), 0);
}

it('weights and biases of float32 results are corrected as those of codes are', async () => {
  const plain = await noise({ biasSamples: 0, rounding: 'none' });
  const biases = await noise({ rounding: 'none' });
  expect(biases).toBeLessThan(plain);
  expect(await noise({ rounding: 'all' })).toBeLessThan(0.95 * biases);
});
