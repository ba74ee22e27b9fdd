import { describe, expect, it } from 'vitest';
import { evaluateNode, load } from '../../../src/api/model.ts';
import { rng } from '../../../src/base/rng.ts';
import { equalTensors, numbersOf, type Tensor } from '../../../src/base/tensor.ts';
import type { Model } from '../../../src/graph/model.ts';
import type { Feeds } from '../../../src/graph/runner.ts';
import { quantizeModel } from '../../../src/quantize/quantize.ts';
import { openBackend } from '../../../src/runtime/backends.ts';
import { openNative } from '../../../src/runtime/native/open.ts';
import { randomFeeds } from '../../compile/graphs.ts';
import { hasHost } from '../../support/native-host.ts';
import { sharedPath } from '../../support/shared.ts';

const names = ['resnet20_cifar10', 'ssd_mobilenet_v1_coco', 'ssd_mobilenet_v1_coco_loop'];
const paths = names.flatMap((name) => sharedPath(`models/${name}.pb`) ?? []);
const [resnet] = paths;

async function onBoth(model: Model, feeds: Feeds): Promise<readonly (readonly Tensor[])[]> {
  const fetches = model.outputs.map((output) => output.value);
  const results: (readonly Tensor[])[] = [];
  for (const name of ['native', 'reference'] as const) {
    const { runner } = await openBackend(name, model, fetches);
    results.push(await runner.run(feeds));
    runner.dispose();
  }
  return results;
}

/** Pictures, where the model leaves their size open small ones. */
function pictures(model: Model, batch: number): Feeds {
  const inputs = model.inputs.map((input) => ({ ...input, shape: (input.shape ?? []).map((dim) => dim ?? 128) }));
  return randomFeeds({ ...model, inputs }, batch, 1);
}

describe.skipIf(!hasHost || paths.length === 0)('real models', () => {
  it.each(paths)(
    '%s: fp32 as the reference',
    async (path) => {
      const model = await load(path);
      const [ours, wanted] = await onBoth(model, pictures(model, 2));
      for (const [i, t] of wanted!.entries()) {
        const [a, b] = [numbersOf(ours![i]!), numbersOf(t)];
        expect(a).toHaveLength(b.length);
        const largest = Math.max(...b.map(Math.abs));
        // Sums in another order; what is near zero is measured against the largest. Each value against itself would not hold:
        // on ResNet-50 (53 convolutions) the native probabilities differ from a float64 evaluation by up to 1.7e-5 of
        // themselves (6.5e-6 of the largest), TensorFlow's own in float32 by 2.2e-5 (7.5e-6), and the reference's, summed in
        // float64 within each op, by 4.5e-6 (1.6e-6).
        for (const [k, x] of b.entries())
          expect(Math.abs(a[k]! - x)).toBeLessThanOrEqual(1e-5 * Math.max(Math.abs(x), largest));
      }
    },
    60_000,
  );

  it('resnet20: quantized with calibration on the native engine, then bit for bit as the reference', async () => {
    const model = await load(resnet!);
    const random = rng(7);
    async function* samples(): AsyncGenerator<Feeds> {
      for (let i = 0; i < 2; i++) yield randomFeeds(model, 1, random.int(1, 1e6));
    }
    const { c } = await quantizeModel(model, { openRunner: openNative, samples: samples(), evaluate: evaluateNode });
    // The model gives float32 probabilities; what is to be equal bit for bit are the codes on the way there.
    const codes = c.graph.order().filter((node) => /^Quantized?(Conv|Depthwise|V2)/.test(node.op));
    const fetches = codes.slice(-8).map((node) => ({ key: node.name, value: { node: node.name, port: 0 } }));
    const outputs = fetches.map((end) => ({ ...end, dtype: 'quint8' as const, shape: null }));
    for (const model of [c, { ...c, outputs }])
      for (const batch of [1, 5]) {
        const [ours, wanted] = await onBoth(model, randomFeeds(c, batch, 3));
        for (const [i, t] of wanted!.entries())
          if (t.dtype !== 'float32') expect(equalTensors(ours![i]!, t), fetches[i]!.key).toBe(true);
          else
            for (const [k, x] of t.data.entries())
              expect(Math.abs(Number(ours![i]!.data[k]) - x)).toBeLessThanOrEqual(1e-5);
      }
  }, 60_000);
});
