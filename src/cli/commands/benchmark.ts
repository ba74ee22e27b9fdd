import { Option } from 'commander';
import { type BenchmarkResult, benchmark, forSpeed, type ModelProfile, profileModel } from '../../api/benchmark.ts';
import { optimize } from '../../api/optimize.ts';
import { quantize } from '../../api/quantize.ts';
import { UserError } from '../../base/errors.ts';
import { randomDataset } from '../../data/sources/random.ts';
import type { Model } from '../../graph/model.ts';
import { isas } from '../../runtime/native/host/isa.ts';
import type { AddCommand } from '../command.ts';
import { loadModel } from '../inputs.ts';
import { positiveNumber, type Shared, shared, wholeNumber, withExamples } from '../options.ts';
import { print } from '../output.ts';
import { terminalProgress } from '../progress.ts';
import { megabytes, percent, table } from '../table.ts';
import { architectureOf } from './zoo.ts';

type Options = Shared<'model' | 'backend'> & {
  asIs?: boolean;
  batch: number;
  runs?: number;
  seconds?: number;
  isa?: string;
  int8?: boolean;
  profile?: boolean;
};

export const benchmarkCommand: AddCommand = (program, signal) => {
  const command = program
    .command('benchmark <models...>')
    .description('throughput, latency and memory of models (or zoo:NAME), which take turns; --profile: step by step')
    .option('--batch <n>', 'samples in a run', wholeNumber, 1)
    .option('--runs <n>', 'timed runs of each model', wholeNumber)
    .option('--seconds <n>', 'how long to measure each model', positiveNumber, 3)
    .addOption(new Option('--isa <name>', 'the instruction set of generated code').choices(isas))
    .option('--int8', 'also the int8 form of each model, quantized on noise: for speed, not for accuracy')
    .option('--as-is', 'do not optimize the models first')
    .option('--profile', 'time, GMAC/s and share of the measured limit of each step, one sample on one thread');
  withExamples(
    command,
    'benchmark model.pb model.int8.pb --threads 2',
    'benchmark model.int8.pb --profile',
    'benchmark zoo:resnet50 --int8',
  );
  shared(command, 'model', 'backend').action(async (paths: string[], options: Options) => {
    if (options.profile && !['auto', 'native'].includes(options.backend))
      throw new UserError(`the steps of the ${options.backend} backend can't be timed`, {}, 'leave --backend out');
    const subjects = await openAll(paths, options, signal);
    if (options.profile) {
      const profiles: (ModelProfile & { readonly name: string })[] = [];
      for (const { name, model } of subjects) {
        const threads = options.threads ?? 1;
        profiles.push({ name, ...(await profileModel(model, { threads, ...isaOf(options), signal })) });
      }
      print(profiles, options, () => profiles.map((p) => describeProfile(p.name, p)).join('\n\n'));
      return;
    }
    const { batch, runs, seconds, isa, threads } = options;
    // Who names an instruction set does not want the reference backend where the machine lacks it.
    const backend = isa !== undefined && options.backend === 'auto' ? 'native' : options.backend;
    const results = await benchmark(subjects, {
      batch,
      backend,
      signal,
      ...isaOf(options),
      ...(runs && { runs }),
      ...(seconds && { seconds }),
      ...(threads && { threads }),
    });
    print(results, options, () => describe(results));
  });
};

const isaOf = ({ isa }: Options) => (isa === undefined ? {} : { isa });

/** The models to measure; with `--int8` each is followed by its quantized form. */
async function openAll(paths: readonly string[], options: Options, signal: AbortSignal) {
  const subjects: { readonly name: string; readonly model: Model }[] = [];
  for (const path of paths) {
    const given = path.startsWith('zoo:') ? architectureOf(path.slice(4)).build() : await loadModel(path, options);
    const model = options.asIs ? given : optimize(given);
    subjects.push({ name: path, model });
    if (!options.int8) continue;
    const calibration = randomDataset(model, undefined, { size: 16 });
    const int8 = await quantize(model, { calibration, samples: 16, ...forSpeed, progress: terminalProgress(), signal });
    subjects.push({ name: `${path} int8`, model: int8 });
  }
  return subjects;
}

const milliseconds = (ms: number): string => ms.toFixed(ms < 100 ? 2 : 0);

function describe(results: readonly BenchmarkResult[]): string {
  const head = [
    'model',
    'backend',
    'batch',
    'runs',
    'images/s',
    'median ms',
    'p90',
    'p99',
    'min',
    'compile ms',
    'first run',
  ];
  const rows = results.map(({ name, backend, batch, runs, throughput, latency, compileMs, firstRunMs }) => {
    const times = [latency.median, latency.p90, latency.p99, latency.min, compileMs, firstRunMs];
    return [name, backend, batch, runs, throughput.toFixed(1), ...times.map(milliseconds)];
  });
  const notes = results
    .flatMap(({ name, fallbacks }) => fallbacks.map(({ backend, reason }) => `${name}: not ${backend}: ${reason}`))
    .map((line) => `\n${line}`);
  const resident = results[0]?.residentBytes;
  const memory = resident === undefined ? '' : `\n\n${megabytes(resident)} resident`;
  return `${table([head, ...rows])}${memory}${notes.join('')}`;
}

function describeProfile(name: string, { processor, isa, threads, peak, rows }: ModelProfile): string {
  const ms = rows.reduce((sum, row) => sum + row.ms, 0);
  const macs = rows.reduce((sum, row) => sum + row.macs, 0);
  const limits = `${peak.int8.toFixed(0)} GMAC/s int8, ${peak.float32.toFixed(1)} GMAC/s float32 a core`;
  const lines = rows.map((row) => [
    row.node,
    row.kernel,
    row.ms.toFixed(3),
    percent(row.ms / ms),
    row.macs === 0 ? '' : row.gmacsPerSecond.toFixed(1),
    row.share === undefined ? '' : percent(row.share),
    megabytes(row.bytes),
  ]);
  const total = ['all', '', ms.toFixed(3), '', (macs / ms / 1e6).toFixed(1), '', ''];
  return [
    `${name} on ${processor}, ${isa}, ${threads} thread${threads === 1 ? '' : 's'}; limit ${limits}`,
    table([['step', 'kernel', 'ms', 'time', 'GMAC/s', 'of limit', 'moved'], ...lines, total]),
  ].join('\n\n');
}
