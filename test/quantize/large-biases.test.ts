import { expect, it } from 'vitest';
import { evaluateNode } from '../../src/api/model.ts';
import { type Tensor, tensor } from '../../src/base/tensor.ts';
import { constNode, constTensor } from '../../src/graph/constant.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { withNodes } from '../../src/quantize/correct/known.ts';
import { quantizeModel } from '../../src/quantize/quantize.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { type Layers, normalInput, smallModel } from '../support/small-models.ts';

/** Inputs so small that steps of the sums are, too. */
const feeds = [1, 2, 3].map((seed) => {
  const x = normalInput([1, 6, 6, 4], seed);
  return new Map([
    [
      'x',
      tensor(
        'float32',
        x.shape,
        (x.data as Float32Array).map((value) => value / 100),
      ),
    ],
  ]);
});

function layers(l: Layers): Value {
  const stem = l.unary('Relu6', 'stem', l.bias('stem/bias', l.conv('stem/conv', l.input, [4, 8]), 8));
  const middle = l.unary('Relu6', 'middle', l.bias('middle/bias', l.depthwise('middle/conv', stem, 8), 8));
  return l.unary('Relu', 'y', l.bias('y/bias', l.conv('y/conv', middle, [8, 4]), 4));
}

/** What the weights of channels 1, 2 and 3 are multiplied by: dead ones, as trained networks have them, and a weak one. */
const shares = [1, 0, 1e-20, 1e-6];

function withDeadChannels(model: Model): Model {
  const changed = ['stem/conv/weights', 'middle/conv/weights'].map((name) => {
    const weights = constTensor(model.graph.node(name)) as Tensor<'float32'>;
    const data = weights.data.map((w, i) => w * (shares[i % 8] ?? 1));
    return constNode(name, tensor('float32', weights.shape, data));
  });
  return { ...model, graph: withNodes(model.graph, changed) };
}

it.each(['none', 'depthwise', 'all'] as const)(
  'biases of channels without weights fit into int32 (%s)',
  async (rounding) => {
    const { a, c } = await quantizeModel(withDeadChannels(smallModel([1, 6, 6, 4], layers)), {
      samples: (async function* () {
        yield* feeds;
      })(),
      openRunner: openReference,
      evaluate: evaluateNode,
      corrections: { rounding },
    });
    const biases = [...c.graph.nodes.values()].flatMap((node) => {
      const found = constTensor(node);
      return found?.dtype === 'qint32' ? [...found.data] : [];
    });
    expect(biases).toHaveLength(20);
    expect(Math.max(...biases.map(Math.abs))).toBeLessThan(1.01 * 2 ** 30);
    const [expected, found] = [await outputsOf(a), await outputsOf(c)];
    const largest = Math.max(...expected.flat());
    expected.forEach((values, n) => {
      values.forEach((value, i) => {
        expect(Math.abs(value - found[n]![i]!)).toBeLessThan(0.03 * largest);
      });
    });
  },
);

async function outputsOf(model: Model): Promise<number[][]> {
  const runner = await openReference(
    model,
    model.outputs.map(({ value }) => value),
  );
  const outputs: number[][] = [];
  for (const fed of feeds) outputs.push([...((await runner.run(fed))[0]!.data as Float32Array)]);
  runner.dispose();
  return outputs;
}
