import { evaluateNode } from '../src/api/model.ts';
import type { Model } from '../src/graph/model.ts';
import type { Feeds } from '../src/graph/runner.ts';
import { quantizeModel, type Stages } from '../src/quantize/quantize.ts';
import { openReference } from '../src/runtime/reference/open.ts';

/**
 * Figure 1's stages, calibrated by min and max without corrections: those choose other numbers for the same ops, and take
 * their time.
 */
export async function stagesOf(model: Model, feeds: readonly Feeds[], perChannel: boolean): Promise<Stages> {
  async function* samples() {
    yield* feeds;
  }
  return quantizeModel(model, {
    perChannel,
    samples: samples(),
    method: 'minmax',
    corrections: { weights: false, biasSamples: 0, rounding: 'none' },
    openRunner: openReference,
    evaluate: evaluateNode,
  });
}
