import { describe, expect, it } from 'vitest';
import { evaluateNode } from '../../src/api/model.ts';
import { equalTensors, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { rewriteIslands } from '../../src/compile/islands.ts';
import { int, type } from '../../src/graph/attr.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { quantizeModel } from '../../src/quantize/quantize.ts';
import { openBackend } from '../../src/runtime/backends.ts';
import { referenceKernel } from '../../src/runtime/native/open.ts';
import { profile } from '../../src/runtime/native/profile.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { hasHost } from '../support/native-host.ts';
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

/** Results that are read in float32: by a normalization, a depthwise convolution's reader, a sum of two, the output. */
function floatResults(l: Layers): Value {
  const stem = l.unary('Relu6', 'stem', l.bias('stem/bias', l.conv('stem/conv', l.input, [4, 24]), 24));
  const middle = l.bias('middle', l.depthwise('middle/conv', stem, 24), 24);
  const wide = l.unary('Relu', 'wide', l.bias('wide/bias', l.conv('wide/conv', middle, [24, 19], { size: 1 }), 19));
  const both = l.add(
    'both',
    l.bias('left', l.conv('left/conv', l.unary('LRN', 'norm', wide), [19, 12], { size: 1 }), 12),
    l.bias('right', l.conv('right/conv', stem, [24, 12]), 12),
  );
  return l.bias('y', l.conv('y/conv', both, [12, 7]), 7);
}

/** Heads of a detector, as one list of rows: float32 results that are reshaped and joined along an axis of their own. */
function heads(l: Layers): Value {
  const stem = l.unary('Relu6', 'stem', l.bias('stem/bias', l.conv('stem/conv', l.input, [4, 24]), 24));
  const rows = ['a', 'b'].map((name, i) => {
    const head = l.bias(name, l.conv(`${name}/conv`, stem, [24, 12], { stride: i + 1 }), 12);
    const size = l.builder.constant(`${name}/size`, tensorOf('int32', [2, -1, 6]));
    return l.builder.node('Reshape', `${name}/rows`, [head, size], { T: type('float32'), Tshape: type('int32') });
  });
  const axis = l.builder.constant('axis', tensorOf('int32', [1], []));
  return l.builder.node('ConcatV2', 'y', [...rows, axis], { T: type('float32'), N: int(2), Tidx: type('int32') });
}

/** The ops of a graph that is about to run. */
const opsOf = ({ graph, outputs }: Model): readonly string[] =>
  rewriteIslands(graph, { keep: new Set(outputs.map((end) => end.value.node)), reference: referenceKernel })
    .order()
    .map(({ op }) => op);

async function outputsOf(model: Model, backend: 'auto' | 'reference', islands: boolean): Promise<readonly Tensor[]> {
  const fetches = model.outputs.map((output) => output.value);
  const { runner } = await openBackend(backend, model, fetches, { islands });
  const outputs = await runner.run(feeds[0]!);
  runner.dispose();
  return outputs;
}

describe('islands', () => {
  it.each([
    { name: 'residual blocks', make: linearResiduals, ops: ['_OctetRoundedConv2D'] },
    { name: 'float32 results', make: floatResults, ops: ['_OctetRoundedConv2D', '_OctetFloatConv2D'] },
    { name: 'detection heads', make: heads, ops: ['_OctetFloatConv2D'] },
  ])('compute the bytes that the file says, on every backend: $name', async ({ make, ops }) => {
    const options = { samples: samples(), openRunner: openReference, evaluate: evaluateNode };
    const { c } = await quantizeModel(smallModel(shape, make), options);
    expect(opsOf(c)).toEqual(expect.arrayContaining(ops));
    expect(opsOf(c)).not.toContain('Bitcast');
    const written = await outputsOf(c, 'reference', false);
    for (const backend of ['reference', 'auto'] as const) {
      const [rewritten] = await outputsOf(c, backend, true);
      expect(equalTensors(rewritten!, written[0]!)).toBe(true);
    }
  });

  it.skipIf(!hasHost)('run in machine code where ops without a native form read them', async () => {
    const options = { samples: samples(), openRunner: openReference, evaluate: evaluateNode };
    const { c } = await quantizeModel(smallModel(shape, heads), options);
    const rows = await profile(c, feeds[0]!, { repeats: 1 });
    const kernels = rows.filter(({ op }) => op === '_OctetFloatConv2D').map(({ kernel }) => kernel);
    expect(kernels).toHaveLength(2);
    expect(kernels).not.toContain('reference');
  });
});
