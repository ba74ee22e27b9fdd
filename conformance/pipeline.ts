import { evaluateNode } from '../src/api/model.ts';
import type { Model } from '../src/graph/model.ts';
import type { Feeds } from '../src/graph/runner.ts';
import { quantizeModel, type Stages } from '../src/quantize/quantize.ts';
import type { Shared } from '../src/quantize/shared.ts';
import { openReference } from '../src/runtime/reference/open.ts';

/**
 * Figure 1's stages, calibrated by min and max without corrections: those choose other numbers for the same ops, and take
 * their time. `shared` keeps what was observed for the other kind of weights.
 */
export async function stagesOf(
  model: Model,
  feeds: readonly Feeds[],
  perChannel: boolean,
  shared?: Shared,
): Promise<Stages> {
  async function* samples() {
    yield* feeds;
  }
  return quantizeModel(model, {
    perChannel,
    samples: samples(),
    ...(shared && { shared }),
    method: 'minmax',
    corrections: { weights: false, biasSamples: 0, rounding: 'none' },
    openRunner: openReference,
    evaluate: evaluateNode,
  });
}
