import { describe, expect, it } from 'vitest';
import { evaluateNode } from '../../src/api/model.ts';
import { equalTensors, type Tensor } from '../../src/base/tensor.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { quantizeModel } from '../../src/quantize/quantize.ts';
import { openBackend } from '../../src/runtime/backends.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { type Layers, normalInput, smallModel } from '../support/small-models.ts';

const shape = [null, 9, 7, 4] as const;
const feeds = [1, 2, 3].map((seed) => new Map([['x', normalInput([2, 9, 7, 4], seed)]]));

async function* samples() {
  yield* feeds;
}

/** Residual blocks as MobileNet-v2 and EfficientNet have them: no relu behind the sum. */
function linearResiduals(l: Layers): Value {
  let x = l.unary('Relu6', 'stem', l.bias('stem/bias', l.conv('stem/conv', l.input, [4, 24]), 24));
  x = l.bias('first', l.conv('first/conv', x, [24, 20], { size: 1 }), 20);
  for (const name of ['a', 'b', 'c']) {
    const wide = l.unary(
      'Relu6',
      `${name}/wide`,
      l.bias(`${name}/wide/bias`, l.conv(`${name}/wide/conv`, x, [20, 37]), 37),
    );
    x = l.add(
      `${name}/sum`,
      l.bias(`${name}/narrow`, l.conv(`${name}/narrow/conv`, wide, [37, 20], { size: 1 }), 20),
      x,
    );
  }
  return l.unary('Relu', 'y', l.bias('y/bias', l.conv('y/conv', x, [20, 8], { size: 1 }), 8));
}

async function outputsOf(model: Model, backend: 'auto' | 'reference', islands: boolean): Promise<readonly Tensor[]> {
  const fetches = model.outputs.map((output) => output.value);
  const { runner } = await openBackend(backend, model, fetches, { islands });
  const outputs = await runner.run(feeds[0]!);
  runner.dispose();
  return outputs;
}

describe('islands', () => {
  it('compute the bytes that the file says, on every backend', async () => {
    const options = { samples: samples(), openRunner: openReference, evaluate: evaluateNode };
    const { c } = await quantizeModel(smallModel(shape, linearResiduals), options);
    const written = await outputsOf(c, 'reference', false);
    for (const backend of ['reference', 'auto'] as const) {
      const [rewritten] = await outputsOf(c, backend, true);
      expect(equalTensors(rewritten!, written[0]!)).toBe(true);
    }
  });
});
