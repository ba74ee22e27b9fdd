/**
 * Measures each method of calibration with each effort, and each correction by itself, on the shared models: in octet's
 * integer arithmetic, against fp32 on the same samples. What has been measured is kept in .cache and not measured again;
 * `--write` puts the table into docs/accuracy.md, with a dash for what is missing.
 *
 *     npx tsx scripts/accuracy-methods.ts [--models a,b] [--recipes text] [--limit N] [--minutes N] [--fresh] [--write]
 */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { quantize } from '../src/api/quantize.ts';
import { runOf } from '../src/api/runner.ts';
import { writeWhole } from '../src/base/files.ts';
import { terminalProgress } from '../src/cli/progress.ts';
import type { Dataset, Sample } from '../src/data/dataset.ts';
import { type Evaluation, evaluate, type Run } from '../src/data/evaluate.ts';
import { fittedTo, openDataset } from '../src/data/open.ts';
import type { Recipe } from '../src/data/recipe/recipe.ts';
import { calibrationSplit, evaluationSplit } from '../src/data/subset.ts';
import type { Model } from '../src/graph/model.ts';
import { compile, load, optimize } from '../src/index.ts';
import { type AnyMethod, anyMethodNames } from '../src/quantize/observers/methods.ts';
import { type Corrections, type Effort, effortNames } from '../src/quantize/quantize.ts';
import { nothingShared, type Shared } from '../src/quantize/shared.ts';
import { findRecipe } from '../src/zoo/recipes/index.ts';
import { sharedPath } from '../test/support/shared.ts';
import { writeTable } from './accuracy/table.ts';

type Subject = {
  readonly model: string;
  readonly data: string;
  readonly batch: number;
  /** Samples that are evaluated unless `--limit` says otherwise. */
  readonly samples: number;
  readonly signature?: string;
};

const subjects: readonly Subject[] = [
  { model: 'mobilenet_v2.pb', data: 'imagenet500', batch: 10, samples: 60 },
  { model: 'efficientnet_lite0.pb', data: 'imagenet500', batch: 10, samples: 60 },
  { model: 'googlenet.pb', data: 'imagenet500', batch: 10, samples: 60 },
  { model: 'resnet20_cifar10.pb', data: 'cifar10/test', batch: 50, samples: 1000 },
  { model: 'ncf_mlp_ml1m.pb', data: 'ml1m', batch: 1, samples: 6040 },
  { model: 'wide_deep_taxi', data: 'taxi/trips.csv', batch: 100, samples: 5000, signature: 'predict' },
];

type Setting = {
  readonly name: string;
  readonly method?: AnyMethod;
  readonly effort?: Effort;
  readonly corrections?: Partial<Corrections>;
};

/** The default with one correction other than it is. */
const toggles: readonly Setting[] = [
  { name: 'default, equalization none', corrections: { equalization: 'none' } },
  { name: 'default, equalization weights', corrections: { equalization: 'weights' } },
  { name: 'default, equalization smooth', corrections: { equalization: 'smooth' } },
  { name: 'default, high biases absorbed', corrections: { absorption: true } },
  { name: 'default, weights to their largest', corrections: { weights: false } },
  { name: 'default, rounding nearest', corrections: { rounding: 'none' } },
  { name: 'default, rounding all', corrections: { rounding: 'all' } },
  { name: 'default, rounding asymmetric', corrections: { rounding: 'asymmetric' } },
  { name: 'default, no bias correction', corrections: { biasSamples: 0, rounding: 'none' } },
];

const settings: readonly Setting[] = [
  ...(['default', ...effortNames.filter((name) => name !== 'default')] as const).flatMap((effort) =>
    ['mse' as const, ...anyMethodNames.filter((name) => name !== 'mse')].map((method) => ({
      name: `${method}, ${effort}`,
      method,
      effort,
    })),
  ),
  ...toggles,
];

const { values: options } = parseArgs({
  options: {
    models: { type: 'string' },
    recipes: { type: 'string' },
    limit: { type: 'string' },
    minutes: { type: 'string' },
    fresh: { type: 'boolean' },
    write: { type: 'boolean' },
  },
});

/** What one quantization was measured to be. */
type Result = { readonly figures: Evaluation['figures']; readonly samples: number; readonly seconds: number };

const cachePath = fileURLToPath(new URL('../.cache/accuracy-methods.json', import.meta.url));
const known = new Map<string, Result>(
  existsSync(cachePath) && !options.fresh ? (JSON.parse(readFileSync(cachePath, 'utf8')) as [string, Result][]) : [],
);
const deadline =
  options.minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + 60_000 * Number(options.minutes);

const samplesOf = ({ samples }: Subject): number => (options.limit === undefined ? samples : Number(options.limit));
const keyOf = (subject: Subject, setting: Setting | 'fp32'): string =>
  JSON.stringify([subject.model, samplesOf(subject), setting]);

async function keep(key: string, result: Result): Promise<void> {
  known.set(key, result);
  await writeWhole(cachePath, JSON.stringify([...known], undefined, 1));
}

/** Samples that have been read and prepared once. */
function held(samples: readonly Sample[], from: Dataset): Dataset {
  return {
    ...from,
    size: samples.length,
    samples: async function* ({ limit = samples.length } = {}) {
      yield* samples.slice(0, limit);
    },
  };
}

async function all(source: AsyncIterable<Sample>): Promise<Sample[]> {
  const found: Sample[] = [];
  for await (const sample of source) found.push(sample);
  return found;
}

type Prepared = {
  readonly model: Model;
  readonly recipe: Recipe | undefined;
  readonly calibration: Dataset;
  readonly data: Dataset;
  readonly reference: Run;
};

async function prepare(subject: Subject): Promise<Prepared | undefined> {
  const path = sharedPath(`models/${subject.model}`);
  const dataPath = sharedPath(`data/${subject.data}`);
  if (path === undefined || dataPath === undefined) return undefined;
  const recipe = await findRecipe(path);
  const model = await load(path, {
    ...(subject.signature && { signature: subject.signature }),
    ...(recipe?.outputs && /\.pb$/.test(path) && { outputs: recipe.outputs }),
  });
  const whole = fittedTo(model, await openDataset(dataPath, model, recipe));
  const isRest = recipe?.metric?.kind === 'topK' && subject.data === 'imagenet500';
  const split = evaluationSplit(whole, recipe, isRest ? 'rest' : 'all');
  const calibration = calibrationSplit(whole, recipe);
  const batches = await all(split.samples({ batch: subject.batch, limit: samplesOf(subject) }));
  const original = await compile(optimize(model));
  const run = runOf(original);
  const outputs = new Map<unknown, Awaited<ReturnType<Run>>>();
  for (const { feeds } of batches) outputs.set(feeds, await run(feeds));
  original.dispose();
  return {
    model,
    recipe,
    calibration: held(await all(calibration.samples({ limit: 100 })), calibration),
    data: held(batches, split),
    reference: async (feeds) => outputs.get(feeds)!,
  };
}

async function measure(
  { model, recipe, calibration, data, reference }: Prepared,
  { method, effort, corrections }: Setting,
  shared: Shared,
): Promise<Result> {
  const start = process.cpuUsage();
  const int8 = await quantize(model, {
    calibration,
    shared,
    progress: terminalProgress(),
    ...(method && { method }),
    ...(effort && { effort }),
    ...(corrections && { corrections }),
  });
  const { user, system } = process.cpuUsage(start);
  const session = await compile(int8);
  const { figures, samples } = await evaluate(runOf(session), data, { ...(recipe && { recipe }), reference });
  session.dispose();
  return { figures, samples, seconds: (user + system) / 1e6 };
}

async function measureSubject(subject: Subject): Promise<void> {
  const missing = settings.filter(
    (setting) =>
      !known.has(keyOf(subject, setting)) &&
      (options.recipes === undefined || options.recipes.split(';').some((text) => setting.name.includes(text))),
  );
  if (missing.length === 0) return;
  const prepared = await prepare(subject);
  if (prepared === undefined) {
    console.error(`skipped: ${subject.model} is not on this machine`);
    return;
  }
  const { recipe, data, reference } = prepared;
  const fp32 = await evaluate(reference, data, recipe && { recipe });
  await keep(keyOf(subject, 'fp32'), { ...fp32, seconds: 0 });
  for (const setting of missing) {
    if (Date.now() > deadline) return;
    const result = await measure(prepared, setting, nothingShared());
    await keep(keyOf(subject, setting), result);
    console.error(
      `${subject.model}  ${setting.name}  ${JSON.stringify(result.figures)}  ${result.seconds.toFixed(1)} s`,
    );
  }
}

const metricNames = ['top-1', 'hr@10', 'auc'] as const;

/** The change of the metric in points, and dB. */
function cell(subject: Subject, setting: Setting): string {
  const [fp32, result] = [known.get(keyOf(subject, 'fp32')), known.get(keyOf(subject, setting))];
  if (fp32 === undefined || result === undefined) return '–';
  const name = metricNames.find((metric) => metric in fp32.figures)!;
  const change = 100 * (result.figures[name]! - fp32.figures[name]!);
  const sign = change < -0.005 ? '−' : '+';
  return `${sign}${Math.abs(change).toFixed(2)} / ${result.figures.sqnr!.toFixed(1)}`;
}

function markdown(): string {
  const name = ({ model }: Subject) => model.replace(/\.pb$/, '');
  const heads = subjects.map((subject) => {
    const fp32 = known.get(keyOf(subject, 'fp32'));
    const metric = fp32 && metricNames.find((candidate) => candidate in fp32.figures);
    return metric === undefined ? name(subject) : `${name(subject)} (${metric}, ${fp32!.samples})`;
  });
  const isMeasured = (setting: Setting) => subjects.some((subject) => known.has(keyOf(subject, setting)));
  const lines = settings
    .filter(isMeasured)
    .map((setting) => `| ${[setting.name, ...subjects.map((subject) => cell(subject, setting))].join(' | ')} |`);
  return [`| recipe | ${heads.join(' | ')} |`, `|${'---|'.repeat(subjects.length + 1)}`, ...lines].join('\n');
}

const wanted = options.models?.split(',');
for (const subject of subjects)
  if (wanted === undefined || wanted.some((name) => subject.model.startsWith(name))) await measureSubject(subject);
const table = markdown();
console.log(table);
if (options.write) await writeTable('docs/accuracy.md', 'methods', table);
