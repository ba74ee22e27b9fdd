import { UserError } from '../base/errors.ts';
import type { Feeds } from '../graph/runner.ts';
import { concatFeeds } from './batch.ts';

/** A box in a picture: [y1, x1, y2, x2] as TensorFlow orders them, in any one unit. */
export type Box = readonly [number, number, number, number];
/** An object found in a picture, or (with score 1) known to be there. */
export type Detection = { readonly box: Box; readonly category: number; readonly score: number };

/** What is known of a sample: a class index or a target value, the index of the chosen item, or the objects in a picture. */
export type Label = number | readonly Detection[];

/** One sample, or a batch of consecutive ones along the first axis of every feed. */
export type Sample = {
  /** The file, row or user; the first one's for a batch. */
  readonly name: string;
  /** The place of the (first) sample in the data set: to go on after it, skip `index + count`. */
  readonly index: number;
  readonly count: number;
  readonly feeds: Feeds;
  /** In a batch of samples of different lengths along the first axis: those lengths. */
  readonly lengths?: readonly number[];
  /** One a sample, undefined where it is not known. */
  readonly labels?: readonly (Label | undefined)[];
};

/** A sample not yet loaded: listing a data set costs no decoding. */
export type Item = { readonly name: string; readonly label?: Label; readonly load: () => Promise<Feeds> };

export type SampleOptions = {
  /** How many samples of the listing to pass over, readable or not. */
  readonly skip?: number;
  /** At most this many samples. */
  readonly limit?: number;
  /** How many samples to join into one; the last batch may be smaller. 1 by default. */
  readonly batch?: number;
};

/** Samples that can be gone through any number of times, always in the same order, in constant memory. */
export type Dataset = {
  /** How many there are, where that is known without reading them. */
  readonly size?: number;
  readonly items: () => AsyncIterable<Item>;
  readonly samples: (options?: SampleOptions) => AsyncIterable<Sample>;
  /** The samples that could not be read so far, each once. */
  readonly skipped: () => readonly { readonly file: string; readonly reason: string }[];
};

/** Thrown by an item's `load`: it is passed over and counted, unless there is no readable one at all. */
export class UnreadableSample extends UserError {}

/** So many samples are loaded ahead, so that decoding (on libuv's threads) overlaps with the model. */
const ahead = 4;

/** A data set over a listing. `samples` throws `UserError` when the listing is empty or nothing in it can be read. */
export function datasetOf(items: () => AsyncIterable<Item>, size?: number): Dataset {
  const skipped = new Map<string, string>();
  const samples = (options: SampleOptions = {}) => batches(readable(items(), options, skipped), options.batch ?? 1);
  return {
    ...(size === undefined ? {} : { size }),
    items,
    samples,
    skipped: () => Array.from(skipped, ([file, reason]) => ({ file, reason })),
  };
}

async function* readable(
  items: AsyncIterable<Item>,
  { skip = 0, limit = Number.POSITIVE_INFINITY }: SampleOptions,
  skipped: Map<string, string>,
): AsyncGenerator<Sample, void, undefined> {
  let delivered = 0;
  let tried = 0;
  let failure: UnreadableSample | undefined;
  for await (const { item, index, loaded } of loading(items, skip, limit)) {
    if (delivered >= limit) return;
    tried++;
    const outcome = await loaded;
    if ('feeds' in outcome) {
      delivered++;
      yield { name: item.name, index, count: 1, feeds: outcome.feeds, labels: [item.label] };
    } else if (outcome.error instanceof UnreadableSample) {
      failure ??= outcome.error;
      skipped.set(item.name, outcome.error.what);
    } else throw outcome.error;
  }
  if (delivered === 0 && failure !== undefined)
    throw new UserError(`none of ${tried} samples could be read; the first: ${failure.message}`, {}, failure.remedy);
  if (tried === 0 && skip === 0 && limit > 0) throw new UserError('the data set has no samples', {}, 'check the path');
}

type Outcome = { readonly feeds: Feeds } | { readonly error: unknown };
type Loading = { readonly item: Item; readonly index: number; readonly loaded: Promise<Outcome> };

/** Items whose loading has begun, at most `ahead` of them before their turn. */
async function* loading(items: AsyncIterable<Item>, skip: number, limit: number): AsyncGenerator<Loading> {
  const queue: Loading[] = [];
  let index = -1;
  const most = Math.min(ahead, limit);
  for await (const item of items) {
    index++;
    if (index < skip) continue;
    const loaded = item.load().then(
      (feeds): Outcome => ({ feeds }),
      (error: unknown): Outcome => ({ error }),
    );
    queue.push({ item, index, loaded });
    if (queue.length >= most) yield queue.shift()!;
  }
  yield* queue;
}

async function* batches(samples: AsyncIterable<Sample>, size: number): AsyncGenerator<Sample, void, undefined> {
  if (!(Number.isInteger(size) && size >= 1)) throw new UserError(`a batch of ${size} samples is not possible`);
  let pending: Sample[] = [];
  for await (const sample of samples) {
    pending.push(sample);
    if (pending.length < size) continue;
    yield joined(pending);
    pending = [];
  }
  if (pending.length > 0) yield joined(pending);
}

function joined(samples: readonly Sample[]): Sample {
  const [first] = samples as readonly [Sample, ...Sample[]];
  if (samples.length === 1) return first;
  const feeds = concatFeeds(
    samples.map((sample) => sample.feeds),
    first.name,
  );
  const labels = samples.map((sample) => sample.labels?.[0]);
  const lengths = samples.map((sample) => sample.feeds.values().next().value?.shape[0] ?? 1);
  const uneven = lengths.some((length) => length !== lengths[0]) ? { lengths } : {};
  return { name: first.name, index: first.index, count: samples.length, feeds, labels, ...uneven };
}
