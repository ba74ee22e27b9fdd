import { compare, type LayerComparison } from '../../api/compare.ts';
import { optimize } from '../../api/optimize.ts';
import { runnerOn } from '../../api/runner.ts';
import type { AddCommand } from '../command.ts';
import { loadModel, openData, threadsOf } from '../inputs.ts';
import { type Shared, shared, wholeNumber, withExamples } from '../options.ts';
import { print } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { decibels, table } from '../table.ts';

type Options = Shared<'data' | 'model' | 'backend'> & { samples: number; sort?: boolean };

export const compareCommand: AddCommand = (program, signal) => {
  const command = program
    .command('compare <first> <second>')
    .description('two models layer by layer: SQNR and largest error of every value they have in common')
    .option('--samples <n>', 'how many samples', wholeNumber, 16)
    .option('--sort', 'worst layers first');
  withExamples(command, 'compare model.pb model.int8.pb --data pictures/ --sort');
  shared(command, 'data', 'model', 'backend').action(async (first: string, second: string, options: Options) => {
    const a = optimize(await loadModel(first, options));
    const b = await loadModel(second, options);
    const { evaluation } = await openData(first, a, options);
    const layers = await compare(a, b, {
      data: evaluation,
      samples: options.samples,
      openRunner: runnerOn(options.backend, threadsOf(options)),
      progress: terminalProgress(),
      signal,
    });
    const sorted = options.sort ? [...layers].sort((x, y) => x.sqnr - y.sqnr) : layers;
    print(sorted, options, () => describe(sorted));
  });
};

const describe = (layers: readonly LayerComparison[]): string =>
  table([
    ['layer', 'op', 'SQNR', 'largest error'],
    ...layers.map(({ layer, op, sqnr, maxError }) => [layer, op, decibels(sqnr), maxError.toPrecision(3)]),
  ]);
