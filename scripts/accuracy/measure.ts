import { openInTensorFlow } from '../../conformance/run-model.ts';
import type { TensorFlow } from '../../conformance/tensorflow.ts';
import { quantize } from '../../src/api/quantize.ts';
import { runOf } from '../../src/api/runner.ts';
import { terminalProgress } from '../../src/cli/progress.ts';
import { evaluate, type Run } from '../../src/data/evaluate.ts';
import type { Outputs } from '../../src/data/meters.ts';
import type { Recipe } from '../../src/data/recipe/recipe.ts';
import type { Model } from '../../src/graph/model.ts';
import { compile, optimize } from '../../src/index.ts';
import type { Rounding } from '../../src/kernels/requantize/rounding.ts';
import { nothingShared } from '../../src/quantize/shared.ts';
import { type Row, type Runtime, storedRow, storeRow, type Variant, variants } from './rows.ts';
import { nameOf, type Prepared, prepare, type Subject } from './subjects.ts';

export type Options = {
  readonly tf: TensorFlow | undefined;
  readonly limit: number | undefined;
  readonly sources: string;
  /** Stored rows count whatever they were measured with. */
  readonly stored: boolean;
};

/** The outputs of every batch, and the time in the model. */
type Record = { readonly outputs: readonly Outputs[]; readonly seconds: number };

/** All rows of a model: those that are stored, and what is missing measured and stored. */
export async function rowsOf(subject: Subject, options: Options): Promise<readonly Row[]> {
  const model = nameOf(subject);
  const rows: Row[] = [];
  let bench: Bench | undefined;
  for (const variant of variants.filter((one) => one !== 'int8 effort high' || subject.high))
    for (const runtime of options.tf === undefined ? (['octet'] as const) : (['octet', 'tensorflow'] as const)) {
      const old = await storedRow(model, variant, runtime);
      if (old !== undefined && (options.stored || (old.sources === options.sources && old.limit === options.limit))) {
        rows.push(old);
        continue;
      }
      if (bench === undefined) {
        const prepared = await prepare(subject, options.limit);
        if (prepared === undefined) {
          console.error(`skipped: ${model} or its data is not on this machine`);
          return rows;
        }
        bench = benchOf(prepared, options.tf);
      }
      const row = await rowOf(subject, bench, variant, runtime, options);
      await storeRow(row);
      console.error(`${model}  ${variant}  ${runtime}  ${JSON.stringify(row.figures)}  same ${row.same ?? '–'}`);
      rows.push(row);
    }
  return rows;
}

/** `exact` is octet with TensorFlow's roundings. */
type Bench = Prepared & { readonly record: (variant: Variant, runtime: Runtime | 'exact') => Promise<Record> };

/** Quantizes and runs each variant once, when it is first asked for. */
function benchOf(prepared: Prepared, tf: TensorFlow | undefined): Bench {
  const { model, calibration, data } = prepared;
  const models = new Map<Variant, Promise<Model>>();
  // Both kinds of weights see the same activations, which are observed once; effort high asks for more.
  const observed = nothingShared();
  const made = async (variant: Variant): Promise<Model> =>
    variant === 'fp32'
      ? optimize(model)
      : quantize(model, {
          calibration,
          perChannel: variant !== 'int8 per tensor',
          effort: variant === 'int8 effort high' ? 'high' : 'default',
          ...(variant !== 'int8 effort high' && { shared: observed }),
          progress: terminalProgress(),
        });
  const modelOf = (variant: Variant) => models.get(variant) ?? models.set(variant, made(variant)).get(variant)!;
  const records = new Map<string, Promise<Record>>();
  const run = async (variant: Variant, runtime: Runtime | 'exact'): Promise<Record> => {
    const candidate = await modelOf(variant);
    await using opened =
      runtime === 'tensorflow'
        ? await openInTensorFlow(tf!, candidate)
        : await inOctet(candidate, runtime === 'exact' ? 'tensorflow' : 'contract');
    const outputs: Outputs[] = [];
    let milliseconds = 0;
    for await (const { feeds } of data.samples()) {
      const start = performance.now();
      outputs.push(await opened.run(feeds));
      milliseconds += performance.now() - start;
    }
    return { outputs, seconds: milliseconds / 1000 };
  };
  const record = (variant: Variant, asked: Runtime | 'exact') => {
    // There is no rounding in fp32.
    const runtime = variant === 'fp32' && asked === 'exact' ? 'octet' : asked;
    const key = `${variant} ${runtime}`;
    return records.get(key) ?? records.set(key, run(variant, runtime)).get(key)!;
  };
  return { ...prepared, record };
}

async function inOctet(model: Model, rounding: Rounding): Promise<AsyncDisposable & { readonly run: Run }> {
  const session = await compile(model, { rounding });
  return {
    run: runOf(session),
    [Symbol.asyncDispose]: async () => session.dispose(),
  };
}

async function rowOf(
  { classes, ...subject }: Subject,
  bench: Bench,
  variant: Variant,
  runtime: Runtime,
  { sources, limit }: Options,
): Promise<Row> {
  const own = await bench.record(variant, runtime);
  const original = await bench.record('fp32', 'octet');
  const isOriginal = variant === 'fp32' && runtime === 'octet';
  const { figures, samples } = await compared(bench, own, isOriginal ? undefined : original);
  const predictions = (other: Record) =>
    classes === undefined
      ? compared(bench, own, other)
      : compared(bench, own, other, { name: 'classes', inputs: [], metric: { kind: 'topK', k: [1], output: classes } });
  const again = isOriginal || classes === undefined ? {} : await predictions(original).then((found) => found.figures);
  const sameAs = async (other: 'octet' | 'exact') =>
    (await predictions(await bench.record(variant, other))).figures.agreement!;
  return {
    model: nameOf(subject),
    variant,
    runtime,
    figures: 'agreement' in again ? { ...figures, agreement: again.agreement! } : figures,
    ...(runtime === 'tensorflow' && { same: await sameAs('octet'), exact: await sameAs('exact') }),
    samples,
    milliseconds: (1000 * own.seconds) / samples,
    sources,
    ...(limit && { limit }),
  };
}

/** The figures of what was recorded, and its agreement with another record. */
function compared(
  { data, recipe }: Bench,
  { outputs }: Record,
  other: Record | undefined,
  by: Recipe | undefined = recipe,
) {
  return evaluate(replayed(outputs), data, {
    ...(by && { recipe: by }),
    ...(other && { reference: replayed(other.outputs) }),
  });
}

/** Gives what was recorded, batch by batch. */
function replayed(outputs: readonly Outputs[]): Run {
  let at = 0;
  return async () => outputs[at++]!;
}
