import { digestsOf } from '../graph/digest.ts';
import { parseValue } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import type { KnownCorrections } from './correct/known.ts';
import type { LayerNoise } from './correct/layer-noise.ts';
import { type ChannelMeans, channelMeans } from './correct/means.ts';
import { type Observations, type ObserveOptions, observeModel } from './observe.ts';
import type { Distribution } from './observers/distribution.ts';

/**
 * What is kept of one quantization for others of the same model, on the same samples and with the same corrections, that leave
 * other nodes in fp32. Everything is kept by a digest of all that it depends on, so that they give what they would give by
 * themselves. Not for two at once.
 */
export type Shared = {
  readonly values: Map<string, { readonly distribution: Distribution; readonly means: Float64Array | undefined }>;
  readonly corrections: KnownCorrections;
  /** fp32 models with their channels scaled for rounding. */
  readonly prepared: Map<string, Model>;
  /** What rounding each layer by itself costs, by its name. */
  readonly noise: Map<string, LayerNoise>;
  feeds: readonly Feeds[];
  /** Samples that ranges are tried on. */
  tried?: readonly Feeds[];
  samples: number;
};

export const nothingShared = (): Shared => ({
  values: new Map(),
  corrections: new Map(),
  prepared: new Map(),
  noise: new Map(),
  feeds: [],
  samples: 0,
});

type Observed = { readonly seen: Observations; readonly means: ChannelMeans };

/**
 * What the values `keys` are like over the samples, with the means of their channels over the first `count` of them: of
 * `shared` where it knows them, and by one pass over the samples, as `observeModel` makes it, where it does not.
 */
export async function observeShared(
  model: Model,
  keys: readonly string[],
  samples: AsyncIterable<Feeds>,
  count: number,
  { shared, ...options }: ObserveOptions & { readonly shared?: Shared },
): Promise<Observed> {
  const found = channelMeans(count);
  if (shared === undefined) {
    const seen = await observeModel(model, keys, samples, { ...options, visit: found.visit });
    return { seen, means: found };
  }
  const digests = digestsOf(model.graph);
  // Ports of one node differ by their key.
  const digestOf = (key: string): string => `${digests.get(parseValue(key).node)} ${key}`;
  const missing = keys.filter((key) => !shared.values.has(digestOf(key)));
  if (missing.length > 0) {
    const seen = await observeModel(model, missing, samples, { ...options, visit: found.visit });
    for (const [key, distribution] of seen.values)
      shared.values.set(digestOf(key), { distribution, means: found.of(key) });
    shared.samples = seen.samples;
    shared.feeds = found.feeds;
  }
  const values = new Map(keys.map((key) => [key, shared.values.get(digestOf(key))!.distribution]));
  const means: ChannelMeans = {
    feeds: shared.feeds,
    of: (key) => (values.has(key) ? shared.values.get(digestOf(key))!.means : undefined),
    visit: () => {},
  };
  return { seen: { samples: shared.samples, values }, means };
}
