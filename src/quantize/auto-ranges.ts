import { debug } from '../base/flags.ts';
import type { Progress } from '../base/progress.ts';
import { roundHalfEven } from '../base/round.ts';
import { type Tensor, tensor } from '../base/tensor.ts';
import { formatValue, type Graph, parseValue, type Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds, OpenRunner } from '../graph/runner.ts';
import { chooseRanges } from './choose-ranges.ts';
import { openStream, type Stream } from './correct/stream.ts';
import { quantizableOps } from './eligible.ts';
import { elementsASample, type Observations } from './observe.ts';
import { chooseRange, type Method, methodNames } from './observers/methods.ts';
import type { QuantizeOptions } from './options.ts';
import type { Range, Ranges } from './ranges.ts';
import type { Site } from './sites.ts';

/** The methods that a single value's range is chosen from; of equals the first. */
const candidates = [
  'mse',
  'relative',
  'minmax',
  'p99.999',
  'p99.99',
  'p99.9',
  'kl',
] as const satisfies readonly Method[];
/** Elements of values that ranges are tried on, all samples together, and samples that are tried at least. */
const mostElements = 2 ** 25;
const fewestSamples = 4;
/** Samples that are kept to try ranges on, and as bytes: 54 pictures of 224 × 224. */
export const mostTried = 100;
export const triedBytes = 2 ** 25;
/** Layers behind a value that are looked at. */
const maxReaders = 4;

export type AutoOptions = Pick<QuantizeOptions, 'methods'> & {
  /** Samples to try ranges on; of a large model the first few are taken. */
  readonly feeds: readonly Feeds[];
  /** The model with these ranges, in int8. */
  readonly int8: (ranges: Ranges) => Promise<Model>;
  readonly openRunner: OpenRunner;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
};

export function bytesOfFeeds(feeds: Feeds): number {
  let bytes = 0;
  for (const { data } of feeds.values())
    if (ArrayBuffer.isView(data)) bytes += data.byteLength;
    else for (const text of data as readonly Uint8Array[]) bytes += text.length;
  return bytes;
}

/**
 * Ranges by what they do. For each site the range, of those that the methods choose, that changes the results of the layers
 * behind it least when the value alone is rounded to it. Then these, and those of each method for all sites, as whole models in
 * int8: the ranges that change the outputs least. So what a normalization or a sigmoid makes of a large value counts, not the value.
 *
 * @param a the fp32 model.
 */
export async function autoRanges(
  a: Model,
  seen: Observations,
  sites: readonly Site[],
  options: AutoOptions,
): Promise<Ranges> {
  const count = Math.max(fewestSamples, Math.floor(mostElements / Math.max(1, elementsASample(seen))));
  const tried = { ...options, feeds: options.feeds.slice(0, count) };
  const single = await rangesByLayers(a, seen, sites, tried);
  const whole = methodNames.map((method) => chooseRanges(seen, sites, method, options.methods));
  return { ...(await leastHarmfulWhole(a, [single, ...whole], tried)), method: 'auto' };
}

/** Of the ranges that each of some methods chooses for all sites those that change the outputs least. */
export const rangesOfBest = (
  a: Model,
  seen: Observations,
  sites: readonly Site[],
  names: readonly Method[],
  options: AutoOptions,
): Promise<Ranges> =>
  leastHarmfulWhole(
    a,
    names.map((method) => chooseRanges(seen, sites, method, options.methods)),
    options,
  );

/** The ranges that change the outputs least, in int8; the first where no output can be compared. */
async function leastHarmfulWhole(
  a: Model,
  tried: readonly Ranges[],
  { feeds, int8, openRunner, progress, signal }: AutoOptions,
): Promise<Ranges> {
  const outputs = a.outputs.filter(({ dtype }) => dtype === 'float32').map(({ key }) => key);
  const run = async (model: Model): Promise<readonly (readonly Tensor[])[]> => {
    const values = outputs.map((key) => model.outputs.find((output) => output.key === key)!.value);
    const runner = await openRunner(model, values);
    const results: (readonly Tensor[])[] = [];
    try {
      for (const fed of feeds) {
        signal?.throwIfAborted();
        results.push(await runner.run(fed));
      }
    } finally {
      runner.dispose();
    }
    return results;
  };
  let best = tried[0]!;
  if (outputs.length === 0 || feeds.length === 0) return best;
  const expected = await run(a);
  let least = Number.POSITIVE_INFINITY;
  progress.start('trying ranges', tried.length);
  try {
    for (const ranges of tried) {
      const error = relativeError(expected, await run(await int8(ranges)));
      debug(1, () => `auto: ${ranges.method} changes the outputs by ${(-10 * Math.log10(error)).toFixed(1)} dB`);
      if (error < least) [best, least] = [ranges, error];
      progress.advance();
    }
  } finally {
    progress.finish();
  }
  return best;
}

async function rangesByLayers(
  a: Model,
  seen: Observations,
  sites: readonly Site[],
  { feeds, methods, openRunner, progress, signal }: AutoOptions,
): Promise<Ranges> {
  const forms = new Map(sites.map(({ key, form }) => [key, form]));
  const stream = openStream(a, feeds, openRunner, signal);
  const keys = a.graph
    .order()
    .map(({ name }) => name)
    .filter((name) => forms.has(name) && seen.values.has(name));
  const ranges = new Map<string, Range>();
  progress.start('choosing ranges', keys.length);
  try {
    for (const [i, key] of keys.entries()) {
      const form = forms.get(key)!;
      const tried = distinct(
        pinned(methods?.get(key)).map((method) => chooseRange(method, seen.values.get(key)!, form)),
      );
      ranges.set(key, await leastHarmful(a.graph, parseValue(key), form, tried, { stream, stop: forms }));
      const later = keys.slice(i + 1).flatMap((next) => [parseValue(next), ...readersOf(a.graph, next, forms)]);
      stream.release(a.graph, later);
      progress.advance();
    }
  } finally {
    progress.finish();
  }
  for (const { key, form } of sites)
    if (!ranges.has(key) && seen.values.has(key))
      ranges.set(key, chooseRange(methods?.get(key) ?? 'mse', seen.values.get(key)!, form));
  return { method: 'single values', samples: seen.samples, ranges };
}

const pinned = (method: Method | undefined): readonly Method[] => (method === undefined ? candidates : [method]);

const distinct = (ranges: readonly Range[]): readonly Range[] =>
  ranges.filter(({ min, max }, i) => ranges.findIndex((other) => other.min === min && other.max === max) === i);

type Keys = { readonly has: (key: string) => boolean };

async function leastHarmful(
  graph: Graph,
  value: Value,
  form: Site['form'],
  tried: readonly Range[],
  { stream, stop }: { readonly stream: Stream; readonly stop: Keys },
): Promise<Range> {
  const readers = readersOf(graph, value.node, stop);
  const [first] = tried as [Range];
  if (!stream.has(value))
    stream.keep(
      value,
      (await stream.compute(graph, [value])).map(([x]) => x!),
    );
  if (readers.length === 0 || tried.length === 1) return first;
  const exact = stream.get(value);
  const expected = await stream.compute(graph, readers);
  let best = first;
  let least = Number.POSITIVE_INFINITY;
  for (const range of tried) {
    stream.keep(
      value,
      exact.map((x) => rounded(x as Tensor<'float32'>, range, form)),
    );
    const error = relativeError(expected, await stream.compute(graph, readers));
    if (error < least) [best, least] = [range, error];
  }
  stream.keep(value, exact);
  return best;
}

/** What the value becomes in int8 of this range. */
function rounded(x: Tensor<'float32'>, { min, max }: Range, form: Site['form']): Tensor<'float32'> {
  const [low, high] = form === 'signed' ? [-127, 127] : [0, 255];
  const offset = form === 'shifted' ? Math.min(min, 0) : 0;
  const span = form === 'signed' ? Math.max(-min, max) : Math.max(max, 0) - offset;
  const scale = span > 0 ? span / high : 1;
  const data = x.data.map((v) => Math.max(low, Math.min(high, roundHalfEven((v - offset) / scale))) * scale + offset);
  return tensor('float32', x.shape, data);
}

/** Σ (y − ŷ)² / Σ y², summed over the readers. */
function relativeError(expected: readonly (readonly Tensor[])[], found: readonly (readonly Tensor[])[]): number {
  const [readers = []] = expected;
  return readers.reduce((total, _, reader) => {
    let noise = 0;
    let signal = 0;
    for (const [sample, tensors] of expected.entries()) {
      const y = tensors[reader]!.data as Float32Array;
      const z = found[sample]![reader]!.data as Float32Array;
      // Outputs such as lists of what was found: of another length, all of them is wrong.
      if (z.length !== y.length) return Number.POSITIVE_INFINITY;
      for (let i = 0; i < y.length; i++) {
        noise += (y[i]! - z[i]!) ** 2;
        signal += y[i]! ** 2;
      }
    }
    return total + noise / Math.max(signal, Number.MIN_VALUE);
  }, 0);
}

/** The first layers, values to be rounded or ends of the graph behind a node. */
function readersOf(graph: Graph, name: string, stop: Keys): readonly Value[] {
  const found = new Map<string, Value>();
  const seen = new Set<string>([name]);
  const queue = [name];
  while (queue.length > 0 && found.size < maxReaders) {
    const at = queue.shift()!;
    for (const { node } of graph.consumers(at)) {
      if (seen.has(node.name)) continue;
      seen.add(node.name);
      const value = { node: node.name, port: 0 };
      const isLayer = (quantizableOps as readonly string[]).includes(node.op);
      const isEnd = graph.consumers(node.name).length === 0;
      if (isLayer || isEnd || stop.has(formatValue(value))) found.set(node.name, value);
      else queue.push(node.name);
    }
  }
  return [...found.values()].slice(0, maxReaders);
}
