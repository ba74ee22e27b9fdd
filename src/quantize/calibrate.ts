import { silent } from '../base/progress.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import { autoRanges, bytesOfFeeds, mostTried, triedBytes } from './auto-ranges.ts';
import { chooseRanges } from './choose-ranges.ts';
import { freezeRanges } from './freeze.ts';
import { layersOf } from './layers.ts';
import { type Observations, type ObserveOptions, observeModel } from './observe.ts';
import type { AnyMethod, Method } from './observers/methods.ts';
import type { QuantizeOptions } from './options.ts';
import { quantizeGraph } from './quantize-graph.ts';
import type { Ranges } from './ranges.ts';
import { sitesOf } from './sites.ts';

/** How ranges are chosen by default: by the least squared error. */
export const defaultMethod = 'mse' satisfies Method;

/** The values of an fp32 model that quantizing it asks about: those that want a range, and what its layers give. */
export function observedKeys(model: Model, options: QuantizeOptions = {}): readonly string[] {
  const { graph } = quantizeGraph(model, options);
  return [...new Set([...sitesOf(graph).map((site) => site.key), ...layersOf(graph).map((layer) => layer.key)])];
}

/** Whether a value was never negative, so that it can be held as quint8. */
export const neverNegative =
  ({ values }: Observations) =>
  (key: string): boolean =>
    (values.get(key)?.min ?? -1) >= 0;

/**
 * Runs an fp32 model on samples and chooses a range for each value that is to be int8. Throws as `observeModel` does.
 */
export async function calibrate(
  model: Model,
  samples: AsyncIterable<Feeds>,
  { method = defaultMethod, ...options }: ObserveOptions & QuantizeOptions & { readonly method?: AnyMethod },
): Promise<Ranges> {
  const feeds: Feeds[] = [];
  const kept = method === 'auto' ? triedBytes : 0;
  const seen = await observeModel(model, observedKeys(model, options), keepingFirst(samples, kept, feeds), options);
  const b = quantizeGraph(model, { ...options, isNonNegative: neverNegative(seen) });
  const sites = sitesOf(b.graph);
  if (method !== 'auto') return chooseRanges(seen, sites, method, options.methods);
  const int8 = async (ranges: Ranges) => freezeRanges(b, ranges);
  return autoRanges(model, seen, sites, { progress: silent, ...options, feeds, int8 });
}

/** The same samples; puts the first into `to` as they go by, up to so many bytes, also where an earlier pass has observed them. */
async function* keepingFirst(samples: AsyncIterable<Feeds>, bytes: number, to: Feeds[]): AsyncGenerator<Feeds> {
  let left = bytes;
  for await (const feeds of samples) {
    if (left > 0 && to.length < mostTried) to.push(feeds);
    left -= bytesOfFeeds(feeds);
    yield feeds;
  }
}
