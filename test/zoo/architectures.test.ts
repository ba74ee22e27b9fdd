import { describe, expect, it } from 'vitest';
import { inspect } from '../../src/api/inspect.ts';
import { optimize } from '../../src/api/optimize.ts';
import { equalTensors, type Tensor } from '../../src/base/tensor.ts';
import { constTensor } from '../../src/graph/constant.ts';
import { value } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import { findDefects } from '../../src/graph/verify.ts';
import { openBackend } from '../../src/runtime/backends.ts';
import { architectures } from '../../src/zoo/index.ts';
import { normalInput } from '../support/small-models.ts';

/** What the optimizer leaves out of ResNets: in the last blocks of three stages, alike in cost, three of four pixels of 3×3 and 1×1. */
const endsOfStages = 3 * (3 / 4) * (56 * 56 * 64 * (9 * 64 + 256));

/** Of keras.applications: parameters, and multiply-adds of one picture. Inception's norms hold a γ of ones besides. */
const keras = [
  { name: 'resnet50', parameters: 25_636_712, macs: 3_857_973_248, skipped: endsOfStages },
  { name: 'resnet101', parameters: 44_707_176, macs: 7_570_194_432, skipped: endsOfStages },
  { name: 'inception_v3', parameters: 23_851_784 + 17_216, macs: 5_713_216_096 },
  { name: 'mobilenet_v1', parameters: 4_253_864, macs: 568_740_352 },
  { name: 'mobilenet_v2', parameters: 3_538_984, macs: 300_774_272 },
];

const constantsOf = (model: Model): readonly Tensor[] =>
  [...model.graph.nodes.values()].flatMap((node) => constTensor(node) ?? []);

it('has the five networks of the speed table', () => {
  expect([...architectures.keys()]).toEqual(keras.map(({ name }) => name));
});

describe.each(keras)('$name', ({ name, parameters, macs, skipped = 0 }) => {
  const { build, smallest } = architectures.get(name)!;

  it("has the layers of Keras's", () => {
    const model = build();
    expect(findDefects(model.graph)).toEqual([]);
    expect(inspect(model)).toMatchObject({ parameters, macs, fp32: [] });
    const optimized = inspect(optimize(model));
    expect(optimized.ops.map(({ op }) => op)).not.toContain('FusedBatchNormV3');
    expect(optimized.macs).toBe(macs - skipped);
  });

  it('has activations of order 1 throughout', async () => {
    const model = build({ size: smallest, classes: 10 });
    const ends = [...model.graph.nodes.values()].filter(({ op }) => op.startsWith('Relu') || op === 'Softmax');
    const { runner } = await openBackend(
      'reference',
      model,
      ends.map((node) => value(node.name)),
    );
    const outputs = await runner.run(new Map([['input', normalInput([2, smallest, smallest, 3])]]));
    runner.dispose();
    for (const [i, { data }] of outputs.slice(0, -1).entries()) {
      const rms = Math.sqrt((data as Float32Array).reduce((sum, x) => sum + x * x, 0) / data.length);
      expect(rms, ends[i]!.name).toBeGreaterThan(0.1);
      expect(rms, ends[i]!.name).toBeLessThan(5);
    }
    const { shape, data } = outputs.at(-1)!;
    expect(shape).toEqual([2, 10]);
    expect((data as Float32Array).reduce((sum, x) => sum + x, 0)).toBeCloseTo(2, 5);
  });
});

it('gives the same weights for the same seed only', () => {
  const { build } = architectures.get('mobilenet_v2')!;
  const [first, again, other] = [0, 0, 1].map((seed) => constantsOf(build({ size: 32, classes: 10, seed })));
  const isSame = (a: readonly Tensor[], b: readonly Tensor[]) => a.every((x, i) => equalTensors(x, b[i]!));
  expect(isSame(first!, again!)).toBe(true);
  expect(isSame(first!, other!)).toBe(false);
});
