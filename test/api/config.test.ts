import { expect, it } from 'vitest';
import { quantize } from '../../src/api/quantize.ts';
import { UserError } from '../../src/base/errors.ts';
import { constTensor } from '../../src/graph/constant.ts';
import type { Model } from '../../src/graph/model.ts';
import { codedRanges } from '../../src/quantize/coverage.ts';
import { floatResultBehind } from '../../src/quantize/float-result.ts';
import { layersOf } from '../../src/quantize/layers.ts';
import { dataset, model } from '../tune/support.ts';

/** How many weight scales each int8 layer has. */
const scales = ({ graph }: Model) =>
  Object.fromEntries(
    layersOf(graph).map(({ node, origin }) => {
      const multipliers = floatResultBehind(graph, node)?.scaled.inputs[1];
      if (multipliers === undefined) return [origin, constTensor(graph.node(node.inputs[6]!.node))?.shape[0] ?? 1];
      return [origin, new Set(constTensor(graph.node(multipliers.node))?.data as Float32Array).size];
    }),
  );

it('pins dtype, granularity and method of single layers', async () => {
  const calibration = dataset(20);
  const plain = await quantize(model(), { calibration, samples: 20 });
  const pinned = await quantize(model(), {
    calibration,
    config: {
      samples: 20,
      rules: [
        { pattern: '^(third|fourth)/conv$', dtype: 'fp32' },
        { node: 'fourth/conv', dtype: 'int8', weights: 'per-tensor' },
        { node: 'first/conv', method: 'minmax' },
      ],
    },
  });
  expect(scales(plain)).toMatchObject({ 'second/conv': 8, 'third/conv': 8, 'fourth/conv': 8 });
  expect(scales(pinned)).toMatchObject({ 'second/conv': 8, 'fourth/conv': 1 });
  expect(Object.keys(scales(pinned))).not.toContain('third/conv');
  const [before, after] = [plain, pinned].map(({ graph }) => codedRanges(graph).get('first')!);
  expect(after!.max).toBeGreaterThan(before!.max);
  expect(pinned.ranges.samples).toBe(20);
});

it('names the rule that is about nothing', async () => {
  const config = { rules: [{ node: 'frist/conv', dtype: 'fp32' }] } as const;
  await expect(quantize(model(), { calibration: dataset(20), config })).rejects.toThrow(UserError);
});
