import { silent } from '../base/progress.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import { autoRanges, autoSamples } from './auto-ranges.ts';
import { layersOf } from './layers.ts';
import { type Observations, type ObserveOptions, observeModel } from './observe.ts';
import { type AnyMethod, chooseRange, type Method } from './observers/methods.ts';
import type { QuantizeOptions } from './options.ts';
import { quantizeGraph } from './quantize-graph.ts';
import type { Ranges } from './ranges.ts';
import { type Site, sitesOf } from './sites.ts';

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

/** The ranges of `sites` by `method` (or their own of `methods`), from what has been seen. */
export const chooseRanges = (
  seen: Observations,
  sites: readonly Site[],
  method: Method,
  methods?: QuantizeOptions['methods'],
): Ranges => ({
  method,
  samples: seen.samples,
  ranges: new Map(
    sites.flatMap(({ key, form }) => {
      const distribution = seen.values.get(key);
      return distribution === undefined
        ? []
        : [[key, chooseRange(methods?.get(key) ?? method, distribution, form)] as const];
    }),
  ),
});

/**
 * Runs an fp32 model on samples and chooses a range for each value that is to be int8. Throws as `observeModel` does.
 */
export async function calibrate(
  model: Model,
  samples: AsyncIterable<Feeds>,
  { method = defaultMethod, ...options }: ObserveOptions & QuantizeOptions & { readonly method?: AnyMethod },
): Promise<Ranges> {
  const feeds: Feeds[] = [];
  const tried = method === 'auto' ? autoSamples : 0;
  const seen = await observeModel(model, observedKeys(model, options), keepingFirst(samples, tried, feeds), options);
  const { graph } = quantizeGraph(model, { ...options, isNonNegative: neverNegative(seen) });
  const sites = sitesOf(graph);
  return method === 'auto'
    ? autoRanges(model, seen, sites, { progress: silent, ...options, feeds })
    : chooseRanges(seen, sites, method, options.methods);
}

/** The same samples; puts the first `count` into `to` as they go by, also where an earlier pass has observed them. */
async function* keepingFirst(samples: AsyncIterable<Feeds>, count: number, to: Feeds[]): AsyncGenerator<Feeds> {
  for await (const feeds of samples) {
    if (to.length < count) to.push(feeds);
    yield feeds;
  }
}
