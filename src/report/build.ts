import { compare } from '../api/compare.ts';
import { type Inspection, inspect } from '../api/inspect.ts';
import { feedsOf } from '../api/quantize.ts';
import { runnerOn } from '../api/runner.ts';
import { type Progress, silent } from '../base/progress.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Dataset } from '../data/dataset.ts';
import { type Evaluation, evaluate } from '../data/evaluate.ts';
import type { Recipe } from '../data/recipe/recipe.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import { codedRanges } from '../quantize/coverage.ts';
import { type Observations, observeModel } from '../quantize/observe.ts';
import type { QuantizeOptions } from '../quantize/options.ts';
import type { BackendName } from '../runtime/backends.ts';
import { compile } from '../runtime/session.ts';
import { drawStage, short } from './stage.ts';
import type { LayerData, ReportData, StageData, TrialsData, ValueData } from './types.ts';
import { valueData } from './values.ts';

export type ReportOptions = {
  readonly title: string;
  readonly facts?: ReportData['facts'];
  /** The optimized fp32 model that the int8 one was made from: its values carry the same names. */
  readonly reference?: Model;
  /** Figure 1b, where it is at hand. */
  readonly quantized?: Model;
  readonly data?: { readonly calibration: Dataset; readonly evaluation: Dataset; readonly recipe?: Recipe | undefined };
  /** Samples to measure accuracy and speed on; 100 by default. */
  readonly samples?: number;
  /** Samples to compare layer by layer and to draw histograms of; 16 by default. */
  readonly layerSamples?: number;
  /** What was left out of int8 on purpose. */
  readonly options?: QuantizeOptions;
  readonly warnings?: ReportData['warnings'];
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
  const measured = data && (await measure(model, data, options));
  const layers = reference && data ? await compareLayers(reference, model, data.evaluation, options) : [];
  const values = await describeValues(model, layers, options);
  return {
    title: options.title,
    facts: options.facts ?? [],
    size: { model: inspection.bytes, ...(original && { reference: original.bytes }) },
    int8: coverage(inspection, original),
    figures: measured?.figures ?? [],
    ...(measured && { speed: measured.speed }),
    warnings: options.warnings ?? [],
    stages: await Promise.all(stagesOf(model, options, new Set(inspection.fp32.map((row) => row.node)))),
    values,
    layers: layers.map((layer) => ({ ...layer, ...aloneOf(alone?.get(layer.layer)) })),
    fp32: inspection.fp32,
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

function stagesOf(
  model: Model,
  { reference, quantized }: ReportOptions,
  kept: ReadonlySet<string>,
): readonly Promise<StageData>[] {
  const isInt8 = [...model.graph.nodes.values()].some((node) => node.op.startsWith('Quantized'));
  const last = isInt8
    ? drawStage('c', reference ? 'c · int8' : 'int8', 'calibrated and fused: what is written and run', model, kept)
    : drawStage('model', 'fp32', 'the model as it is', model, kept);
  return [
    ...(reference
      ? [drawStage('a', 'a · fp32', 'optimized: batch norms folded, constants computed', reference, kept)]
      : []),
    ...(quantized ? [drawStage('b', 'b · quantized', 'in int8 on the ranges of each run', quantized, kept)] : []),
    last,
  ];
}

async function compareLayers(
  reference: Model,
  model: Model,
  data: Dataset,
  { layerSamples = 16, backend, progress = silent }: ReportOptions,
): Promise<readonly LayerData[]> {
  const layers = await compare(reference, model, {
    data,
    samples: layerSamples,
    openRunner: runnerOn(backend),
    progress,
  });
  return layers.map(({ layer, op, sqnr, maxError }) => ({ layer, op, sqnr: finite(sqnr), maxError: short(maxError) }));
}

/** What each value that is int8 somewhere is like in fp32, what its codes cover, and how much noise it has. */
async function describeValues(
  model: Model,
  layers: readonly LayerData[],
  { reference, data, layerSamples = 16, backend, progress, signal }: ReportOptions,
): Promise<readonly ValueData[]> {
  const ranges = codedRanges(model.graph);
  const noise = new Map(layers.map(({ layer, sqnr }) => [layer, sqnr]));
  let seen: Observations | undefined;
  if (reference !== undefined && data !== undefined) {
    const known = [...ranges.keys()].filter((key) => reference.graph.nodes.has(key));
    seen = await observeModel(reference, known, feedsOf(data.calibration, layerSamples, reference), {
      openRunner: runnerOn(backend),
      total: layerSamples,
      ...(progress && { progress }),
      ...(signal && { signal }),
    });
  }
  const keys = new Set([...ranges.keys(), ...noise.keys()]);
  return [...keys].map((key) => {
    const sqnr = noise.get(key);
    const drawn = valueData(key, seen?.values.get(key), ranges.get(key));
    return sqnr === undefined || sqnr === null ? drawn : { ...drawn, sqnr };
  });
}

type Measured = Pick<ReportData, 'figures'> & { readonly speed: NonNullable<ReportData['speed']> };

/** Accuracy and speed of the model, beside those of its reference on the same samples. */
async function measure(
  model: Model,
  { evaluation, recipe }: NonNullable<ReportOptions['data']>,
  { reference, samples = 100, backend, threads, progress, signal }: ReportOptions,
): Promise<Measured> {
  const settings = { ...(backend && { backend }), ...(threads && { threads }), ...(signal && { signal }) };
  const evaluateOn = { limit: samples, ...(recipe && { recipe }), ...(progress && { progress }) };
  using session = await compile(model, settings);
  using original = reference && (await compile(reference, settings));
  const run =
    (of: typeof session) =>
    async (feeds: Feeds): Promise<ReadonlyMap<string, Tensor>> => {
      signal?.throwIfAborted();
      return new Map(Object.entries(await of.run(Object.fromEntries(feeds))));
    };
  const fp32 = original && (await evaluate(run(original), evaluation, evaluateOn));
  const int8 = await evaluate(run(session), evaluation, {
    ...evaluateOn,
    ...(original && { reference: run(original) }),
  });
  const names = Object.keys(int8.figures);
  return {
    figures: names.map((name) => ({
      name,
      model: short(int8.figures[name]!),
      ...(fp32?.figures[name] !== undefined && { reference: short(fp32.figures[name]) }),
    })),
    speed: {
      model: short(each(int8)),
      ...(fp32 && { reference: short(each(fp32)) }),
      backend: session.backend,
    },
  };
}

const each = ({ seconds, samples }: Evaluation): number => (1000 * seconds) / Math.max(1, samples);
