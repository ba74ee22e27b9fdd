import { compare } from '../api/compare.ts';
import { type Inspection, inspect } from '../api/inspect.ts';
import { feedsOf } from '../api/quantize.ts';
import { runnerOn, runOf } from '../api/runner.ts';
import { type Drift, findWarnings } from '../api/warnings.ts';
import { UserError } from '../base/errors.ts';
import { type Progress, silent } from '../base/progress.ts';
import type { Dataset } from '../data/dataset.ts';
import { evaluate } from '../data/evaluate.ts';
import type { Recipe } from '../data/recipe/recipe.ts';
import type { Model } from '../graph/model.ts';
import { codedRanges } from '../quantize/coverage.ts';
import { type Observations, observeModel } from '../quantize/observe.ts';
import type { QuantizeOptions } from '../quantize/options.ts';
import type { BackendName } from '../runtime/backends.ts';
import { compile } from '../runtime/session.ts';
import { behindChoices } from './chosen.ts';
import { short } from './short.ts';
import { stagesOf } from './stages.ts';
import { measureSpeed, measureTime } from './time.ts';
import type { LayerData, ReportData, TrialsData, ValueData } from './types.ts';
import { valueData } from './values.ts';

export type ReportOptions = {
  readonly title: string;
  readonly facts?: ReportData['facts'];
  /** The optimized fp32 model that the int8 one was made from: its values carry the same names. */
  readonly reference?: Model;
  /** Figure 1b, where it is at hand. */
  readonly quantized?: Model;
  readonly data?: { readonly calibration: Dataset; readonly evaluation: Dataset; readonly recipe?: Recipe | undefined };
  /** Samples to measure accuracy on; 100 by default. */
  readonly samples?: number;
  /** Samples to compare layer by layer and to draw histograms of; 16 by default. */
  readonly layerSamples?: number;
  /** What was left out of int8 on purpose. */
  readonly options?: QuantizeOptions;
  /** What quantizing warned of; found again from reference and data where it is not given. */
  readonly warnings?: ReportData['warnings'];
  /** How the data differs from what the fp32 model was trained on. */
  readonly drift?: Drift | undefined;
  /** SQNR of the outputs when a layer alone is int8, by the layer's name. */
  readonly alone?: ReadonlyMap<string, number>;
  readonly trials?: TrialsData;
  readonly backend?: BackendName | 'auto';
  readonly threads?: number;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
};

/** Gathers what the report shows of `model`: with a reference and data all of it, else what the graph alone tells. */
export async function buildReport(model: Model, options: ReportOptions): Promise<ReportData> {
  const { reference, data, alone } = options;
  const inspection = inspect(model, options.options);
  const original = reference && inspect(reference, options.options);
  const fp32 = withReasons(inspection, original);
  const measured = data && (await measure(model, data, options));
  const layers = reference && data ? await compareLayers(reference, model, data.evaluation, options) : [];
  const seen = await observe(model, options);
  return {
    title: options.title,
    facts: options.facts ?? [],
    size: { model: inspection.bytes, ...(original && { reference: original.bytes }) },
    int8: coverage(inspection, original),
    figures: [],
    ...measured,
    ...(await timed(model, options)),
    warnings: options.warnings ?? (reference ? warningsOf(reference, model, seen, options.drift) : []),
    stages: await stagesOf(model, options, new Map(fp32.map(({ node, reason }) => [node, reason]))),
    values: describeValues(model, layers, seen),
    layers: layers.map((layer) => ({ ...layer, ...aloneOf(alone?.get(layer.layer)) })),
    fp32,
    ...(options.trials && { trials: options.trials }),
  };
}

const aloneOf = (sqnr: number | undefined) => (sqnr === undefined ? {} : { alone: finite(sqnr) });
const finite = (x: number): number | null => (Number.isFinite(x) ? short(x) : null);

const coverage = ({ int8, macs, fp32 }: Inspection, original: Inspection | undefined): ReportData['int8'] => ({
  nodes: int8.nodes,
  of: int8.nodes + fp32.length,
  macs: int8.macs,
  allMacs: original?.macs ?? macs,
});

/** What stays in fp32; a quantized model has forgotten why, the one it was made from may tell. */
function withReasons({ fp32 }: Inspection, original: Inspection | undefined): ReportData['fp32'] {
  const reasons = new Map(original?.fp32.map(({ node, reason }) => [node, reason]));
  return fp32.map((row) => ({ ...row, reason: reasons.get(row.node) ?? row.reason }));
}

async function compareLayers(
  reference: Model,
  model: Model,
  data: Dataset,
  { layerSamples = 16, backend, progress = silent, signal }: ReportOptions,
): Promise<readonly LayerData[]> {
  const layers = await compare(reference, model, {
    data,
    samples: layerSamples,
    openRunner: runnerOn(backend),
    progress,
    ...(signal && { signal }),
  });
  const chosen = behindChoices(reference.graph);
  return layers
    .filter(({ layer }) => !chosen.has(layer))
    .map(({ layer, op, sqnr, maxError }) => ({ layer, op, sqnr: finite(sqnr), maxError: short(maxError) }));
}

/** What the values that are int8 somewhere are like in fp32. */
async function observe(
  model: Model,
  { reference, data, layerSamples = 16, backend, progress, signal }: ReportOptions,
): Promise<Observations> {
  if (reference === undefined || data === undefined) return { samples: 0, values: new Map() };
  const known = [...codedRanges(model.graph).keys()].filter((key) => reference.graph.nodes.has(key));
  return observeModel(reference, known, feedsOf(data.calibration, layerSamples, reference), {
    openRunner: runnerOn(backend),
    total: layerSamples,
    ...(progress && { progress }),
    ...(signal && { signal }),
  });
}

/** Each value with what its codes cover, and how much noise it has. */
function describeValues(model: Model, layers: readonly LayerData[], seen: Observations): readonly ValueData[] {
  const ranges = codedRanges(model.graph);
  const noise = new Map(layers.map(({ layer, sqnr }) => [layer, sqnr]));
  return [...new Set([...ranges.keys(), ...noise.keys()])].map((key) => {
    const sqnr = noise.get(key);
    const drawn = valueData(key, seen.values.get(key), ranges.get(key));
    return sqnr === undefined || sqnr === null ? drawn : { ...drawn, sqnr };
  });
}

/** What quantizing would warn of, but for the number of samples, which a model does not tell. */
const warningsOf = (fp32: Model, int8: Model, seen: Observations, drift: Drift | undefined) =>
  findWarnings({ fp32, int8, seen, early: { samples: 0, ranges: new Map() }, drift }).filter(
    ({ kind }) => kind !== 'few samples',
  );

/** Speed and its parts, as far as this machine can tell them. */
async function timed(model: Model, options: ReportOptions): Promise<Pick<ReportData, 'speed' | 'time'>> {
  const { reference, data, backend, threads, progress = silent, signal } = options;
  const settings = { data: data?.evaluation, backend, threads, signal };
  progress.start('timing', 2);
  try {
    const speed = await unlessImpossible(measureSpeed({ model, reference }, settings));
    progress.advance();
    const time = speed?.backend === 'native' && (await unlessImpossible(measureTime({ model, reference }, settings)));
    progress.advance();
    return { ...(speed && { speed }), ...(time && { time }) };
  } finally {
    progress.finish();
  }
}

/** Models of strings have no noise to run on, and not every machine runs generated code: the rest of the report stands. */
async function unlessImpossible<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Accuracy of the model, beside that of its reference on the same samples. */
async function measure(
  model: Model,
  { evaluation, recipe }: NonNullable<ReportOptions['data']>,
  { reference, samples = 100, backend, threads, progress, signal }: ReportOptions,
): Promise<Pick<ReportData, 'figures' | 'samples'>> {
  const settings = { ...(backend && { backend }), ...(threads && { threads }), ...(signal && { signal }) };
  using session = await compile(model, settings);
  using original = reference && (await compile(reference, settings));
  const found = await evaluate(runOf(session, signal), evaluation, {
    limit: samples,
    ...(recipe && { recipe }),
    ...(progress && { progress }),
    ...(original && { reference: runOf(original, signal) }),
  });
  return {
    samples: found.samples,
    figures: Object.entries(found.figures).map(([name, figure]) => {
      const expected = found.reference?.figures[name];
      return { name, model: short(figure), ...(expected !== undefined && { reference: short(expected) }) };
    }),
  };
}
