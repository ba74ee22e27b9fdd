import { UserError } from '../base/errors.ts';
import { silent } from '../base/progress.ts';
import { numberOf } from '../base/tensor.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import type { ObserveOptions } from './observe.ts';
import type { Ranges } from './ranges.ts';
import { sitesOf } from './sites.ts';

/**
 * The ranges that a quantized model (figure 1b) finds for itself in each run, over all samples: what the original tools did
 * with a log. Throws `UserError` where the model has none, or they are frozen already.
 */
export async function calibrateQuantized(
  model: Model,
  samples: AsyncIterable<Feeds>,
  options: ObserveOptions,
): Promise<Ranges> {
  const { openRunner, progress = silent, signal, total } = options;
  const sites = sitesOf(model.graph);
  const runner = await openRunner(
    model,
    sites.flatMap(({ min, max }) => [min, max]),
  );
  const ends = sites.map(() => ({ min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }));
  let count = 0;
  progress.start('calibrating', total);
  try {
    for await (const feeds of samples) {
      signal?.throwIfAborted();
      const found = await runner.run(feeds);
      for (const [i, end] of ends.entries()) {
        end.min = Math.min(end.min, numberOf(found[2 * i]!));
        end.max = Math.max(end.max, numberOf(found[2 * i + 1]!));
      }
      count++;
      progress.advance();
    }
  } finally {
    progress.finish();
    runner.dispose();
  }
  if (count === 0) throw new UserError('the calibration data has no samples', {}, 'give a folder or file with samples');
  return { method: 'minmax', samples: count, ranges: new Map(sites.map((site, i) => [site.key, ends[i]!])) };
}
