import { createHash } from 'node:crypto';
import { Option } from 'commander';
import { feedsOf } from '../../api/quantize.ts';
import { runnerOn } from '../../api/runner.ts';
import { mostUsual, usualSamples } from '../../api/samples.ts';
import { UserError } from '../../base/errors.ts';
import { checkWritable, writeWhole } from '../../base/files.ts';
import { bytesOf } from '../../base/tensor.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Model } from '../../graph/model.ts';
import { calibrate, defaultMethod } from '../../quantize/calibrate.ts';
import { calibrateQuantized } from '../../quantize/calibrate-quantized.ts';
import { type AnyMethod, anyMethodNames } from '../../quantize/observers/methods.ts';
import { openState } from '../../quantize/observers/state.ts';
import { formatLog, formatRanges } from '../../quantize/ranges.ts';
import { sitesOf } from '../../quantize/sites.ts';
import type { AddCommand } from '../command.ts';
import { loadModel, openData, threadsOf } from '../inputs.ts';
import { type Shared, samplesText, shared, wholeNumber, withExamples } from '../options.ts';
import { print } from '../output.ts';
import { terminalProgress } from '../progress.ts';

type Options = Shared<'data' | 'model' | 'backend'> & {
  output: string;
  samples?: number;
  method?: AnyMethod;
  log?: boolean;
};

export const calibrateCommand: AddCommand = (program, signal) => {
  const command = program
    .command('calibrate <model>')
    .description('the ranges of the activations of an optimized or a quantized model, in a file that fuse takes')
    .requiredOption('-o, --output <path>', 'where to write the ranges')
    .option('--samples <n>', samplesText, wholeNumber)
    .addOption(
      new Option('--method <name>', `how ranges are chosen: ${defaultMethod} unless it is said`).choices(
        anyMethodNames,
      ),
    )
    .option('--log', "write the original tools' log format");
  withExamples(command, 'calibrate a.optimized.pb --data pictures/ -o ranges.json');
  shared(command, 'data', 'model', 'backend').action(async (path: string, options: Options) => {
    await checkWritable(options.output);
    const model = await loadModel(path, options);
    const { calibration } = await openData(path, model, options);
    const sites = sitesOf(model.graph);
    const progress = terminalProgress();
    const limit = options.samples ?? (await usualSamples(options.backend, { ...threadsOf(options), progress }));
    const settings = {
      openRunner: runnerOn(options.backend, threadsOf(options)),
      progress,
      signal,
      total: Math.min(limit, calibration.size ?? limit),
    };
    const isUsual = options.samples === undefined;
    const samples = feedsOf(calibration, sites.length === 0 && isUsual ? mostUsual * limit : limit, model);
    const method = options.method ?? (sites.length > 0 ? 'minmax' : defaultMethod);
    if (sites.length > 0 && method !== 'minmax')
      throw new UserError(
        'a quantized model gives its smallest and largest values only',
        { file: path },
        'use --method minmax, or calibrate the fp32 model',
      );
    // What was seen is kept beside the output until that is written: a run that was killed goes on where it was.
    const state = await openState(`${options.output}.partial`, fingerprintOf(model, options));
    const ranges =
      sites.length > 0
        ? await calibrateQuantized(model, samples, settings)
        : await calibrate(model, samples, {
            ...settings,
            ...(isUsual && { enough: limit }),
            method,
            resume: state.resume,
            save: state.save,
          });
    signal.throwIfAborted();
    await writeWhole(options.output, options.log ? formatLog(ranges) : formatRanges(ranges));
    await state.done();
    const summary = {
      output: options.output,
      samples: ranges.samples,
      values: ranges.ranges.size,
      skipped: calibration.skipped(),
    };
    print(summary, options, () => `${summary.values} ranges from ${summary.samples} samples; wrote ${options.output}`);
  });
};

/** What is calibrated, on what: the weights by their bytes, the data by its name. */
function fingerprintOf({ graph }: Model, { data, recipe, inputs, outputs, signature }: Options): string {
  const hash = createHash('sha256').update(JSON.stringify({ data, recipe, inputs, outputs, signature }));
  for (const node of graph.nodes.values()) {
    hash.update(JSON.stringify([node.name, node.op, node.inputs]));
    const tensor = constTensor(node);
    if (tensor !== undefined && ArrayBuffer.isView(tensor.data)) hash.update(bytesOf(tensor));
  }
  return hash.digest('hex');
}
