import { UserError } from '../base/errors.ts';
import { type Progress, silent } from '../base/progress.ts';
import { formatValue, parseValue } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds, OpenRunner } from '../graph/runner.ts';
import { type Method, observers } from './observers.ts';
import type { Ranges } from './ranges.ts';

export type CalibrateOptions = {
  readonly openRunner: OpenRunner;
  readonly method?: Method;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** How many samples there will be, for the progress bar. */
  readonly total?: number | undefined;
};

/**
 * Runs an fp32 model on samples and finds the range of each value in `keys`. Samples stream through: memory does not depend
 * on their number. Throws `UserError` on an empty data set, and naming the value on NaN or infinite activations.
 */
export async function calibrate(
  model: Model,
  keys: Iterable<string>,
  samples: AsyncIterable<Feeds>,
  { openRunner, method = 'minmax', progress = silent, signal, total }: CalibrateOptions,
): Promise<Ranges> {
  const values = [...new Set(keys)].map(parseValue);
  const runner = await openRunner(model, values);
  const found = values.map(() => observers[method]());
  let count = 0;
  progress.start('calibrating', total);
  try {
    for await (const feeds of samples) {
      signal?.throwIfAborted();
      const tensors = await runner.run(feeds);
      for (const [i, tensor] of tensors.entries()) {
        if (tensor.dtype !== 'float32')
          throw new UserError(`is ${tensor.dtype}, not float32`, { node: formatValue(values[i]!) });
        checkFinite(tensor.data, formatValue(values[i]!), count);
        found[i]!.observe(tensor.data);
      }
      count++;
      progress.advance();
    }
  } finally {
    progress.finish();
    runner.dispose();
  }
  if (count === 0) throw new UserError('the calibration data has no samples', {}, 'give a folder or file with samples');
  return { method, samples: count, ranges: new Map(values.map((v, i) => [formatValue(v), found[i]!.range()])) };
}

function checkFinite(data: Float32Array, node: string, sample: number): void {
  for (const x of data)
    if (!Number.isFinite(x))
      throw new UserError(
        `gives ${x} for sample ${sample}`,
        { node },
        'check the preprocessing; octet compare shows where it begins',
      );
}
