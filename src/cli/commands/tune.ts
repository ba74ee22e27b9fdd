import { existsSync } from 'node:fs';
import { basename } from 'node:path';
import { Option } from 'commander';
import { optimize } from '../../api/optimize.ts';
import type { QuantizedModel } from '../../api/quantize.ts';
import { UserError } from '../../base/errors.ts';
import { checkWritable, writeWhole } from '../../base/files.ts';
import { checkDestination } from '../../formats/index.ts';
import { defaultMethod } from '../../quantize/calibrate.ts';
import { formatConfig } from '../../quantize/config.ts';
import { type Method, methodNames } from '../../quantize/observers/methods.ts';
import { buildReport } from '../../report/build.ts';
import { renderReport } from '../../report/html.ts';
import type { Trial } from '../../tune/search.ts';
import { type Tuned, tune } from '../../tune/tune.ts';
import type { AddCommand } from '../command.ts';
import { loadModel, type Opened, openData, threadsOf } from '../inputs.ts';
import { type Shared, samplesText, shared, wholeNumber, withExamples, withOutput } from '../options.ts';
import { print } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { copyRecipe } from '../recipe.ts';
import { percent, table } from '../table.ts';

type Options = Shared<'data' | 'model' | 'backend'> & {
  output: string;
  metric: string;
  maxDrop: number;
  samples?: number;
  method: Method;
  limit?: number;
  timeLimit?: number;
  maxTrials?: number;
  state?: string;
  report?: string;
};

export const tuneCommand: AddCommand = (program, signal) => {
  const command = program
    .command('tune <model>')
    .description('keeps accuracy above a floor by leaving as few ops as possible in fp32')
    .option('--metric <name>', 'what is measured: top1, agreement, auc, hr@10, map', 'top1')
    .option('--max-drop <points>', 'how much less than fp32 is allowed, in points', points, 0.5)
    .option('--samples <n>', samplesText, wholeNumber)
    .option('--limit <n>', 'at most this many samples to evaluate each trial on', wholeNumber)
    .addOption(new Option('--method <name>', 'how ranges are chosen').choices(methodNames).default(defaultMethod))
    .option('--time-limit <seconds>', 'try no more after so long; the first model is always made', wholeNumber)
    .option('--max-trials <n>', 'how many models to try', wholeNumber)
    .option(
      '--state <file>',
      'where to remember trials, so that a run that was killed goes on (default: OUTPUT.tune.json)',
    )
    .option('--report <file>', 'write an HTML report of the best model');
  withOutput(command, 'where to write the best model');
  withExamples(command, 'tune model.pb --data pictures/ -o tuned.pb --max-drop 0.5 --report report.html');
  shared(command, 'data', 'model', 'backend').action(async (path: string, options: Options) => {
    await checkDestination(options.output);
    if (options.report !== undefined) await checkWritable(options.report);
    const model = await loadModel(path, options);
    const opened = await openData(path, model, options);
    const files = filesOf(options);
    let best: QuantizedModel | undefined;
    const result = await tune(model, {
      calibration: opened.calibration,
      evaluation: opened.evaluation,
      recipe: opened.recipe,
      metric: options.metric,
      maxDrop: options.maxDrop,
      ...(options.samples && { samples: options.samples }),
      method: options.method,
      backend: options.backend,
      ...threadsOf(options),
      stateFile: files.state,
      ...(options.limit && { limit: options.limit }),
      ...(options.maxTrials && { maxTrials: options.maxTrials }),
      ...(options.timeLimit && { timeLimitSeconds: options.timeLimit }),
      progress: terminalProgress(),
      signal,
      isWritten: () => existsSync(options.output),
      onBest: async (int8, trial) => {
        best = int8;
        await int8.save(options.output);
        await writeWhole(files.config, formatConfig(configOf(trial, int8, options)));
        await copyRecipe(path, options.output, options.recipe);
      },
    });
    print({ ...result, ...files, output: options.output }, options, () => describe(result, options));
    // The best model and the state lie there already.
    signal.throwIfAborted();
    if (options.report !== undefined) await writeReport(path, best, result, opened, options, signal);
  });
};

function points(text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 100)) throw new UserError(`--max-drop is '${text}'`, {}, 'give points from 0 to 100');
  return value;
}

const filesOf = ({ output, state }: Options) => {
  const base = output.replace(/\/$/, '').replace(/\.(pb|pbtxt)$/, '');
  return { state: state ?? `${base}.tune.json`, config: `${base}.config.json` };
};

/** What `octet quantize --config` needs to make the same model again. */
const configOf = ({ fp32, figure }: Trial, { ranges }: QuantizedModel, { method, metric }: Options) => ({
  samples: ranges.samples,
  method,
  rules: fp32.map((node) => ({ node, dtype: 'fp32' as const, reason: `octet tune: ${metric} ${percent(figure)}` })),
});

function describe({ trials, best, metric, reference, floor, stopped }: Tuned, { output }: Options): string {
  const rows = trials.map((trial, i) => [
    i + 1,
    percent(trial.figure),
    trial.fp32.length,
    trial === best ? 'best' : trial.figure >= floor ? 'enough' : 'too low',
    `${trial.seconds.toFixed(1)} s`,
    trial.fp32.slice(0, 3).join(', ') + (trial.fp32.length > 3 ? ` and ${trial.fp32.length - 3} more` : ''),
  ]);
  const why = { done: '', time: ' (time ran out)', trials: ' (no trials left)', interrupted: ' (interrupted)' }[
    stopped
  ];
  const head = `${metric} in fp32 ${percent(reference)}, at least ${percent(floor)} wanted${why}`;
  const made = table([['trial', metric, 'in fp32', 'outcome', 'took', 'which'], ...rows]);
  if (best === undefined) return `${head}\nno trial was finished`;
  const verdict = best.figure >= floor ? 'keeps the floor' : 'is the nearest that was found';
  return `${made}\n\n${head}\nthe best model has ${best.fp32.length} ops in fp32 and ${verdict}; wrote ${output}`;
}

async function writeReport(
  path: string,
  best: QuantizedModel | undefined,
  result: Tuned,
  opened: Opened,
  options: Options,
  signal: AbortSignal,
): Promise<void> {
  // A run that went on and found nothing better has its model in the file.
  const model = best ?? (await loadModel(options.output, {}));
  const rows = result.trials.map((trial) => ({
    ...trial,
    outcome: trial === result.best ? 'best' : trial.figure >= result.floor ? 'enough' : 'too low',
  }));
  const alone = new Map(
    result.ranking.flatMap(({ value, sqnr }) => (sqnr === undefined ? [] : [[value, sqnr] as const])),
  );
  const report = await buildReport(model, {
    title: basename(options.output),
    facts: [
      ['made from', path],
      ['by', `octet tune --metric ${options.metric} --max-drop ${options.maxDrop}`],
    ],
    reference: optimize(await loadModel(path, options)),
    ...(best && { quantized: best.stages.b }),
    data: opened,
    options: { excludeNodes: result.best?.fp32 ?? [] },
    ...(options.limit && { samples: options.limit }),
    alone,
    trials: { metric: result.metric, reference: result.reference, floor: result.floor, rows },
    backend: options.backend,
    progress: terminalProgress(),
    signal,
  });
  await writeWhole(options.report!, renderReport(report));
}
