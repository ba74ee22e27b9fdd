import { basename } from 'node:path';
import { optimize } from '../../api/optimize.ts';
import { feedsOf } from '../../api/quantize.ts';
import { runnerOn } from '../../api/runner.ts';
import { measureDrift } from '../../api/warnings.ts';
import { checkWritable, writeWhole } from '../../base/files.ts';
import { buildReport } from '../../report/build.ts';
import { renderReport } from '../../report/html.ts';
import type { AddCommand } from '../command.ts';
import { loadModel, openData } from '../inputs.ts';
import { type Shared, shared, wholeNumber, withExamples } from '../options.ts';
import { print } from '../output.ts';
import { terminalProgress } from '../progress.ts';

type Options = Shared<'optionalData' | 'model' | 'backend'> & { output: string; reference?: string; samples: number };

export const reportCommand: AddCommand = (program, signal) => {
  const command = program
    .command('report <model>')
    .description(
      'one HTML file: the graph with ranges and noise, the worst layers, accuracy, speed, what stays fp32 and why',
    )
    .option('-o, --output <file>', 'where to write it', 'report.html')
    .option('--reference <model>', 'the fp32 model that it was made from')
    .option('--samples <n>', 'how many samples to measure accuracy and speed on', wholeNumber, 100);
  withExamples(command, 'report model.int8.pb --reference model.pb --data pictures/ -o report.html');
  shared(command, 'optionalData', 'model', 'backend').action(async (path: string, options: Options) => {
    await checkWritable(options.output);
    const model = await loadModel(path, options);
    const original = options.reference === undefined ? undefined : await loadModel(options.reference, options);
    const { data } = options;
    const opened = data === undefined ? undefined : await openData(path, model, { ...options, data });
    const drift =
      original &&
      opened &&
      (await measureDrift(original, feedsOf(opened.calibration, 8, original), runnerOn(options.backend)));
    const report = await buildReport(model, {
      title: basename(path),
      facts: [
        ['model', path],
        ...(options.reference === undefined ? [] : [['made from', options.reference] as const]),
        ...(data === undefined ? [] : [['measured on', `${options.samples} samples of ${data}`] as const]),
      ],
      ...(original && { reference: optimize(original), drift }),
      ...(opened && { data: opened }),
      samples: options.samples,
      backend: options.backend,
      ...(options.threads && { threads: options.threads }),
      progress: terminalProgress(),
      signal,
    });
    signal.throwIfAborted();
    await writeWhole(options.output, renderReport(report));
    print({ ...report, stages: undefined }, options, () => `wrote ${options.output}`);
  });
};
