import { join } from 'node:path';
import { Option } from 'commander';
import { inspect } from '../../api/inspect.ts';
import { type QuantizedModel, quantize } from '../../api/quantize.ts';
import { UserError } from '../../base/errors.ts';
import { checkWritable, writeWhole } from '../../base/files.ts';
import { checkDestination } from '../../formats/index.ts';
import type { Model } from '../../graph/model.ts';
import { type AnyMethod, anyMethodNames } from '../../quantize/observers/methods.ts';
import { type Effort, effortNames } from '../../quantize/quantize.ts';
import { formatRanges } from '../../quantize/ranges.ts';
import type { AddCommand } from '../command.ts';
import { loadModel, openData, threadsOf } from '../inputs.ts';
import { gather, type Shared, samplesText, shared, wholeNumber, withExamples, withOutput } from '../options.ts';
import { counted, print, skippedText } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { copyRecipe } from '../recipe.ts';
import { loadConfig, reportQuantized, warningText } from '../report.ts';
import { percent, table } from '../table.ts';

type QuantizeFlags = {
  readonly samples?: number;
  readonly method?: AnyMethod;
  readonly effort: Effort;
  readonly perTensor?: boolean;
  readonly excludeOp?: readonly string[];
  readonly excludeNode?: readonly string[];
};
type Options = Shared<'data' | 'model' | 'backend'> &
  QuantizeFlags & { output: string; keepStages?: string; config?: string; report?: string };

export const quantizeCommand: AddCommand = (program, signal) => {
  const command = program
    .command('quantize <model>')
    .description('the whole pipeline: optimize, quantize, calibrate, fuse')
    .option('--samples <n>', samplesText, wholeNumber)
    .addOption(
      new Option(
        '--method <name>',
        'how ranges are chosen: mse (small models: mse or relative) unless it is said',
      ).choices(anyMethodNames),
    )
    .addOption(
      new Option('--effort <name>', 'how much is done to make up for rounding').choices(effortNames).default('default'),
    )
    .option('--per-tensor', 'one scale for all channels of the weights')
    .option('--exclude-op <ops>', 'ops that stay in fp32', gather)
    .option('--exclude-node <names>', 'nodes that stay in fp32: names, or /patterns/', gather)
    .option('--config <file>', 'a configuration: dtype, method and granularity by op, node or pattern')
    .option('--report <file>', 'write an HTML report')
    .option('--keep-stages <folder>', 'write the stages (a), (b), (c) and the ranges there');
  withOutput(command);
  withExamples(
    command,
    'quantize model.pb --data pictures/ -o model.int8.pb --report report.html',
    'quantize model.pb --data inputs.npz -o model.int8.pb --exclude-op MatMul',
    'quantize saved_model/ --data random -o saved_model_int8/',
  );
  shared(command, 'data', 'model', 'backend').action(async (path: string, options: Options) => {
    await checkDestination(options.output);
    if (options.report !== undefined) await checkWritable(options.report);
    if (options.keepStages !== undefined) await checkWritable(join(options.keepStages, 'ranges.json'));
    const model = await loadModel(path, options);
    for (const what of notThere(model, options)) console.error(`octet: ${what}: nothing is excluded by it`);
    const opened = await openData(path, model, options);
    const { calibration } = opened;
    const config = options.config === undefined ? undefined : await loadConfig(options.config);
    const result = await quantize(model, {
      calibration,
      ...(config && { config }),
      ...(options.samples && { samples: options.samples }),
      ...(options.method && { method: options.method }),
      effort: options.effort,
      ...graphOptions(options),
      backend: options.backend,
      ...threadsOf(options),
      progress: terminalProgress(),
      signal,
    });
    signal.throwIfAborted();
    if (options.keepStages !== undefined) await writeStages(result, options.keepStages);
    await result.save(options.output);
    await copyRecipe(path, options.output, options.recipe);
    if (options.report !== undefined)
      await reportQuantized(path, result, opened, { ...options, report: options.report }, signal);
    report(result, calibration.skipped(), options);
  });
};

/** What of the graph is quantized, as the options say. */
const graphOptions = ({
  perTensor,
  excludeOp = [],
  excludeNode = [],
}: Omit<QuantizeFlags, 'samples' | 'method' | 'effort'>) => ({
  ...(perTensor && { perChannel: false }),
  excludeOps: new Set(excludeOp),
  excludeNodes: excludeNode.map(nodePattern),
});

/** Names and ops to exclude that the model does not have: most likely a slip. Patterns may match nothing. */
function notThere({ graph }: Model, { excludeOp = [], excludeNode = [] }: Options): string[] {
  const ops = new Set(Array.from(graph.nodes.values(), ({ op }) => op));
  return [
    ...excludeOp.filter((op) => !ops.has(op)).map((op) => `the model has no op '${op}'`),
    ...excludeNode
      .filter((name) => typeof nodePattern(name) === 'string' && !graph.nodes.has(name))
      .map((name) => `the model has no node '${name}'`),
  ];
}

/** `/pattern/` is a regular expression, anything else a name. */
function nodePattern(text: string): string | RegExp {
  const match = /^\/(.*)\/$/.exec(text);
  if (match === null) return text;
  try {
    return new RegExp(match[1]!);
  } catch (error) {
    throw new UserError(`'${text}' is not a pattern`, {}, 'write a regular expression between slashes', {
      cause: error,
    });
  }
}

async function writeStages({ stages, ranges }: QuantizedModel, folder: string): Promise<void> {
  await stages.a.save(join(folder, 'a.optimized.pb'));
  await stages.b.save(join(folder, 'b.quantized.pb'));
  await stages.c.save(join(folder, 'c.fused.pb'));
  await writeWhole(join(folder, 'ranges.json'), formatRanges(ranges));
}

function report(result: QuantizedModel, skipped: readonly { file: string; reason: string }[], options: Options): void {
  const { int8, macs, fp32 } = inspect(result);
  const summary = {
    output: options.output,
    samples: result.ranges.samples,
    skipped,
    int8,
    macs,
    fp32,
    warnings: result.warnings,
  };
  print(summary, options, () => {
    const left =
      fp32.length === 0
        ? ''
        : `${table([['stays in fp32', 'op', 'because'], ...fp32.map((f) => [f.node, f.op, f.reason])])}\n\n`;
    const passed = skipped.length === 0 ? '' : `${skippedText(skipped)}\n`;
    const share = macs === 0 ? 0 : int8.macs / macs;
    return `${left}${passed}${warningText(result.warnings)}${counted(int8.nodes, 'op')} in int8, ${percent(share)} of the multiply-adds; calibrated with ${counted(result.ranges.samples, 'sample')}; wrote ${options.output}`;
  });
}
