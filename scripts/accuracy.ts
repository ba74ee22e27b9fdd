/**
 * Measures what quantization costs: each model of the shared folder as fp32, as int8 with one scale for all channels and
 * with one a channel, in octet and in TensorFlow, on the same samples. `--write` puts the table into the README.
 *
 *     npx tsx scripts/accuracy.ts [--models a,b] [--limit N] [--no-tensorflow] [--write]
 */
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { startTensorFlow, type TensorFlow } from '../conformance/tensorflow.ts';
import { quantize } from '../src/api/quantize.ts';
import { writeWhole } from '../src/base/files.ts';
import { terminalProgress } from '../src/cli/progress.ts';
import type { Dataset } from '../src/data/dataset.ts';
import { type Evaluation, evaluate, type Run } from '../src/data/evaluate.ts';
import { fittedTo, openDataset } from '../src/data/open.ts';
import type { Recipe } from '../src/data/recipe/recipe.ts';
import { calibrationSplit, evaluationSplit } from '../src/data/subset.ts';
import { writeGraphDef } from '../src/formats/index.ts';
import type { Model } from '../src/graph/model.ts';
import { compile, load, optimize } from '../src/index.ts';
import { findRecipe } from '../src/zoo/recipes/index.ts';
import { sharedPath } from '../test/support/shared.ts';

type Subject = { readonly model: string; readonly data: string; readonly batch: number; readonly signature?: string };

/** The shared models with the data they are measured on. */
const subjects: readonly Subject[] = [
  { model: 'mobilenet_v2.pb', data: 'imagenet500', batch: 10 },
  { model: 'efficientnet_lite0.pb', data: 'imagenet500', batch: 10 },
  { model: 'googlenet.pb', data: 'imagenet500', batch: 10 },
  { model: 'resnet20_cifar10.pb', data: 'cifar10/test', batch: 50 },
  { model: 'ncf_mlp_ml1m.pb', data: 'ml1m', batch: 1 },
  { model: 'wide_deep_taxi', data: 'taxi/trips.csv', batch: 100, signature: 'predict' },
  { model: 'ssd_mobilenet_v1_coco.pb', data: 'imagenet500', batch: 1 },
  { model: 'ssd_mobilenet_v1_coco_loop.pb', data: 'imagenet500', batch: 1 },
];

const { values: options } = parseArgs({
  options: {
    models: { type: 'string' },
    limit: { type: 'string' },
    'no-tensorflow': { type: 'boolean' },
    write: { type: 'boolean' },
  },
});

type Row = { readonly model: string; readonly variant: string; readonly runtime: string; readonly result: Evaluation };

const byOctet = async (model: Model): Promise<{ run: Run; close: () => void; runtime: string }> => {
  const session = await compile(model);
  const run: Run = async (feeds) => new Map(Object.entries(await session.run(Object.fromEntries(feeds))));
  return { run, close: session.dispose, runtime: `octet (${session.backend})` };
};

/** TensorFlow on the very graph; a model with initializers or assets is left to the conformance suite. */
const byTensorFlow = (model: Model, tf: TensorFlow): Run => {
  const graph = writeGraphDef(model.graph);
  const fetches = model.outputs.map(({ value }) => `${value.node}:${value.port}`);
  return async (feeds) => {
    const named = new Map(model.inputs.map(({ key, value }) => [`${value.node}:${value.port}`, feeds.get(key)!]));
    const outputs = await tf.run({ graph, feeds: named, fetches });
    return new Map(model.outputs.map(({ key }, i) => [key, outputs.get(fetches[i]!) ?? [...outputs.values()][i]!]));
  };
};

/** Half of the samples where a model has more of them than time allows is still the same half for everybody. */
const limitOf = (): number | undefined => (options.limit === undefined ? undefined : Number(options.limit));

async function measure(
  run: Run,
  data: Dataset,
  recipe: Recipe | undefined,
  batch: number,
  reference?: Run,
): Promise<Evaluation> {
  const limit = limitOf();
  return evaluate(run, data, {
    batch,
    progress: terminalProgress(),
    ...(recipe && { recipe }),
    ...(reference && { reference }),
    ...(limit && { limit }),
  });
}

async function rowsOf(subject: Subject, tf: TensorFlow | undefined): Promise<Row[]> {
  const path = sharedPath(`models/${subject.model}`);
  const dataPath = sharedPath(`data/${subject.data}`);
  if (path === undefined || dataPath === undefined) {
    console.error(`skipped: ${subject.model} is not on this machine`);
    return [];
  }
  const recipe = await findRecipe(path);
  const outputs = recipe?.outputs;
  const model = await load(path, {
    ...(subject.signature && { signature: subject.signature }),
    ...(outputs && /\.pb$/.test(path) && { outputs }),
  });
  const all = fittedTo(model, await openDataset(dataPath, model, recipe));
  const data = evaluationSplit(
    all,
    recipe,
    recipe?.metric?.kind === 'topK' && subject.data === 'imagenet500' ? 'rest' : 'all',
  );
  const calibration = calibrationSplit(all, recipe);
  const fp32 = optimize(model);
  const variants: [string, Model][] = [['fp32', fp32]];
  for (const perChannel of [false, true])
    variants.push([
      perChannel ? 'int8 per channel' : 'int8 per tensor',
      await quantize(model, { calibration, perChannel, progress: terminalProgress() }),
    ]);
  const original = await byOctet(fp32);
  const rows: Row[] = [];
  for (const [variant, candidate] of variants) {
    const octet = await byOctet(candidate);
    const isOriginal = candidate === fp32;
    const add = async (runtime: string, run: Run, reference?: Run) => {
      const result = await measure(run, data, recipe, subject.batch, reference);
      console.error(
        `${subject.model}  ${variant}  ${runtime}  ${JSON.stringify(result.figures)}  ${((1000 * result.seconds) / result.samples).toFixed(1)} ms`,
      );
      rows.push({ model: subject.model, variant, runtime, result });
    };
    await add(octet.runtime, octet.run, isOriginal ? undefined : original.run);
    // TensorFlow against octet's own run of the same graph: the agreement is that of the two runtimes.
    if (tf !== undefined && candidate.initializers.length === 0)
      await add('TensorFlow', byTensorFlow(candidate, tf), octet.run);
    octet.close();
  }
  original.close();
  return rows;
}

const number = (value: number | undefined, digits = 2): string =>
  value === undefined || Number.isNaN(value) ? '–' : value.toFixed(digits);
const share = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '–' : (100 * value).toFixed(2);

const figureNames: Readonly<Record<string, string>> = {
  'top-1': 'top-1 %',
  auc: 'AUC',
  'hr@10': 'HR@10',
  agreement: 'boxes found again %',
};

function markdown(rows: readonly Row[]): string {
  const heading =
    '| model | figure | weights | octet | TensorFlow | same prediction as fp32 % | SQNR dB | TensorFlow = octet % |\n|---|---|---|---|---|---|---|---|';
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const name = `${row.model} ${row.variant}`;
    groups.set(name, [...(groups.get(name) ?? []), row]);
  }
  const lines = [...groups.values()].map((group) => {
    const { model, variant, result } = group[0]!;
    const tensorflow = group.find(({ runtime }) => runtime === 'TensorFlow')?.result;
    const metric =
      ['top-1', 'auc', 'hr@10', 'agreement'].find(
        (name) => name in result.figures && !Number.isNaN(result.figures[name]),
      ) ?? '';
    const show = metric === 'auc' ? (v?: number) => number(v, 4) : share;
    const cells = [
      model.replace(/\.pb$/, ''),
      figureNames[metric] ?? '–',
      variant,
      show(result.figures[metric]),
      metric === 'agreement' ? '–' : show(tensorflow?.figures[metric]),
      share(result.figures.agreement),
      number(result.figures.sqnr, 1),
      share(tensorflow?.figures.agreement),
    ];
    return `| ${cells.join(' | ')} |`;
  });
  return [heading, ...lines].join('\n');
}

/** Replaces what stands between a document's marks. */
async function writeTable(path: string, name: string, table: string): Promise<void> {
  const text = readFileSync(path, 'utf8');
  const pattern = new RegExp(`(<!-- ${name} -->\n)[\\s\\S]*?(<!-- /${name} -->)`);
  if (!pattern.test(text)) throw new Error(`${path} has no marks for ${name}`);
  await writeWhole(
    path,
    text.replace(pattern, (_, start: string, end: string) => `${start}${table}\n${end}`),
  );
}

const tf = options['no-tensorflow'] ? undefined : await startTensorFlow();
const wanted = options.models?.split(',');
const rows: Row[] = [];
for (const subject of subjects) {
  if (wanted !== undefined && !wanted.some((name) => subject.model.startsWith(name))) continue;
  rows.push(...(await rowsOf(subject, tf)));
}
await tf?.[Symbol.asyncDispose]();
const table = markdown(rows);
console.log(table);
if (options.write) await writeTable('README.md', 'accuracy', table);
