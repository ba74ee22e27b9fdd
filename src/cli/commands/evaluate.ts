import type { Tensor } from '../../base/tensor.ts';
import { type Evaluation, evaluate } from '../../data/evaluate.ts';
import { evaluationSplit } from '../../data/subset.ts';
import { compile, type Session } from '../../runtime/session.ts';
import type { AddCommand } from '../command.ts';
import {
  type BackendOption,
  type DataOptions,
  type JsonOption,
  loadModel,
  type ModelOptions,
  openData,
  print,
  tellFallbacks,
  threadsOf,
  wholeNumber,
  withBackend,
  withData,
  withJson,
  withModel,
} from '../options.ts';
import { terminalProgress } from '../progress.ts';
import { table } from '../table.ts';

type Options = ModelOptions &
  DataOptions &
  BackendOption &
  JsonOption & { limit?: number; all?: boolean; reference?: string };

export const evaluateCommand: AddCommand = (program, signal) => {
  const command = program
    .command('evaluate <model>')
    .description('accuracy on labelled data: top-1/5, AUC, HR@k and NDCG@k, mAP; agreement with another model')
    .option('--limit <n>', 'at most this many samples', wholeNumber)
    .option('--all', 'all samples, also those that the recipe calibrates with')
    .option('--reference <model>', 'a model (the fp32 one) to measure agreement and SQNR against');
  withJson(withBackend(withData(withModel(command)))).action(async (path: string, options: Options) => {
    const model = await loadModel(path, options);
    const opened = await openData(path, model, options);
    const dataset = options.all ? evaluationSplit(opened.all, opened.recipe, 'all') : opened.evaluation;
    const backend = { backend: options.backend, signal, ...threadsOf(options) };
    using session = await compile(model, backend);
    tellFallbacks(session);
    using reference =
      options.reference === undefined ? undefined : await compile(await loadModel(options.reference, options), backend);
    const result = await evaluate(runOf(session, signal), dataset, {
      progress: terminalProgress(),
      ...(opened.recipe && { recipe: opened.recipe }),
      ...(reference && { reference: runOf(reference, signal) }),
      ...(options.limit && { limit: options.limit }),
    });
    print({ model: path, backend: session.backend, ...result }, options, () => describe(result, session));
  });
};

export const runOf =
  (session: Session, signal?: AbortSignal) =>
  async (feeds: ReadonlyMap<string, Tensor>): Promise<ReadonlyMap<string, Tensor>> =>
    new Map(Object.entries(await session.run(Object.fromEntries(feeds), signal ? { signal } : {})));

function describe({ figures, samples, skipped, seconds }: Evaluation, session: Session): string {
  const rows = Object.entries(figures).map(([name, figure]) => [
    name,
    name === 'sqnr' ? `${figure.toFixed(2)} dB` : figure.toFixed(4),
  ]);
  const passed =
    skipped.length === 0
      ? ''
      : `\n${skipped.length} samples could not be read (${skipped[0]!.file}: ${skipped[0]!.reason})`;
  const measured =
    rows.length > 0
      ? table([['figure', 'value'], ...rows])
      : 'nothing to measure: the samples have no labels or the recipe no metric; --reference MODEL compares with another model';
  return `${measured}\n\n${samples} samples, ${((1000 * seconds) / samples).toFixed(1)} ms each on the ${session.backend} backend${passed}`;
}
