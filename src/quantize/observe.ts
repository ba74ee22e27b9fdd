import { UserError } from '../base/errors.ts';
import { type Progress, silent } from '../base/progress.ts';
import { type Shape, sizeOf } from '../base/shape.ts';
import type { Tensor } from '../base/tensor.ts';
import { parseValue } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds, OpenRunner } from '../graph/runner.ts';
import { type Distribution, emptyDistribution, observe } from './observers/distribution.ts';
import { sum } from './observers/magnitudes.ts';

export type ObserveOptions = {
  readonly openRunner: OpenRunner;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
  /** How many samples there will be, for the progress bar. */
  readonly total?: number | undefined;
  /**
   * How many of the samples are enough of a network of usual size. More are taken while all their values together are few, as
   * those of a table's rows are: such values reach far, and a row shows one of each.
   */
  readonly enough?: number | undefined;
  /** What an earlier, interrupted pass has seen: its samples are skipped. */
  readonly resume?: Observations | undefined;
  /** Hears of what has been seen after each sample. */
  readonly save?: (seen: Observations) => Promise<void>;
  /** Takes in the values in question of each sample. */
  readonly visit?: (sample: number, feeds: Feeds, values: ReadonlyMap<string, Tensor<'float32'>>) => void;
};

/** Values that are taken in at least, where there are samples. */
const fewElements = 2 ** 23;

/** What the values of a model are like over so many samples, by the values' names. */
export type Observations = { samples: number; readonly values: ReadonlyMap<string, Distribution> };

/**
 * Runs an fp32 model on samples and takes in what each value in `keys` is like. Samples stream through: memory does not
 * depend on their number. Throws `UserError` on an empty data set, and naming the value on NaN or infinite activations.
 */
export async function observeModel(
  model: Model,
  keys: Iterable<string>,
  samples: AsyncIterable<Feeds>,
  { openRunner, progress = silent, signal, total, enough, resume, save, visit }: ObserveOptions,
): Promise<Observations> {
  const names = [...new Set(keys)];
  const runner = await openRunner(model, names.map(parseValue));
  const isSame = resume?.values.size === names.length && names.every((name) => resume.values.has(name));
  const seen: Observations = isSame
    ? resume
    : { samples: 0, values: new Map(names.map((name) => [name, emptyDistribution()])) };
  let sample = 0;
  let end = enough ?? Number.POSITIVE_INFINITY;
  progress.start('calibrating', total);
  try {
    for await (const feeds of samples) {
      signal?.throwIfAborted();
      if (sample === enough) end = Math.max(end, Math.floor(fewElements / elementsASample(seen)));
      if (sample === end) break;
      if (sample++ >= seen.samples) {
        const tensors = await runner.run(feeds);
        const values = new Map(tensors.map((tensor, i) => [names[i]!, asFloat(tensor, names[i]!)]));
        for (const [name, { data, shape }] of values)
          if (!observe(seen.values.get(name)!, data, rowLength(shape))) throw notFinite(name, data, sample - 1);
        seen.samples = sample;
        visit?.(sample - 1, feeds, values);
        await save?.(seen);
      }
      progress.advance();
    }
  } finally {
    progress.finish();
    runner.dispose();
  }
  if (seen.samples === 0)
    throw new UserError('the calibration data has no samples', {}, 'give a folder or file with samples');
  return seen;
}

/** How many elements the observed values have in one sample. */
export const elementsASample = ({ samples, values }: Observations): number => {
  let total = 0;
  for (const { histogram } of values.values())
    total += histogram.zeros + sum(histogram.positive) + sum(histogram.negative);
  return total / Math.max(1, samples);
};

/** Elements that belong together: a picture's of all pixels; else the last axis, what a matmul reads at a time. */
const rowLength = (shape: Shape): number => (shape.length > 3 ? sizeOf(shape.slice(1)) : (shape.at(-1) ?? 1));

function asFloat(tensor: Tensor, name: string): Tensor<'float32'> {
  if (tensor.dtype !== 'float32') throw new UserError(`is ${tensor.dtype}, not float32`, { node: name });
  return tensor;
}

const notFinite = (node: string, data: Float32Array, sample: number): UserError =>
  new UserError(
    `gives ${data.find((x) => !Number.isFinite(x))} for sample ${sample}`,
    { node },
    'check the preprocessing; octet compare shows where it begins',
  );
