import { compile } from '../../api/compile.ts';
import { runOf } from '../../api/runner.ts';
import { type Evaluation, evaluate } from '../../data/evaluate.ts';
import { evaluationSplit } from '../../data/subset.ts';
import type { Session } from '../../runtime/session.ts';
import type { AddCommand } from '../command.ts';
import { loadModel, openData, tellFallbacks, threadsOf } from '../inputs.ts';
import { type Shared, shared, wholeNumber, withExamples } from '../options.ts';
import { counted, print, skippedText } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { table } from '../table.ts';

type Options = Shared<'data' | 'model' | 'backend' | 'rounding'> & {
  limit?: number;
  all?: boolean;
  reference?: string;
};

export const evaluateCommand: AddCommand = (program, signal) => {
  const command = program
    .command('evaluate <model>')
    .description('accuracy on labelled data: top-1/5, AUC, HR@k and NDCG@k, mAP; agreement with another model')
    .option('--limit <n>', 'at most this many samples', wholeNumber)
    .option('--all', 'all samples, also those that the recipe calibrates with')
    .option('--reference <model>', 'a model (the fp32 one) to measure agreement and SQNR against');
  withExamples(command, 'evaluate model.int8.pb --data pictures/ --reference model.pb');
  shared(command, 'data', 'model', 'backend', 'rounding').action(async (path: string, options: Options) => {
    const model = await loadModel(path, options);
    const opened = await openData(path, model, options);
    const dataset = options.all ? evaluationSplit(opened.all, opened.recipe, 'all') : opened.evaluation;
    const backend = { backend: options.backend, rounding: options.rounding, signal, ...threadsOf(options) };
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

function describe({ figures, reference, samples, skipped, seconds }: Evaluation, session: Session): string {
  const text = (name: string, figure: number | undefined) =>
    figure === undefined ? '' : name === 'sqnr' ? `${figure.toFixed(2)} dB` : figure.toFixed(4);
  const rows = Object.entries(figures).map(([name, figure]) => [
    name,
    text(name, figure),
    ...(reference ? [text(name, reference.figures[name])] : []),
  ]);
  const each = (total: number) => `${((1000 * total) / samples).toFixed(1)} ms`;
  const passed = skipped.length === 0 ? '' : `\n${skippedText(skipped)}`;
  const measured =
    rows.length > 0
      ? table([['figure', 'value', ...(reference ? ['reference'] : [])], ...rows])
      : 'nothing to measure: the samples have no labels or the recipe no metric; --reference MODEL compares with another model';
  return `${measured}\n\n${counted(samples, 'sample')}, ${each(seconds)} each${reference ? ` (the reference ${each(reference.seconds)})` : ''} on the ${session.backend} backend${passed}`;
}
