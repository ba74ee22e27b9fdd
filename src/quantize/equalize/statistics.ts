import { formatValue, parseValue } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds, OpenRunner } from '../../graph/runner.ts';
import type { Channels } from './channels.ts';

/** What each channel of the values that layers read is like over some samples, by the values' names. */
export type ChannelStatistics = ReadonlyMap<string, ChannelRanges>;

export type ChannelRanges = {
  /** The largest magnitude. */
  readonly largest: Float64Array;
  readonly smallest: Float64Array;
  readonly mean: Float64Array;
  readonly variance: Float64Array;
};

/** Runs an fp32 model on samples and takes in each channel of what its layers read. */
export const channelStatistics = (
  model: Model,
  { weighted }: Channels,
  feeds: readonly Feeds[],
  openRunner: OpenRunner,
  signal?: AbortSignal,
): Promise<ChannelStatistics> => {
  const keys = new Set(weighted.flatMap(({ node, ins }) => (ins ? [formatValue(node.inputs[0]!)] : [])));
  return rangesOfValues(model, [...keys], feeds, openRunner, signal);
};

/** Runs an fp32 model on samples and takes in each channel (last axis) of the values in `keys`. */
export async function rangesOfValues(
  model: Model,
  keys: readonly string[],
  feeds: readonly Feeds[],
  openRunner: OpenRunner,
  signal?: AbortSignal,
): Promise<ChannelStatistics> {
  const found = new Map<string, Sums>();
  if (keys.length === 0 || feeds.length === 0) return new Map();
  const runner = await openRunner(model, keys.map(parseValue));
  try {
    for (const fed of feeds) {
      signal?.throwIfAborted();
      for (const [i, { data, shape }] of (await runner.run(fed)).entries()) {
        const channels = shape.at(-1) ?? 1;
        const sums = found.get(keys[i]!) ?? emptySums(channels);
        found.set(keys[i]!, sums);
        take(sums, data as Float32Array);
      }
    }
  } finally {
    runner.dispose();
  }
  return new Map([...found].map(([key, sums]) => [key, rangesOf(sums)]));
}

type Sums = {
  readonly largest: Float64Array;
  readonly smallest: Float64Array;
  readonly sum: Float64Array;
  readonly squares: Float64Array;
  rows: number;
};

const emptySums = (channels: number): Sums => ({
  largest: new Float64Array(channels),
  smallest: new Float64Array(channels).fill(Number.POSITIVE_INFINITY),
  sum: new Float64Array(channels),
  squares: new Float64Array(channels),
  rows: 0,
});

function take(sums: Sums, data: Float32Array): void {
  const { largest, smallest, sum, squares } = sums;
  const channels = sum.length;
  for (let i = 0, c = 0; i < data.length; i++) {
    const x = data[i]!;
    sum[c]! += x;
    squares[c]! += x * x;
    if (Math.abs(x) > largest[c]!) largest[c] = Math.abs(x);
    if (x < smallest[c]!) smallest[c] = x;
    if (++c === channels) c = 0;
  }
  sums.rows += data.length / Math.max(1, channels);
}

function rangesOf({ largest, smallest, sum, squares, rows }: Sums): ChannelRanges {
  const mean = sum.map((x) => x / Math.max(1, rows));
  return {
    largest,
    smallest,
    mean,
    variance: squares.map((x, c) => Math.max(0, x / Math.max(1, rows) - mean[c]! ** 2)),
  };
}
