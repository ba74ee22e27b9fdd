import { debug } from '../../base/flags.ts';
import { silent } from '../../base/progress.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds } from '../../graph/runner.ts';
import { chooseRanges } from '../choose-ranges.ts';
import { quantizableOps, whyNot } from '../eligible.ts';
import { layersOf } from '../layers.ts';
import { type Observations, observeModel } from '../observe.ts';
import type { QuantizeOptions } from '../options.ts';
import { quantizeGraph } from '../quantize-graph.ts';
import type { Ranges } from '../ranges.ts';
import { sitesOf } from '../sites.ts';
import { type CorrectOptions, correctLayers } from './correct.ts';
import { chooseSpared, type LayerNoise, measureNoise } from './layer-noise.ts';
import { type ChannelMeans, channelMeans } from './means.ts';

/** Samples that the noise of layers is measured on. */
const noiseSamples = 8;
/** The largest share of the work of all layers that layers left in fp32 may have. */
const largestShare = 0.125;

export type SpareOptions = Pick<CorrectOptions, 'openRunner' | 'progress' | 'signal'> & {
  /** By how many dB the noise is to fall. */
  readonly spared: number;
  /** Figure 1b → 1c. */
  readonly finish: (b: Model, ranges: Ranges) => Model;
  readonly seen: Observations;
  readonly means: ChannelMeans;
  readonly noise?: Map<string, LayerNoise> | undefined;
};

/** How to quantize a model with some layers left in fp32, and what its values are like, also those that this gives ranges to. */
export type Spared = { readonly chosen: QuantizeOptions; readonly seen: Observations };

/**
 * Leaves the layers in fp32 that bring most of the noise for what they cost, until it falls by so many dB, or their work is an
 * eighth of that of all. A layer's noise is measured with that layer alone in int8, its weights and bias corrected: it is
 * what comes of rounding its input and its weights.
 */
export async function spareLayers(a: Model, chosen: QuantizeOptions, options: SpareOptions): Promise<Spared> {
  const { spared, finish, means, noise: known, openRunner, progress = silent, signal } = options;
  const feeds = means.feeds.slice(0, noiseSamples);
  const find = { node: (name: string) => a.graph.nodes.get(name) };
  const layers = [...a.graph.nodes.values()].filter(
    (node) => (quantizableOps as readonly string[]).includes(node.op) && whyNot(node, find, chosen) === undefined,
  );
  if (feeds.length === 0 || layers.length === 0) return { chosen, seen: options.seen };
  const without = (names: readonly string[], more: Partial<QuantizeOptions> = {}) => {
    const excludeNodes = [...(chosen.excludeNodes ?? []), ...names];
    return quantizeGraph(a, { ...chosen, ...more, excludeNodes });
  };
  const others = (layer: string) => layers.flatMap(({ name }) => (name === layer ? [] : [name]));
  const settings = { rounding: 'depthwise', openRunner, ...(signal && { signal }) } as const;
  const expected = channelMeans(feeds.length);
  const keys = layers.flatMap(({ name }) => {
    const { graph } = without(others(name));
    return [...sitesOf(graph), ...layersOf(graph)].map(({ key }) => key);
  });
  const few = await observeModel(a, keys, streamOf(feeds), {
    openRunner,
    visit: expected.visit,
    ...(signal && { signal }),
  });
  const alone = async (layer: string): Promise<Model> => {
    const graph = without(others(layer));
    const ranges = chooseRanges(few, sitesOf(graph.graph), 'mse');
    const changes = await correctLayers(a, finish(graph, ranges), expected, settings);
    const weights = new Map([...(chosen.weights ?? []), ...changes.weights]);
    return finish(without(others(layer), { biases: changes.biases, weights }), ranges);
  };
  progress.start('measuring', layers.length);
  const noise = await measureNoise(a, layers, { alone, feeds, openRunner, known, progress, signal });
  progress.finish();
  const names = chooseSpared(noise, { gain: spared, share: largestShare });
  const total = noise.reduce((sum, layer) => sum + layer.noise, 0);
  debug(2, () =>
    noise.map((l) => `${l.layer} ${((100 * l.noise) / total).toFixed(1)} % of noise, ${l.cost}`).join('\n'),
  );
  debug(1, () => `left in fp32 for their noise: ${names.join(', ')}`);
  const seen = await withMissing(
    a,
    sitesOf(without(names).graph).map(({ key }) => key),
    options,
  );
  return { chosen: { ...chosen, excludeNodes: [...(chosen.excludeNodes ?? []), ...names] }, seen };
}

/** What has been seen, with values that nothing asked for before: on the samples that are kept. */
async function withMissing(
  a: Model,
  keys: readonly string[],
  { seen, means, openRunner, signal }: SpareOptions,
): Promise<Observations> {
  const missing = keys.filter((key) => !seen.values.has(key));
  if (missing.length === 0) return seen;
  const more = await observeModel(a, missing, streamOf(means.feeds), { openRunner, ...(signal && { signal }) });
  return { samples: seen.samples, values: new Map([...seen.values, ...more.values]) };
}

async function* streamOf(feeds: readonly Feeds[]): AsyncGenerator<Feeds> {
  yield* feeds;
}
