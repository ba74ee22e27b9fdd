import { UserError } from '../base/errors.ts';
import { type Progress, silent } from '../base/progress.ts';
import { numbersOf, type Tensor } from '../base/tensor.ts';
import type { Feeds } from '../graph/runner.ts';
import type { Dataset, Sample } from './dataset.ts';
import { type Figures, type Meter, metersFor, type Outputs } from './meters.ts';
import type { Recipe } from './recipe/recipe.ts';

/** Runs a model: its outputs by their keys. */
export type Run = (feeds: Feeds) => Promise<Outputs>;

export type EvaluateOptions = {
  readonly recipe?: Recipe;
  /** A model to compare with on the same samples, such as the fp32 original: gives agreement and SQNR. */
  readonly reference?: Run;
  readonly batch?: number;
  readonly limit?: number;
  readonly progress?: Progress;
};

export type Evaluation = {
  /** By the names that `metersFor` documents. Shares are 0 to 1; `sqnr` is in dB. */
  readonly figures: Figures;
  /** Of the reference, on the same samples in the same pass; without what compares the two. */
  readonly reference?: { readonly figures: Figures; readonly seconds: number };
  readonly samples: number;
  /** Samples without a label: they count for the comparison with the reference only. */
  readonly unlabelled: number;
  readonly skipped: readonly { readonly file: string; readonly reason: string }[];
  /** Samples with a NaN or an infinity in an output. */
  readonly notFinite: number;
  /** Time in the model alone, without reading and preparing samples (nor the reference). */
  readonly seconds: number;
};

/**
 * Runs a model over a data set and measures it as the recipe says: one pass, memory independent of the number of samples
 * (but for AUC, which keeps a score each). Throws `UserError` when no sample can be read, or an output that the recipe
 * names is missing.
 */
export async function evaluate(run: Run, dataset: Dataset, options: EvaluateOptions = {}): Promise<Evaluation> {
  const { recipe, reference, batch = 1, limit, progress = silent } = options;
  const meters = metersFor(recipe, reference !== undefined);
  const referenceMeters = reference === undefined ? [] : metersFor(recipe, false);
  const total = dataset.size === undefined ? limit : Math.min(dataset.size, limit ?? dataset.size);
  let samples = 0;
  let unlabelled = 0;
  let notFinite = 0;
  const milliseconds = { own: 0, reference: 0 };
  const timed = async (whose: keyof typeof milliseconds, runner: Run, feeds: Feeds): Promise<Outputs> => {
    const start = performance.now();
    const outputs = await runner(feeds);
    milliseconds[whose] += performance.now() - start;
    return outputs;
  };
  progress.start('evaluating', total);
  try {
    for await (const sample of dataset.samples({ batch, ...(limit === undefined ? {} : { limit }) })) {
      const outputs = await timed('own', run, sample.feeds);
      const expected = reference && (await timed('reference', reference, sample.feeds));
      for (const meter of meters) measure(meter, outputs, sample, expected);
      if (expected !== undefined) for (const meter of referenceMeters) measure(meter, expected, sample, undefined);
      samples += sample.count;
      unlabelled += sample.count - (sample.labels ?? []).filter((label) => label !== undefined).length;
      if (![...outputs.values()].every(finite)) notFinite += sample.count;
      progress.advance(sample.count);
    }
  } finally {
    progress.finish();
  }
  return {
    figures: figuresOf(meters),
    ...(reference && { reference: { figures: figuresOf(referenceMeters), seconds: milliseconds.reference / 1000 } }),
    samples,
    unlabelled,
    notFinite,
    skipped: dataset.skipped(),
    seconds: milliseconds.own / 1000,
  };
}

const figuresOf = (meters: readonly Meter[]): Figures =>
  Object.assign({}, ...meters.map((meter) => meter.figures())) as Figures;

function measure(meter: Meter, outputs: Outputs, sample: Sample, reference: Outputs | undefined): void {
  try {
    meter.add(outputs, sample, reference);
  } catch (error) {
    if (error instanceof UserError)
      throw new UserError(error.what, { file: sample.name }, error.remedy, { cause: error });
    throw error;
  }
}

const finite = (t: Tensor): boolean =>
  (t.dtype !== 'float32' && t.dtype !== 'float64') || numbersOf(t).every(Number.isFinite);
