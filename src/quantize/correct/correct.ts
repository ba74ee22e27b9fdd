import { type Progress, silent } from '../../base/progress.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Graph } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds, OpenRunner } from '../../graph/runner.ts';
import type { WeightChoice } from '../options.ts';
import { weightsOf } from '../weights.ts';
import { correctBias, dataInputs } from './bias.ts';
import { withConstantEnds } from './frozen-graph.ts';
import { changedNodes, correctionDigests, type KnownCorrections, withNodes } from './known.ts';
import type { ChannelMeans } from './means.ts';
import { openStream, type Stream } from './stream.ts';
import { type Target, targetOf, targetsOf } from './target.ts';
import { isRounded, type Rounding, roundWeights } from './weights.ts';

export type CorrectOptions = {
  readonly openRunner: OpenRunner;
  /** Which layers have their weights rounded by what their inputs are like. */
  readonly rounding: Rounding;
  /** What was found for layers of other graphs of the same model, on the same samples; takes in what is found here. */
  readonly known?: KnownCorrections | undefined;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
};

/** Samples that the fp32 model runs on beside the int8 one: its values take four times the memory. */
const exactSamples = 32;

/** What to change in the layers of the fp32 model, by their names. */
export type Changes = {
  readonly biases: ReadonlyMap<string, Float64Array>;
  readonly weights: ReadonlyMap<string, WeightChoice>;
};

/**
 * Goes through a calibrated model (figure 1c) layer by layer, on inputs that are int8 and corrected already: rounds the
 * layer's weights by what those are like, then corrects its bias by what becomes of its outputs' means. Each layer runs a few
 * times on each sample, on what is kept of those before it.
 *
 * @param a the fp32 model that `c` was made from.
 * @param means the samples, and the means of the fp32 model's values on them.
 */
export async function correctLayers(
  a: Model,
  c: Model,
  means: ChannelMeans,
  options: CorrectOptions,
): Promise<Changes> {
  const { openRunner, rounding, known, progress = silent, signal } = options;
  const biases = new Map<string, Float64Array>();
  const weights = new Map<string, WeightChoice>();
  if (means.feeds.length === 0) return { biases, weights };
  let graph = withConstantEnds(c.graph);
  const targets = targetsOf(graph);
  const digestOf = known && correctionDigests(a.graph, graph);
  const stream = openStream(c, means.feeds, openRunner, signal);
  const exact =
    rounding === 'asymmetric' ? exactStream(a, means.feeds.slice(0, exactSamples), openRunner, signal) : undefined;
  progress.start('correcting', targets.length);
  try {
    for (const [i, found] of targets.entries()) {
      const digest = digestOf?.(found) ?? '';
      const same = known?.get(digest);
      if (same !== undefined) {
        // What it gives is computed with the first layer behind it that is not known.
        graph = withNodes(graph, same.constants);
        if (same.weights !== undefined) weights.set(found.layer.origin, same.weights);
        if (same.bias !== undefined) biases.set(found.layer.origin, same.bias);
        progress.advance();
        continue;
      }
      const before = graph;
      await keepInputs(graph, found, stream);
      let target = found;
      const { origin, node } = target.layer;
      if (isRounded(rounding, node)) {
        const inputs = { codes: stream.get(node.inputs[0]!), exact: await exact?.inputsOf(origin) };
        const rounded = roundWeights(graph, target, weightsOf(a.graph, a.graph.node(origin)), inputs);
        if (rounded !== undefined) {
          graph = rounded.graph;
          weights.set(origin, rounded.choice);
          target = targetOf(graph, target.layer) ?? target;
        }
      }
      const { change, outputs, corrected } = await correctBias(graph, target, means.of(target.layer.key), stream);
      if (change !== undefined) biases.set(origin, change);
      graph = corrected;
      stream.keep(target.out, outputs);
      const later = targets.slice(i + 1).flatMap(({ layer, out }) => [...dataInputs(graph, layer.node), out]);
      stream.release(graph, later);
      exact?.release(targets.slice(i + 1).map(({ layer }) => layer.origin));
      known?.set(digest, { bias: change, weights: weights.get(origin), constants: changedNodes(before, graph) });
      progress.advance();
    }
  } finally {
    progress.finish();
  }
  return { biases, weights };
}

/** What the layers of the fp32 model read. */
function exactStream(a: Model, feeds: readonly Feeds[], openRunner: OpenRunner, signal: AbortSignal | undefined) {
  const stream = openStream(a, feeds, openRunner, signal);
  const inputOf = (origin: string) => a.graph.node(origin).inputs[0]!;
  return {
    inputsOf: async (origin: string): Promise<readonly Tensor[]> => {
      const value = inputOf(origin);
      if (!stream.has(value))
        stream.keep(
          value,
          (await stream.compute(a.graph, [value])).map(([x]) => x!),
        );
      return stream.get(value);
    },
    release: (later: readonly string[]) => stream.release(a.graph, later.map(inputOf)),
  };
}

async function keepInputs(graph: Graph, { layer }: Target, stream: Stream): Promise<void> {
  const missing = dataInputs(graph, layer.node).filter((v) => !stream.has(v));
  if (missing.length === 0) return;
  const computed = await stream.compute(graph, missing);
  for (const [i, value] of missing.entries())
    stream.keep(
      value,
      computed.map((tensors) => tensors[i]!),
    );
}
