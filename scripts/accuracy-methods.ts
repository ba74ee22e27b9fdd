/**
 * Measures each method of calibration with each effort, and each correction by itself, on the shared models: in octet's
 * integer arithmetic, against fp32 on the same samples. Results are kept in .cache by a digest of what is measured: the graph
 * before it is corrected (so the ranges and scales that were chosen), the corrections, and their source. So what a change of
 * octet does not touch is not measured again, and what it does is. `--write` puts the latest results into docs/accuracy.md;
 * with `--minutes 0` without looking whether they still hold.
 *
 *     npx tsx scripts/accuracy-methods.ts [--models a,b] [--recipes text] [--limit N] [--minutes N] [--fresh] [--write]
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
import { digestsOf } from '../src/graph/digest.ts';
import type { Model } from '../src/graph/model.ts';
import { compile, load, optimize } from '../src/index.ts';
import { type AnyMethod, anyMethodNames } from '../src/quantize/observers/methods.ts';
import { type Corrections, type Effort, efforts } from '../src/quantize/quantize.ts';
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

const methodsOf = (effort: Effort, names: readonly AnyMethod[]): readonly Setting[] =>
  names.map((method) => ({ name: `${method}, ${effort}`, method, effort }));

const methods: readonly AnyMethod[] = ['mse', ...anyMethodNames.filter((name) => name !== 'mse')];
const withDefault = [{ name: 'default' }, ...methodsOf('default', methods)];

/** Of large networks: all methods where nothing is corrected on samples, and what the default corrects. */
const ofLarge: readonly Setting[] = [
  ...methodsOf('default', ['mse', 'minmax']),
  ...methodsOf(
    'low',
    methods.filter((method) => method !== 'auto'),
  ),
  ...toggles.filter(({ name }) => /largest$|nearest$|no bias/.test(name)),
];

/** `high` takes longest and does little: two methods show it. */
const ofSmall: readonly Setting[] = [
  ...methodsOf('low', methods),
  ...methodsOf('high', ['mse', 'relative']),
  ...toggles,
];

/** What is measured of which models, a table each. */
const tables: readonly { readonly models: readonly string[]; readonly settings: readonly Setting[] }[] = [
  { models: ['mobilenet_v2.pb', 'efficientnet_lite0.pb', 'googlenet.pb'], settings: ofLarge },
  { models: ['resnet20_cifar10.pb', 'ncf_mlp_ml1m.pb', 'wide_deep_taxi'], settings: withDefault },
  { models: ['resnet20_cifar10.pb', 'ncf_mlp_ml1m.pb'], settings: ofSmall },
];

const settingsOf = ({ model }: Subject): readonly Setting[] =>
  tables.flatMap(({ models, settings }) => (models.includes(model) ? settings : []));

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
type Cache = {
  /** By digests of what was measured. */
  readonly results: Map<string, Result>;
  /** The digest that each cell of the table had last. */
  readonly latest: Map<string, string>;
};

function readCache(): Cache {
  const found = existsSync(cachePath) && !options.fresh ? JSON.parse(readFileSync(cachePath, 'utf8')) : {};
  return { results: new Map(found.results), latest: new Map(found.latest) };
}

const cache = readCache();
const deadline =
  options.minutes === undefined ? Number.POSITIVE_INFINITY : Date.now() + 60_000 * Number(options.minutes);

const samplesOf = ({ samples }: Subject): number => (options.limit === undefined ? samples : Number(options.limit));
const cellOf = (subject: Subject, setting: Setting | 'fp32'): string =>
  JSON.stringify([subject.model, samplesOf(subject), setting === 'fp32' ? setting : setting.name]);
const resultOf = (subject: Subject, setting: Setting | 'fp32'): Result | undefined =>
  cache.results.get(cache.latest.get(cellOf(subject, setting)) ?? '');

async function keep(cell: string, digest: string, result: Result): Promise<void> {
  cache.results.set(digest, result);
  cache.latest.set(cell, digest);
  await writeWhole(cachePath, JSON.stringify({ results: [...cache.results], latest: [...cache.latest] }, undefined, 1));
}

const hashed = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('base64');

/** Of the code that corrects layers: what it does to a graph is not seen before it has run. */
const correctionsSource = (() => {
  const folder = new URL('../src/quantize/correct/', import.meta.url);
  return hashed(readdirSync(folder).map((name) => readFileSync(new URL(name, folder), 'utf8')));
})();

const outputsDigest = ({ graph, outputs }: Model): string => {
  const digests = digestsOf(graph);
  return hashed(outputs.map(({ value }) => [digests.get(value.node), value.port]));
};

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
  const isRows = !['imagenet500', 'cifar10/test'].includes(subject.data);
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
    calibration: held(await all(calibration.samples({ limit: isRows ? 1000 : 100 })), calibration),
    data: held(batches, split),
    reference: async (feeds) => outputs.get(feeds)!,
  };
}

const uncorrected = { biasSamples: 0, rounding: 'none' } as const;
const correctionsOf = ({ effort = 'default', corrections }: Setting): Corrections => ({
  ...efforts[effort],
  ...corrections,
});

/** One `Shared` for settings that may share: with the same corrections; `auto` keeps samples that others do not. */
function sharing(): (setting: Setting) => Shared {
  const prepared: Shared['prepared'] = new Map();
  const found = new Map<string, Shared>();
  return (setting) => {
    const key = JSON.stringify([setting.method === 'auto', correctionsOf(setting)]);
    const shared = found.get(key) ?? { ...nothingShared(), prepared };
    found.set(key, shared);
    return shared;
  };
}

const quantized = (model: Model, calibration: Dataset, setting: Setting, shared: Shared) =>
  quantize(model, {
    calibration,
    shared,
    progress: terminalProgress(),
    ...(setting.method && { method: setting.method }),
    corrections: correctionsOf(setting),
  });

/** Knows what was measured before by what the setting makes of the model before it corrects it. */
async function measure(
  { model, recipe, calibration, data, reference }: Prepared,
  setting: Setting,
  sharedBy: (setting: Setting) => Shared,
): Promise<{ readonly digest: string; readonly result: Result }> {
  const { biasSamples, rounding } = correctionsOf(setting);
  // Where methods are tried, corrected models are: what is chosen shows in the result only.
  const isTried = setting.method === undefined || setting.method === 'auto';
  const before = isTried ? setting : { ...setting, corrections: { ...setting.corrections, ...uncorrected } };
  const start = process.cpuUsage();
  const first = await quantized(model, calibration, before, sharedBy(before));
  const isCorrected = !isTried && biasSamples > 0;
  const digest = hashed([outputsDigest(first), data.size, isCorrected && [biasSamples, rounding, correctionsSource]]);
  const known = cache.results.get(digest);
  if (known !== undefined) return { digest, result: known };
  const int8 = isCorrected ? await quantized(model, calibration, setting, sharedBy(setting)) : first;
  const { user, system } = process.cpuUsage(start);
  const session = await compile(int8);
  const { figures, samples } = await evaluate(runOf(session), data, { ...(recipe && { recipe }), reference });
  session.dispose();
  return { digest, result: { figures, samples, seconds: (user + system) / 1e6 } };
}

async function measureSubject(subject: Subject): Promise<void> {
  const wanted = settingsOf(subject).filter(
    ({ name }) => options.recipes === undefined || options.recipes.split(';').some((text) => name.includes(text)),
  );
  if (wanted.length === 0 || Date.now() >= deadline) return;
  const prepared = await prepare(subject);
  if (prepared === undefined) {
    console.error(`skipped: ${subject.model} is not on this machine`);
    return;
  }
  const { model, recipe, data, reference } = prepared;
  const fp32 = await evaluate(reference, data, recipe && { recipe });
  await keep(cellOf(subject, 'fp32'), hashed([outputsDigest(model), data.size]), { ...fp32, seconds: 0 });
  const sharedBy = sharing();
  for (const setting of wanted) {
    if (Date.now() >= deadline) return;
    const { digest, result } = await measure(prepared, setting, sharedBy);
    await keep(cellOf(subject, setting), digest, result);
    console.error(
      `${subject.model}  ${setting.name}  ${JSON.stringify(result.figures)}  ${result.seconds.toFixed(1)} s`,
    );
  }
}

const metricNames = ['top-1', 'hr@10', 'auc'] as const;

/** The change of the metric in points, and dB. */
function cell(subject: Subject, setting: Setting): string {
  const [fp32, result] = [resultOf(subject, 'fp32'), resultOf(subject, setting)];
  if (fp32 === undefined || result === undefined) return '–';
  const name = metricNames.find((metric) => metric in fp32.figures)!;
  const change = 100 * (result.figures[name]! - fp32.figures[name]!);
  const sign = change < -0.005 ? '−' : '+';
  return `${sign}${Math.abs(change).toFixed(2)} / ${result.figures.sqnr!.toFixed(1)}`;
}

function markdown({ models, settings }: (typeof tables)[number]): string {
  const of = subjects.filter(({ model }) => models.includes(model));
  const heads = of.map((subject) => {
    const name = subject.model.replace(/\.pb$/, '');
    const fp32 = resultOf(subject, 'fp32');
    const metric = fp32 && metricNames.find((candidate) => candidate in fp32.figures);
    return metric === undefined ? name : `${name} (${metric}, ${fp32!.samples})`;
  });
  const lines = settings.map(
    (setting) => `| ${[setting.name, ...of.map((subject) => cell(subject, setting))].join(' | ')} |`,
  );
  return [`| recipe | ${heads.join(' | ')} |`, `|${'---|'.repeat(of.length + 1)}`, ...lines].join('\n');
}

const wanted = options.models?.split(',');
for (const subject of subjects)
  if (wanted === undefined || wanted.some((name) => subject.model.startsWith(name))) await measureSubject(subject);
const table = tables.map(markdown).join('\n\n');
console.log(table);
if (options.write) await writeTable('docs/accuracy.md', 'methods', table);
