import { describe, expect, it } from 'vitest';
import { type Rng, rng } from '../../src/base/rng.ts';
import { scalar, type Tensor, tensor, tensorOf } from '../../src/base/tensor.ts';
import { ints, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import { openBackend } from '../../src/runtime/backends.ts';
import { profile } from '../../src/runtime/native/profile.ts';
import { hasHost } from '../support/native-host.ts';
import { port, randomFeeds } from './graphs.ts';

/** Figure 1b: a product with sums in qint32, and what brings them to bytes. */
type Chain = {
  readonly product: 'QuantizedConv2D' | 'QuantizedDepthwiseConv2D' | 'QuantizedMatMul';
  readonly relu: boolean;
  readonly bias: 'float32' | 'qint32';
  readonly perChannel: boolean;
  readonly end: 'Requantize' | 'RequantizePerChannel';
  readonly outType: 'quint8' | 'qint8';
  readonly inputType?: 'quint8' | 'qint8';
  /** Each channel's own range, as the product claims it, in place of the largest for all. */
  readonly ownRanges?: boolean;
};

const channels = 21;
const kinds = { QuantizedConv2D: [3, 3, 11, channels], QuantizedDepthwiseConv2D: [3, 3, channels, 1] } as const;

function weightsOf(b: Builder, random: Rng, shape: readonly number[], perChannel: boolean) {
  const codes = tensor(
    'qint8',
    shape,
    Int8Array.from({ length: shape.reduce((x, y) => x * y) }, () => random.int(-127, 127)),
  );
  const limits = Float32Array.from({ length: perChannel ? channels : 1 }, () => 0.05 + random.uniform());
  const bounds = perChannel ? [channels] : [];
  return {
    codes: b.constant('w', codes),
    min: b.constant(
      'w/min',
      tensor(
        'float32',
        bounds,
        limits.map((x) => -x),
      ),
    ),
    max: b.constant('w/max', tensor('float32', bounds, limits)),
  };
}

const biasOf = (random: Rng, dtype: Chain['bias']): Tensor =>
  dtype === 'qint32'
    ? tensor(
        'qint32',
        [channels],
        Int32Array.from({ length: channels }, () => random.int(-9999, 9999)),
      )
    : tensor(
        'float32',
        [channels],
        Float32Array.from({ length: channels }, () => random.normal()),
      );

/** The smallest or the largest of a product's bounds, for all channels: what octet writes in front of RequantizePerChannel. */
function forAll(b: Builder, reduce: 'Min' | 'Max', bounds: Value): Value {
  const T = type('float32');
  const one = b.node(reduce, 'limit', [bounds, b.constant('axis', tensorOf('int32', [0]))], { T, Tidx: type('int32') });
  return b.node('Fill', 'limits', [b.constant('count', tensorOf('int32', [channels])), one], {
    T,
    index_type: type('int32'),
  });
}

function modelOf(chain: Chain, seed: number): Model {
  const { product, relu, bias, perChannel, end, outType, inputType = 'quint8', ownRanges = false } = chain;
  const random = rng(seed);
  const b = builder();
  const isMatMul = product === 'QuantizedMatMul';
  const shape = isMatMul ? [5, 33] : [1, 7, 9, product === 'QuantizedConv2D' ? 11 : channels];
  const x = b.input('x', inputType, shape);
  const range = (name: string, value: number) => b.constant(name, scalar('float32', value));
  const w = weightsOf(b, random, isMatMul ? [33, channels] : kinds[product], perChannel);
  const inputs = [x, w.codes, b.constant('bias', biasOf(random, bias))];
  const ranges = [range('x/min', inputType === 'qint8' ? -3 : 0), range('x/max', 3), w.min, w.max];
  const attrs = isMatMul
    ? { T1: type(inputType), T2: type('qint8'), Tbias: type(bias), Toutput: type('qint32'), input_quant_mode: 'SCALED' }
    : {
        ...{ Tinput: type(inputType), Tfilter: type('qint8'), Tbias: type(bias), out_type: type('qint32') },
        ...{ strides: ints([1, 1, 1, 1]), dilations: ints([1, 1, 1, 1]), padding: 'SAME' },
      };
  const op = `${product}WithBias${relu ? 'AndRelu' : ''}` as OpName;
  const sums = b.node(op, 'sums', [...inputs, ...ranges], attrs);
  const [low, high] = [port(sums, 1), port(sums, 2)];
  const spread = end === 'RequantizePerChannel' && !ownRanges;
  const bounds = spread ? [forAll(b, 'Min', low), forAll(b, 'Max', high)] : [low, high];
  const limit = 2 + 9 * random.uniform();
  const least = outType === 'quint8' ? 0 : end === 'Requantize' ? (-limit * 128) / 127 : -limit;
  const requested = [range('y/min', least), range('y/max', limit)];
  const codes = b.node(end, 'y', [sums, ...bounds, ...requested], {
    ...(end === 'Requantize' ? { Tinput: type('qint32') } : { T: type('qint32') }),
    out_type: type(outType),
  });
  const real = b.node('Dequantize', 'real', [codes, port(codes, 1), port(codes, 2)], {
    T: type(outType),
    mode: 'SCALED',
    dtype: type('float32'),
  });
  return {
    graph: b.graph(),
    inputs: [{ key: 'x', value: x, dtype: inputType, shape: [null, ...shape.slice(1)] }],
    outputs: [{ key: 'y', value: real, dtype: 'float32', shape: null }],
    initializers: [],
    assets: new Map(),
  };
}

const pick = <const T extends string>(...of: readonly T[]) => of;
const chains: Chain[] = [];
for (const relu of [false, true])
  for (const bias of pick('float32', 'qint32')) {
    for (const product of pick('QuantizedConv2D', 'QuantizedDepthwiseConv2D')) {
      for (const outType of pick('quint8', 'qint8')) {
        for (const ownRanges of [false, true])
          chains.push({ product, relu, bias, perChannel: true, end: 'RequantizePerChannel', outType, ownRanges });
        chains.push({ product, relu, bias, perChannel: false, end: 'Requantize', outType });
      }
    }
    for (const outType of pick('quint8', 'qint8'))
      chains.push({ product: 'QuantizedMatMul', relu, bias, perChannel: false, end: 'Requantize', outType });
  }
chains.push({ ...chains[0]!, inputType: 'qint8' }, { ...chains[2]!, inputType: 'qint8' });

const isas = ['avx512_vnni', 'avx2'] as const;

describe.skipIf(!hasHost)('figure 1b in machine code', () => {
  it.each(chains.map((chain) => [Object.values(chain).join(' '), chain] as const))('%s', async (_, chain) => {
    for (let seed = 1; seed <= 3; seed++) {
      const model = modelOf(chain, seed);
      const fetches = model.outputs.map((output) => output.value);
      const feeds = randomFeeds(model, chain.product === 'QuantizedMatMul' ? 5 : 2, seed);
      const reference = await openBackend('reference', model, fetches);
      const [wanted] = await reference.runner.run(feeds);
      // As it is written, without octet's own ops, TensorFlow computes the same.
      const plain = await openBackend('reference', model, fetches, { islands: false });
      expect((await plain.runner.run(feeds))[0]).toEqual(wanted);
      expect(new Set(wanted!.data as Float32Array).size).toBeGreaterThan(20);
      for (const isa of isas) {
        const native = await openBackend('native', model, fetches, { isa, threads: 2 });
        expect((await native.runner.run(feeds))[0]).toEqual(wanted);
        native.runner.dispose();
      }
      const rows = await profile(model, feeds, { repeats: 1 });
      expect(rows.filter((row) => row.kernel === 'reference').map((row) => row.node)).toEqual([]);
    }
  });
});
