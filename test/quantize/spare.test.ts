import { describe, expect, it } from 'vitest';
import { evaluateNode } from '../../src/api/model.ts';
import { runnerOn } from '../../src/api/runner.ts';
import { tensorOf } from '../../src/base/tensor.ts';
import { evaluate, type Run } from '../../src/data/evaluate.ts';
import { fittedTo, openDataset } from '../../src/data/open.ts';
import { calibrationSplit } from '../../src/data/subset.ts';
import { ints, type } from '../../src/graph/attr.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Feeds, OpenRunner } from '../../src/graph/runner.ts';
import { compile, load, optimize, quantize } from '../../src/index.ts';
import { chooseSpared, noiseOf } from '../../src/quantize/correct/layer-noise.ts';
import { floatResultBehind } from '../../src/quantize/float-result.ts';
import { layersOf } from '../../src/quantize/layers.ts';
import { type Corrections, type Effort, quantizeModel, type Stages } from '../../src/quantize/quantize.ts';
import { reference } from '../../src/runtime/reference/open.ts';
import { findRecipe } from '../../src/zoo/recipes/index.ts';
import { sharedPath } from '../support/shared.ts';
import { type Layers, normalInput, smallModel } from '../support/small-models.ts';

const feeds: readonly Feeds[] = [1, 2, 3, 4].map((seed) => new Map([['x', normalInput([2, 8, 8, 4], seed)]]));

const linear = (l: Layers, name: string, x: Value, channels: readonly [number, number] = [8, 8]): Value =>
  l.bias(name, l.conv(`${name}/conv`, x, channels), channels[1]);

async function stagesOf(make: (l: Layers) => Value, corrections: Partial<Corrections>): Promise<Stages> {
  const samples = (async function* () {
    yield* feeds;
  })();
  const model = smallModel([null, 8, 8, 4], make, 3);
  return quantizeModel(model, { samples, openRunner: reference, evaluate: evaluateNode, corrections });
}

async function outputsOf(model: Stages['a'], openRunner: OpenRunner = reference): Promise<Float32Array[]> {
  const runner = await openRunner(
    model,
    model.outputs.map(({ value }) => value),
  );
  const outputs: Float32Array[] = [];
  for (const fed of feeds) outputs.push((await runner.run(fed))[0]!.data as Float32Array);
  runner.dispose();
  return outputs;
}

async function errorOf({ a, c }: Stages): Promise<number> {
  const [expected, found] = [await outputsOf(a), await outputsOf(c)];
  return expected.reduce((sum, x, n) => sum + x.reduce((s, v, i) => s + (v - found[n]![i]!) ** 2, 0), 0);
}

describe('layers left in fp32 for their noise', () => {
  const layers = [
    { layer: 'a', noise: 50, cost: 10 },
    { layer: 'b', noise: 30, cost: 1 },
    { layer: 'c', noise: 15, cost: 5 },
    { layer: 'd', noise: 5, cost: 84 },
  ];
  it.each([
    // 1 − 10^(−gain/10) of the noise is to go: 20.6 %, 36.9 %, 68.4 % of it.
    { gain: 1, share: 1, is: ['b'] },
    { gain: 2, share: 1, is: ['b', 'a'] },
    { gain: 5, share: 1, is: ['b', 'a'] },
    { gain: 12, share: 1, is: ['b', 'a', 'c'] },
    // Of a cost of 100, at most so much.
    { gain: 5, share: 0.06, is: ['b', 'c'] },
    { gain: 5, share: 0, is: [] },
  ])('by noise for cost, until it falls by $gain dB or the work is $share of all', ({ gain, share, is }) => {
    expect(chooseSpared(layers, { gain, share })).toEqual(is);
  });

  it('noise is the squared error without what shifts the mean over the samples', () => {
    const exact = [[tensorOf('float32', [1, 2])], [tensorOf('float32', [3, 4])]];
    const found = [[tensorOf('float32', [1.5, 2.25])], [tensorOf('float32', [3.5, 3.75])]];
    // Errors of the two elements: 0.5 and 0.5; 0.25 and −0.25.
    expect(noiseOf(exact, found)).toBeCloseTo(2 * 0.25 ** 2, 10);
  });

  // Inputs of very unlike channels: rounded with one scale, the small ones are lost.
  const uneven = (l: Layers): Value => {
    const spread = l.builder.constant('spread', tensorOf('float32', [100, 1, 1, 1]));
    const x = l.builder.node('Mul', 'uneven', [l.input, spread], { T: type('float32') });
    const weights = l.weights('a/weights', [1, 1, 4, 8]);
    const small = l.builder.constant('small', tensorOf('float32', [0.01, 1, 1, 1], [4, 1]));
    const even = l.builder.node('Mul', 'a/even', [weights, small], { T: type('float32') });
    const attrs = { T: type('float32'), strides: ints([1, 1, 1, 1]), padding: 'SAME' };
    const first = l.unary('Relu', 'r', l.bias('a', l.builder.node('Conv2D', 'a/conv', [x, even], attrs), 8));
    return linear(l, 'y', l.unary('Relu', 's', linear(l, 'b', first)));
  };
  const layersIn = ({ c }: Stages) => layersOf(c.graph).map(({ origin }) => origin);

  it('are those whose rounding changes the outputs most', async () => {
    const whole = await stagesOf(uneven, {});
    const spared = await stagesOf(uneven, { spared: 3 });
    expect(layersIn(whole)).toEqual(['a/conv', 'b/conv', 'y/conv']);
    expect(layersIn(spared)).toEqual(['b/conv', 'y/conv']);
    expect(await errorOf(spared)).toBeLessThan(0.6 * (await errorOf(whole)));
  });
});

describe('residual sums in float32', () => {
  const blocks = (l: Layers): Value => {
    let x = l.unary('Relu', 'stem', linear(l, 'stem/bias', l.input, [4, 8]));
    for (const name of ['a', 'b', 'c']) {
      const wide = l.unary('Relu', `${name}/r`, linear(l, `${name}/wide`, x));
      x = l.add(`${name}/sum`, linear(l, name, wide), x);
    }
    return linear(l, 'y', l.unary('Relu', 'r', x));
  };

  it('are rounded only where layers read them, and lose less', async () => {
    const [codes, floats] = [await stagesOf(blocks, {}), await stagesOf(blocks, { floatSums: true })];
    const floating = ({ b }: Stages) =>
      layersOf(b.graph).flatMap(({ node, origin }) => (floatResultBehind(b.graph, node) ? [origin] : []));
    expect(floating(floats)).toEqual(expect.arrayContaining(['stem/bias/conv', 'a/conv', 'b/conv', 'c/conv']));
    const summands = (name: string) => floats.c.graph.node(name).inputs.map((v) => floats.c.graph.node(v.node).op);
    expect(summands('b/sum')).not.toContain('Dequantize');
    expect(await errorOf(floats)).toBeLessThan(0.9 * (await errorOf(codes)));
  });

  it('are the same on every backend', async () => {
    const { c } = await stagesOf(blocks, { floatSums: true });
    expect(await outputsOf(c, runnerOn('auto'))).toEqual(await outputsOf(c));
  });
});

const [modelPath, dataPath] = [sharedPath('models/resnet20_cifar10.pb'), sharedPath('data/cifar10/test')];

describe.skipIf(modelPath === undefined || dataPath === undefined)('effort high', () => {
  it('gives resnet20 two dB more than the default', async () => {
    const recipe = (await findRecipe(modelPath!))!;
    const model = await load(modelPath!, { outputs: recipe.outputs! });
    const data = fittedTo(model, await openDataset(dataPath!, model, recipe));
    const runOf = async (of: Parameters<typeof compile>[0]): Promise<Run> => {
      const session = await compile(of);
      return async (feeds) => new Map(Object.entries(await session.run(Object.fromEntries(feeds))));
    };
    const fp32 = await runOf(optimize(model));
    const sqnr = async (effort: Effort): Promise<number> => {
      const int8 = await quantize(model, { calibration: calibrationSplit(data, recipe), samples: 16, effort });
      const { figures } = await evaluate(await runOf(int8), data, { recipe, reference: fp32, batch: 50, limit: 200 });
      return figures.sqnr!;
    };
    expect(await sqnr('high')).toBeGreaterThan((await sqnr('default')) + 2);
  }, 120_000);
});
