import { createHash } from 'node:crypto';
import { optimize } from '../api/optimize.ts';
import { type QuantizedModel, type QuantizeOptions, quantize } from '../api/quantize.ts';
import { runnerOn, runOf } from '../api/runner.ts';
import { usualSamples } from '../api/samples.ts';
import { describeWarning } from '../api/warnings.ts';
import { UserError } from '../base/errors.ts';
import { silent } from '../base/progress.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Dataset } from '../data/dataset.ts';
import { evaluate, type Run } from '../data/evaluate.ts';
import type { Recipe } from '../data/recipe/recipe.ts';
import { digestsOf } from '../graph/digest.ts';
import type { Model } from '../graph/model.ts';
import { nothingShared } from '../quantize/shared.ts';
import { compile } from '../runtime/session.ts';
import { keptInMemory } from './kept.ts';
import { type Attempt, isBetter, search, type Trial } from './search.ts';
import { sensitivity } from './sensitivity.ts';
import { loadState, type State, saveState } from './state.ts';

export type TuneOptions = Omit<QuantizeOptions, 'excludeNodes' | 'shared'> & {
  readonly evaluation: Dataset;
  readonly recipe?: Recipe | undefined;
  /** A figure that `evaluate` gives: 'top-1' (or 'top1'), 'agreement', 'auc', 'hr@10', 'map' … */
  readonly metric: string;
  /** How much less than fp32 is allowed, in points: 0.5 of top-1 is one in 200 samples. */
  readonly maxDrop: number;
  /** Samples to evaluate each trial on: all by default. */
  readonly limit?: number;
  /** After so long no more is tried; the first model, all in int8, is made whatever it takes. */
  readonly timeLimitSeconds?: number;
  readonly maxTrials?: number;
  /** Where to remember what was tried: a run that was killed goes on from there. */
  readonly stateFile?: string;
  /** Told of each model that is better than those before, as soon as it is known; it should be written away then. */
  readonly onBest?: (best: QuantizedModel, trial: Trial) => Promise<void>;
  /** Whether what `onBest` wrote, maybe in an earlier run, is still there: if not, the best model is made once more. */
  readonly isWritten?: () => boolean;
};

export type Tuned = {
  readonly metric: string;
  /** The figure in fp32, and the least that is allowed. */
  readonly reference: number;
  readonly floor: number;
  /** In the order of their making, those of the runs before too. */
  readonly trials: readonly Trial[];
  readonly best: Trial | undefined;
  /** The layers, those that cost most first; with the SQNR of the outputs when each alone is int8. */
  readonly ranking: NonNullable<State['ranking']>;
  readonly stopped: 'done' | 'time' | 'trials' | 'interrupted';
};

/**
 * Keeps accuracy above a floor by leaving as few layers as possible in fp32: ranks them by what int8 costs in each, then
 * searches (see `search`). Ends early when time or trials run out or `signal` is aborted, with the best so far. Throws
 * `UserError` when the data does not give the metric, or the state file is of another run.
 */
export async function tune(model: Model, options: TuneOptions): Promise<Tuned> {
  const metric = options.metric.replace(/^top(?=\d)/, 'top-');
  const a = optimize(model);
  const book = await openBook(options.stateFile, subjectOf(a, metric, options));
  const whole: TuneOptions = {
    ...options,
    samples: options.samples ?? (await usualSamples(options.backend, options)),
    calibration: keptInMemory(options.calibration),
    evaluation: keptInMemory(options.evaluation),
  };
  const original = await recorded(a, whole);
  let stopped: Tuned['stopped'] = 'interrupted';
  try {
    const reference = book.state.reference ?? (await original.figure(metric));
    await book.note({ reference });
    const goal = { metric, floor: reference - options.maxDrop / 100, measure: original.figureOf };
    const { attempt, writeBest } = attempts(model, book, goal, whole);
    stopped = await tryAll(a, book, attempt, goal.floor, whole);
    if (stopped !== 'interrupted') await writeBest();
  } catch (error) {
    if (!options.signal?.aborted) throw error;
    stopped = 'interrupted';
  } finally {
    original.dispose();
  }
  const { reference = Number.NaN, trials, ranking = [] } = book.state;
  const floor = reference - options.maxDrop / 100;
  return { metric, reference, floor, trials, best: bestOf(trials, floor), ranking, stopped };
}

type TimedAttempt = (names: readonly string[], signal: AbortSignal | undefined) => ReturnType<Attempt>;

/** The search for few nodes to leave in fp32, and what ended it. */
async function tryAll(
  a: Model,
  book: Book,
  attempt: TimedAttempt,
  floor: number,
  options: TuneOptions,
): Promise<Tuned['stopped']> {
  const signal = limitedSignal(options);
  try {
    const first = await attempt([], options.signal);
    if (first === undefined) return 'trials';
    // Most models need nothing: the ranking is made only for those that do.
    if (first.figure >= floor) return 'done';
    const ranking = book.state.ranking ?? (await rank(a, { ...options, signal }));
    await book.note({ ranking });
    const names = ranking.map((row) => row.layer);
    const outcome = await search((fp32) => attempt(fp32, signal), names, floor);
    return outcome === 'stopped' ? 'trials' : 'done';
  } catch (error) {
    if (!signal.aborted) throw error;
    return options.signal?.aborted ? 'interrupted' : 'time';
  }
}

function limitedSignal({ signal, timeLimitSeconds }: TuneOptions): AbortSignal {
  const timeout = timeLimitSeconds === undefined ? undefined : AbortSignal.timeout(1000 * timeLimitSeconds);
  return AbortSignal.any([signal, timeout].filter((each) => each !== undefined));
}

/** The state of a run, written to its file whenever it changes. */
async function openBook(file: string | undefined, subject: string) {
  const book = {
    state: await loadState(file, subject),
    note: async (more: Partial<State>): Promise<void> => {
      book.state = { ...book.state, ...more };
      if (file !== undefined) await saveState(file, book.state);
    },
  };
  return book;
}

type Book = Awaited<ReturnType<typeof openBook>>;

type Goal = {
  readonly metric: string;
  readonly floor: number;
  readonly measure: (int8: Model, metric: string, signal: AbortSignal | undefined) => Promise<number>;
};

/** Makes and measures a model for each set that was not tried before, until there are no trials left. */
function attempts(model: Model, book: Book, { metric, floor, measure }: Goal, { signal, ...options }: TuneOptions) {
  const { maxTrials = Number.POSITIVE_INFINITY, onBest, isWritten = () => true, progress = silent } = options;
  const shared = nothingShared();
  let made = 0;
  const make = (fp32: readonly string[], until: AbortSignal | undefined): Promise<QuantizedModel> =>
    quantize(model, { ...options, ...(until && { signal: until }), excludeNodes: fp32, shared });
  const write = async (int8: QuantizedModel, trial: Trial): Promise<void> => {
    await onBest?.(int8, trial);
    await book.note({ written: trial.fp32 });
  };
  const attempt: TimedAttempt = async (names, until) => {
    const fp32 = [...names].sort();
    const known = book.state.trials.find((trial) => sameNames(trial.fp32, fp32));
    if (known !== undefined) return known;
    if (made++ >= maxTrials) return undefined;
    const start = performance.now();
    const int8 = await make(fp32, until);
    for (const warning of int8.warnings) progress.note(describeWarning(warning));
    const figure = await measure(int8, metric, until);
    const trial: Trial = { fp32, figure, seconds: (performance.now() - start) / 1000 };
    progress.note(describe(trial, metric, floor));
    // The model first: a run that is killed in between makes it again.
    if (isBetter(trial, bestOf(book.state.trials, floor), floor)) await write(int8, trial);
    await book.note({ trials: [...book.state.trials, trial] });
    return trial;
  };
  return {
    attempt,
    /** Makes the best model again where another lies there: one of a run with another floor, or none any more. */
    writeBest: async (): Promise<void> => {
      const best = bestOf(book.state.trials, floor);
      if (onBest === undefined || best === undefined) return;
      if (sameNames(best.fp32, book.state.written ?? []) && isWritten()) return;
      await write(await make(best.fp32, signal), best);
    },
  };
}

const bestOf = (trials: readonly Trial[], floor: number): Trial | undefined =>
  trials.reduce<Trial | undefined>((best, trial) => (isBetter(trial, best, floor) ? trial : best), undefined);

const sameNames = (a: readonly string[], b: readonly string[]): boolean =>
  a.length === b.length && a.every((name, i) => name === b[i]);

const describe = ({ fp32, figure }: Trial, metric: string, floor: number): string =>
  `${fp32.length} in fp32: ${metric} ${(100 * figure).toFixed(2)} %${figure < floor ? `, below ${(100 * floor).toFixed(2)} %` : ''}`;

async function rank(a: Model, options: TuneOptions): Promise<NonNullable<State['ranking']>> {
  const { calibration, recipe, backend, threads, progress, signal, perChannel, excludeOps } = options;
  const rows = await sensitivity(a, {
    calibration,
    recipe,
    openRunner: runnerOn(backend, threads === undefined ? {} : { threads }),
    ...(progress && { progress }),
    ...(signal && { signal }),
    ...(perChannel !== undefined && { perChannel }),
    ...(excludeOps && { excludeOps }),
  });
  return rows.map(({ layer, value, figures }) => ({
    layer,
    value,
    ...(figures?.sqnr !== undefined && Number.isFinite(figures.sqnr) && { sqnr: figures.sqnr }),
  }));
}

/** The fp32 model, whose outputs are computed once for all trials. */
async function recorded(a: Model, { evaluation, recipe, limit, backend, threads, signal, progress }: TuneOptions) {
  const settings = { ...(backend && { backend }), ...(threads && { threads }) };
  const session = await compile(a, settings);
  const evaluateOn = { ...(recipe && { recipe }), ...(limit && { limit }), ...(progress && { progress }) };
  const outputs: ReadonlyMap<string, Tensor>[] = [];
  /** The outputs of the fp32 model in the order of the samples, which is always the same. */
  const replay = (): Run => {
    let next = 0;
    return async (feeds) => {
      const at = next++;
      const found = outputs[at] ?? (await runOf(session, signal)(feeds));
      outputs[at] = found;
      return found;
    };
  };
  const pick = (figures: Readonly<Record<string, number>>, metric: string): number => {
    const figure = figures[metric];
    if (metric.startsWith('sqnr') || figure === undefined || Number.isNaN(figure))
      throw new UserError(
        `the data gives no figure '${metric}'`,
        {},
        `there are: ${
          Object.keys(figures)
            .filter((name) => !name.startsWith('sqnr'))
            .join(', ') || 'none; give labelled data and a recipe with a metric'
        }`,
      );
    return figure;
  };
  return {
    figure: async (metric: string) => {
      const run = replay();
      const { figures } = await evaluate(run, evaluation, { ...evaluateOn, reference: replay() });
      return pick(figures, metric);
    },
    figureOf: async (model: Model, metric: string, until: AbortSignal | undefined) => {
      using int8 = await compile(model, settings);
      const { figures } = await evaluate(runOf(int8, until), evaluation, { ...evaluateOn, reference: replay() });
      return pick(figures, metric);
    },
    dispose: () => session.dispose(),
  };
}

/** What trials depend on, as one short text. */
function subjectOf(a: Model, metric: string, options: TuneOptions): string {
  const {
    samples,
    method,
    perChannel,
    effort,
    corrections,
    excludeOps,
    config,
    limit,
    calibration,
    evaluation,
    recipe,
  } = options;
  const sizes = [calibration.size, evaluation.size, limit];
  const how = [samples, method, perChannel, effort, corrections, [...(excludeOps ?? [])].sort(), config];
  const hash = createHash('sha256').update(JSON.stringify([metric, sizes, how, recipe]));
  for (const digest of digestsOf(a.graph).values()) hash.update(digest);
  return hash.digest('hex').slice(0, 32);
}
