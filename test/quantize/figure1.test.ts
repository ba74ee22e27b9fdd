import { describe, expect, it } from 'vitest';
import { evaluateNode } from '../../src/api/model.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { printGraph } from '../../src/graph/print.ts';
import { findDefects } from '../../src/graph/verify.ts';
import type { QuantizeOptions } from '../../src/quantize/options.ts';
import { quantizeModel, type Stages } from '../../src/quantize/quantize.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { type Layers, normalInput, smallModel } from '../support/small-models.ts';

/** Attributes that are the same in all goldens, or follow from the op. */
const without = new Set([
  'T',
  'dtype',
  'Tinput',
  'Tfilter',
  'Tbias',
  'Tidx',
  'Tshape',
  'index_type',
  'axis',
  'ensure_minimum_range',
  'keep_dims',
  'dilations',
  'padding_list',
  'T1',
  'T2',
  'transpose_a',
  'transpose_b',
  '_octet_layer',
  '_octet_value',
]);

const shape = [null, 8, 8, 4] as const;
const feeds = [1, 2, 3].map((seed) => new Map([['x', normalInput([2, 8, 8, 4], seed)]]));

async function* samples() {
  yield* feeds;
}

const stagesOf = (model: Model, options: QuantizeOptions = {}): Promise<Stages> =>
  quantizeModel(model, {
    method: 'mse',
    ...options,
    samples: samples(),
    openRunner: openReference,
    evaluate: evaluateNode,
  });

const convBlock = (
  { conv, batchNorm, unary }: Layers,
  name: string,
  x: Value,
  channels: readonly [number, number],
): Value => unary('Relu', name, batchNorm(`${name}/norm`, conv(`${name}/conv`, x, channels), channels[1]));

/** What figure 1 shows for each kind of layer. */
const figures: Readonly<Record<string, (layers: Layers) => Value>> = {
  'conv-batch-norm-relu': (l) => convBlock(l, 'y', l.input, [4, 8]),
  residual: (l) => {
    const first = convBlock(l, 'first', l.input, [4, 8]);
    const second = convBlock(l, 'second', first, [8, 8]);
    const third = l.bias('third', l.conv('third/conv', second, [8, 8]), 8);
    return l.unary('Relu', 'y', l.add('sum', third, first));
  },
  'residual-projection': (l) => {
    const first = convBlock(l, 'first', l.input, [4, 8]);
    const second = convBlock(l, 'second', first, [8, 8]);
    const main = l.bias('main', l.conv('main/conv', second, [8, 8]), 8);
    const shortcut = l.bias('shortcut', l.conv('shortcut/conv', first, [8, 8], { size: 1 }), 8);
    return convBlock(l, 'y', l.unary('Relu', 'block', l.add('sum', main, shortcut)), [8, 4]);
  },
  concat: (l) => {
    const stem = convBlock(l, 'stem', l.input, [4, 8]);
    const both = l.concat('both', [convBlock(l, 'left', stem, [8, 4]), convBlock(l, 'right', stem, [8, 8])]);
    return convBlock(l, 'y', both, [12, 4]);
  },
  pooling: (l) => {
    const max = l.pool('MaxPool', 'max', convBlock(l, 'first', l.input, [4, 8]));
    return l.pool('AvgPool', 'y', convBlock(l, 'second', max, [8, 8]));
  },
  depthwise: (l) => {
    const first = convBlock(l, 'first', l.input, [4, 8]);
    return l.unary('Relu6', 'y', l.bias('y/bias', l.depthwise('depthwise', first, 8), 8));
  },
  // Without relu: TensorFlow adds in float32, and depthwise sums have no fused form. Nothing is rounded to 8 bits before.
  'residual-linear': (l) => {
    const first = convBlock(l, 'first', l.input, [4, 8]);
    const second = l.bias('second', l.conv('second/conv', first, [8, 8]), 8);
    return convBlock(l, 'y', l.add('sum', second, first), [8, 4]);
  },
  'depthwise-linear': (l) => {
    const first = convBlock(l, 'first', l.input, [4, 8]);
    const second = l.bias('second', l.depthwise('second/conv', first, 8), 8);
    return l.bias('y', l.conv('y/conv', second, [8, 4], { size: 1 }), 4);
  },
  normalized: (l) => l.unary('LRN', 'y', convBlock(l, 'first', l.input, [4, 8])),
  matmul: (l) => {
    const features = l.mean('features', convBlock(l, 'first', l.input, [4, 8]));
    const hidden = l.unary('Relu', 'hidden', l.bias('hidden/bias', l.matmul('hidden/matmul', features, [8, 6]), 6));
    return l.bias('y', l.matmul('y/matmul', hidden, [6, 3]), 3);
  },
};

describe('figure 1', () => {
  for (const [name, make] of Object.entries(figures)) {
    it(`shows (a), (b) and (c) of ${name}`, async () => {
      const stages = await stagesOf(smallModel(shape, make));
      for (const stage of ['a', 'b', 'c'] as const) {
        expect(findDefects(stages[stage].graph)).toEqual([]);
        await expect(printGraph(stages[stage].graph, { without })).toMatchFileSnapshot(
          `goldens/${name}.${stage}.golden.txt`,
        );
      }
    });

    for (const perChannel of [true, false])
      it(`keeps the values of ${name}, ${perChannel ? 'per channel' : 'per tensor'}`, async () => {
        const { a, b, c } = await stagesOf(smallModel(shape, make), { perChannel });
        const [fp32] = await outputsOf(a);
        for (const stage of [b, c]) {
          const [int8] = await outputsOf(stage);
          expect(signalToNoise(fp32!, int8!)).toBeGreaterThan(25);
        }
      });
  }
});

async function outputsOf(model: Model): Promise<Float32Array[]> {
  const runner = await openReference(
    model,
    model.outputs.map((output) => output.value),
  );
  const outputs = await runner.run(feeds[0]!);
  runner.dispose();
  return outputs.map(({ data }) => data as Float32Array);
}

/** In dB. */
function signalToNoise(a: Float32Array, b: Float32Array): number {
  let signal = 0;
  let noise = 0;
  for (let i = 0; i < a.length; i++) {
    signal += a[i]! ** 2;
    noise += (a[i]! - b[i]!) ** 2;
  }
  return 10 * Math.log10(signal / noise);
}
