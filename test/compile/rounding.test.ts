import { describe, expect, it } from 'vitest';
import { rng } from '../../src/base/rng.ts';
import { requantize } from '../../src/kernels/requantize/contract.ts';
import { codeOfReal, realOf, realScales, withRounding } from '../../src/kernels/requantize/rounding.ts';
import { openBackend } from '../../src/runtime/backends.ts';
import { profile } from '../../src/runtime/native/profile.ts';
import { hasHost } from '../support/native-host.ts';
import { net, randomFeeds } from './graphs.ts';

const isas = ['avx512_vnni', 'avx2'] as const;

/** Convolutions of both types of codes, depthwise ones and residual sums of both kinds, as the quantizer writes them. */
function residuals(seed: number) {
  const { input, conv, depthwise, dequantize, model } = net(seed);
  const x = input('x', [1, 9, 7, 21]);
  const signed = conv(x, { out: 40, relu: false });
  const [a, b] = [conv(x, { out: 40, kernel: [3, 3] }), conv(signed, { out: 40 })];
  const sums = [conv(a, { out: 40, summand: b }), conv(b, { out: 40, kernel: [3, 3], summand: signed })];
  const last = [...sums, depthwise(a, { kernel: [3, 3] }), depthwise(b, { kernel: [3, 3], stride: 2 }), signed];
  return model(last.map(dequantize), [x]);
}

describe.skipIf(!hasHost)("TensorFlow's roundings", () => {
  it.each([1, 2, 3, 4, 5, 6])('are those of the reference in machine code, net %i', async (seed) => {
    const written = residuals(seed);
    const model = { ...written, graph: withRounding(written.graph, 'tensorflow') };
    const fetches = model.outputs.map((output) => output.value);
    const feeds = randomFeeds(model, 2, seed);
    const { runner } = await openBackend('reference', model, fetches);
    const expected = await runner.run(feeds);
    for (const isa of isas) {
      const native = await openBackend('native', model, fetches, { isa, threads: 2 });
      expect(await native.runner.run(feeds)).toEqual(expected);
      native.runner.dispose();
    }
    const rows = await profile(model, feeds, { repeats: 1 });
    expect(rows.filter((row) => row.kernel === 'reference').map((row) => row.node)).toEqual([]);
  });
});

it('give another code than the contract a few times in a million, one step apart', () => {
  const random = rng(7);
  const outputScale = 0.05;
  let [different, furthest] = [0, 0];
  const count = 3_000_000;
  for (let i = 0; i < count; i++) {
    const [input, weights] = [0.01 + random.uniform(), 0.001 + 0.01 * random.uniform()];
    const [acc, bias] = [random.int(-9999, 9999), random.int(-9999, 9999)];
    const values = { values: [bias], isReal: false };
    const { sums, biases, back } = realScales({ dtype: 'quint8', scale: input }, [weights], outputScale, values);
    const theirs = codeOfReal(realOf(acc, sums[0]!, biases[0]!), back, 0, 255);
    const apart = Math.abs(theirs - requantize(acc + bias, Math.fround((input * weights) / outputScale), 0, 255));
    if (apart > 0) different++;
    furthest = Math.max(furthest, apart);
  }
  expect(furthest).toBe(1);
  expect(different / count).toBeLessThan(2e-5);
});
