import { evaluateNode } from '../api/model.ts';
import { feedsOf } from '../api/quantize.ts';
import { runnerOn } from '../api/runner.ts';
import { type Progress, silent } from '../base/progress.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Dataset } from '../data/dataset.ts';
import { type Figures, metersFor } from '../data/meters.ts';
import { sqnr } from '../data/metrics/sqnr.ts';
import type { Recipe } from '../data/recipe/recipe.ts';
import { formatValue, type Graph, parseValue, type Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds, OpenRunner, Runner } from '../graph/runner.ts';
import { defaultMethod, neverNegative, observedKeys } from '../quantize/calibrate.ts';
import { chooseRanges } from '../quantize/choose-ranges.ts';
import { extract, frontier } from '../quantize/extract.ts';
import { layersOf } from '../quantize/layers.ts';
import { observeModel } from '../quantize/observe.ts';
import type { Method } from '../quantize/observers/methods.ts';
import type { QuantizeOptions } from '../quantize/options.ts';
import { finish } from '../quantize/quantize.ts';
import { quantizeGraph } from '../quantize/quantize-graph.ts';
import { sitesOf } from '../quantize/sites.ts';
import { chooseWeights } from '../quantize/weight-limits.ts';

/** What int8 costs in one layer. All in fp32 but this layer, so that the causes do not mix. */
export type Sensitivity = {
  /** The convolution or matmul, and the value behind its bias and relu. */
  readonly layer: string;
  readonly value: string;
  readonly op: string;
  /** SQNR in dB of what the layer gives when it alone is int8. */
  readonly own: number;
  /** What the whole model gives then, measured against fp32: `sqnr`, `agreement` and the recipe's figures. */
  readonly figures?: Figures;
  /** The same figures when all layers but this one are int8: what giving it back to fp32 is worth. */
  readonly without?: Figures;
};

export type SensitivityOptions = Pick<QuantizeOptions, 'perChannel' | 'excludeOps' | 'excludeNodes'> & {
  readonly calibration: Dataset;
  /** What the noise is measured on; the calibration data where it is left out. */
  readonly data?: Dataset;
  readonly recipe?: Recipe | undefined;
  /** Samples to measure with: 8 by default; ranges are chosen on twice as many. */
  readonly samples?: number;
  /**
   * How many of the layers, those that are worst by themselves first, are followed to the model's outputs: all by default.
   * Noise of the first layers may look small and yet be what the outputs suffer from most.
   */
  readonly worst?: number;
  /** Whether to measure those also as the only fp32 layer of an int8 model. */
  readonly aloneInFp32?: boolean;
  readonly method?: Method;
  readonly openRunner?: OpenRunner;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
};

/**
 * What quantizing each layer costs, worst first. Nothing is computed twice: one fp32 run a sample gives the inputs of all
 * layers, each of which is then run by itself and followed to the outputs through the part of the graph behind it. `model` is optimized. Biases are not corrected, which would hide what a layer loses.
 */
export async function sensitivity(model: Model, options: SensitivityOptions): Promise<readonly Sensitivity[]> {
  const { worst = Number.POSITIVE_INFINITY } = options;
  const variants = await variantsOf(model, options);
  const own = await ownNoise(model, variants, options);
  const order = variants.map((variant, i) => ({ variant, own: own[i]! })).sort((x, y) => x.own - y.own);
  const followed = order.slice(0, worst).map(({ variant }) => variant);
  const figures = await figuresOf(
    model,
    followed.map((variant) => () => behind(variant.alone, variant)),
    options,
  );
  const without = options.aloneInFp32
    ? await figuresOf(
        model,
        followed.map((variant) => () => whole(variant.others(), model)),
        options,
      )
    : [];
  const measured = order.map(
    ({ variant: { layer, value, op }, own: noise }, i): Sensitivity => ({
      layer,
      value,
      op,
      own: noise,
      ...(figures[i] && { figures: figures[i] }),
      ...(without[i] && { without: without[i] }),
    }),
  );
  return measured.sort((x, y) => (x.figures?.sqnr ?? 1000 + x.own) - (y.figures?.sqnr ?? 1000 + y.own));
}

/** A model in which one layer alone is int8; and, when asked for, the one in which it alone is not. */
type Variant = {
  readonly layer: string;
  readonly value: string;
  readonly op: string;
  readonly alone: Model;
  readonly others: () => Model;
  /** The fp32 values that do not depend on the layer. */
  readonly before: ReadonlySet<string>;
};

async function variantsOf(model: Model, options: SensitivityOptions): Promise<readonly Variant[]> {
  const { calibration, samples = 8, method = defaultMethod, openRunner = runnerOn(), progress, signal } = options;
  const { graph } = model;
  const layers = layersOf(quantizeGraph(model, options).graph);
  const inputs = layers.map(({ origin }) => formatValue(graph.node(origin).inputs[0]!));
  const keys = [...observedKeys(model, options), ...inputs];
  const seen = await observeModel(model, keys, feedsOf(calibration, 2 * samples, model), {
    openRunner,
    total: 2 * samples,
    ...(progress && { progress }),
    ...(signal && { signal }),
  });
  const chosen = { ...options, isNonNegative: neverNegative(seen), weights: chooseWeights(model, options) };
  const quantizeBut = (names: readonly string[]): Model => {
    const b = quantizeGraph(model, { ...chosen, excludeNodes: [...(options.excludeNodes ?? []), ...names] });
    return finish(b, chooseRanges(seen, sitesOf(b.graph), method), { evaluate: evaluateNode });
  };
  // Poolings and what moves codes too: the layer's own value is to be there in fp32.
  const names = [...graph.nodes.keys()];
  return layers.map(({ origin, key }) => ({
    layer: origin,
    value: key,
    op: graph.node(origin).op,
    alone: quantizeBut(names.filter((name) => name !== origin)),
    others: () => quantizeBut([origin]),
    before: valuesBefore(graph, origin),
  }));
}

/** The values that some node reads and that do not depend on `name`. */
function valuesBefore(graph: Graph, name: string): Set<string> {
  const after = new Set([name]);
  const stack = [name];
  while (stack.length > 0)
    for (const { node } of graph.consumers(stack.pop()!)) {
      if (after.has(node.name)) continue;
      after.add(node.name);
      stack.push(node.name);
    }
  const reads = [...graph.nodes.values()].flatMap((node) => node.inputs);
  return new Set(
    reads.filter((v) => !after.has(v.node) && graph.node(v.node).op !== 'Const').map((v) => formatValue(v)),
  );
}

/** A part of a variant that is run on values of the fp32 model. */
type Part = { readonly model: Model; readonly fetches: readonly Value[]; readonly known: readonly string[] };

const part = (model: Model, fetches: readonly Value[], before: ReadonlySet<string>): Part => ({
  model,
  fetches,
  known: frontier(model.graph, fetches, before),
});
const layerItself = (variant: Variant): Part => part(variant.alone, [parseValue(variant.value)], variant.before);
const behind = (model: Model, { before }: Variant): Part =>
  part(
    model,
    model.outputs.map((output) => output.value),
    before,
  );
const whole = (model: Model, { inputs, outputs }: Model): Part => ({
  model,
  fetches: outputs.map((output) => output.value),
  known: inputs.map((input) => formatValue(input.value)),
});

/** SQNR of each layer's own value. */
async function ownNoise(model: Model, variants: readonly Variant[], options: SensitivityOptions): Promise<number[]> {
  const meters = variants.map(() => sqnr());
  const values = variants.map((variant) => parseValue(variant.value));
  await runParts(model, variants.map(layerItself), values, 'layers by themselves', options, (i, [found], fp32) =>
    meters[i]!.add(fp32[i]!.data as Float32Array, found!.data as Float32Array),
  );
  return meters.map((meter) => meter.value());
}

/** So many parts are open at a time: each may hold most of the model's weights. */
const atATime = 16;

/** The figures of the model's outputs as each part gives them. */
async function figuresOf(
  model: Model,
  parts: readonly (() => Part)[],
  options: SensitivityOptions,
): Promise<Figures[]> {
  const keyed = (tensors: readonly Tensor[]) => new Map(model.outputs.map(({ key }, i) => [key, tensors[i]!]));
  const values = model.outputs.map((output) => output.value);
  const figures: Figures[] = [];
  for (let at = 0; at < parts.length; at += atATime) {
    const some = parts.slice(at, at + atATime).map((make) => make());
    const meters = some.map(() => metersFor(options.recipe, true));
    const task = `layers to the outputs (${at + 1} to ${at + some.length} of ${parts.length})`;
    await runParts(model, some, values, task, options, (i, found, fp32, sample) => {
      for (const meter of meters[i]!) meter.add(keyed(found), sample, keyed(fp32));
    });
    figures.push(...meters.map((list) => Object.assign({}, ...list.map((meter) => meter.figures())) as Figures));
  }
  return figures;
}

type Take = (part: number, found: readonly Tensor[], fp32: readonly Tensor[], sample: Sample) => void;
type Sample = Parameters<ReturnType<typeof metersFor>[number]['add']>[1];

/** Runs the fp32 model once a sample, for `values` and what the parts start from, then every part. */
async function runParts(
  model: Model,
  parts: readonly Part[],
  values: readonly Value[],
  task: string,
  { data, calibration, samples = 8, openRunner = runnerOn(), progress = silent, signal }: SensitivityOptions,
  take: Take,
): Promise<void> {
  const starts = [...new Set(parts.flatMap(({ known }) => known))];
  const inputs = new Map(model.inputs.map((input) => [formatValue(input.value), input.key]));
  const computed = starts.filter((key) => !inputs.has(key));
  const runner = await openRunner(model, [...values, ...computed.map(parseValue)]);
  const runners: Runner[] = [];
  progress.start(task, samples);
  try {
    for await (const sample of (data ?? calibration).samples({ limit: samples })) {
      const found = await runner.run(sample.feeds);
      const known = new Map(computed.map((key, i) => [key, found[values.length + i]!]));
      for (const [key, name] of inputs) known.set(key, sample.feeds.get(name)!);
      for (const [i, each] of parts.entries()) {
        signal?.throwIfAborted();
        runners[i] ??= await openPart(each, known, openRunner);
        take(i, await runners[i].run(pick(known, each.known)), found, sample);
      }
      progress.advance();
    }
  } finally {
    progress.finish();
    runner.dispose();
    for (const each of runners) each?.dispose();
  }
}

const pick = (known: ReadonlyMap<string, Tensor>, keys: readonly string[]): Feeds =>
  new Map(keys.map((key) => [key, known.get(key)!]));

/** Sizes but for the batch are taken from the first sample: the model's own may be unknown. */
function openPart({ model, fetches, known }: Part, values: ReadonlyMap<string, Tensor>, openRunner: OpenRunner) {
  const types = new Map(
    known.map((key) => {
      const { dtype, shape } = values.get(key)!;
      return [key, { dtype, shape: shape.map((size, axis) => (axis === 0 ? null : size)) }] as const;
    }),
  );
  return openRunner(extract(model, fetches, types), fetches);
}
