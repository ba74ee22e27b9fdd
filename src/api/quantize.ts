import { UserError } from '../base/errors.ts';
import { type Progress, silent } from '../base/progress.ts';
import { fitter } from '../data/batch.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import type { Config } from '../quantize/config.ts';
import { layersOf } from '../quantize/layers.ts';
import type { AnyMethod } from '../quantize/observers/methods.ts';
import type { QuantizeOptions as GraphOptions } from '../quantize/options.ts';
import { type Corrections, type Effort, quantizeModel } from '../quantize/quantize.ts';
import type { Ranges } from '../quantize/ranges.ts';
import type { Shared } from '../quantize/shared.ts';
import type { BackendName } from '../runtime/backends.ts';
import { measureAnswers } from './answers.ts';
import { configure } from './config.ts';
import { evaluateNode, type SavableModel, savable } from './model.ts';
import { runnerOn } from './runner.ts';
import { mostUsual, usualSamples } from './samples.ts';
import { findWarnings, measureDrift, rangeWatch, type Warning } from './warnings.ts';

export type QuantizeOptions = Pick<GraphOptions, 'perChannel' | 'excludeOps' | 'excludeNodes'> & {
  /** Samples to find the ranges of activations with. */
  readonly calibration: Dataset;
  /** How many of them: 100 by default, 20 on the reference backend; up to ten times that of rows of a table and the like. */
  readonly samples?: number;
  /** How ranges are chosen: by the least squared error ('mse', for small models 'mse' or 'relative') by default. */
  readonly method?: AnyMethod;
  /** How much is done to make up for what rounding does, and how long that takes: 'default' unless it is said. */
  readonly effort?: Effort;
  /** Steps that are to be other than those of `effort`. */
  readonly corrections?: Partial<Corrections>;
  /** What is wanted of single ops and nodes; also the defaults of `samples`, `method` and `perChannel`. */
  readonly config?: Config;
  readonly backend?: BackendName | 'auto';
  /** At most this many threads. */
  readonly threads?: number;
  /** What is kept for further quantizations that differ in the nodes they leave in fp32 only; those warn of nothing twice. */
  readonly shared?: Shared;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
};

/** An INT8 model, with the stages it came through. */
export type QuantizedModel = SavableModel & {
  readonly stages: { readonly a: SavableModel; readonly b: SavableModel; readonly c: SavableModel };
  readonly ranges: Ranges;
  /** What a person should look at. */
  readonly warnings: readonly Warning[];
};

/**
 * The whole pipeline: optimize → quantize → calibrate → fuse. The result runs in stock TensorFlow and in octet. Throws
 * `UserError` on a model that is quantized already, on data that does not fit, on NaN or infinite activations (naming the
 * node); throws the signal's reason when that is aborted.
 *
 *     const int8 = await quantize(await load('model.pb'), { calibration: imageFolder('images/', recipe) });
 *     await int8.save('model.int8.pb');
 */
export async function quantize(model: Model, options: QuantizeOptions): Promise<QuantizedModel> {
  if (layersOf(model.graph).length > 0)
    throw new UserError('the model is quantized already', {}, 'give the fp32 model that it was made from');
  const { calibration, corrections, backend = 'auto', progress = silent, signal } = options;
  const configured = options.config && configure(model, options.config);
  const settings = options.threads === undefined ? {} : { threads: options.threads };
  const asked = options.samples ?? configured?.samples;
  const samples = asked ?? (await usualSamples(backend, { ...settings, progress }));
  const method = options.method ?? configured?.method;
  const watch = rangeWatch();
  const openRunner = runnerOn(backend, settings);
  const { a, b, c, ranges } = await quantizeModel(model, {
    ...configured,
    save: watch.save,
    perChannel: options.perChannel ?? configured?.perChannel ?? true,
    excludeOps: options.excludeOps ?? new Set(),
    excludeNodes: [...(configured?.excludeNodes ?? []), ...(options.excludeNodes ?? [])],
    samples: feedsOf(calibration, asked ?? mostUsual * samples, model),
    ...(asked === undefined && { enough: samples }),
    total: calibration.size === undefined ? samples : Math.min(samples, calibration.size),
    ...(method && { method }),
    ...(options.effort && { effort: options.effort }),
    ...(corrections && { corrections }),
    openRunner,
    evaluate: evaluateNode,
    ...(options.shared && { shared: options.shared }),
    progress,
    ...(signal === undefined ? {} : { signal }),
  });
  const found = watch.found();
  // All values were seen before, and it was said then what there is to say of them.
  if (found.seen.samples === 0) return { ...savable(c), warnings: [], stages: stagesOf(a, b, c), ranges };
  const drift = await measureDrift(model, feedsOf(calibration, samples, model), openRunner);
  const answers = await measureAnswers(a, calibration, openRunner);
  const warnings = findWarnings({ fp32: a, int8: c, ...found, drift, answers });
  return { ...savable(c), warnings, stages: stagesOf(a, b, c), ranges };
}

const stagesOf = (a: Model, b: Model, c: Model) => ({ a: savable(a), b: savable(b), c: savable(c) });

/** The feeds of the first `limit` samples of a data set, as the model takes them. */
export async function* feedsOf(dataset: Dataset, limit: number, model: Model): AsyncGenerator<Feeds> {
  const adapt = fitter(model);
  for await (const sample of dataset.samples({ limit })) yield adapt(sample.feeds);
}
