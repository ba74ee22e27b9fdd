import type { Tensor } from '../../base/tensor.ts';
import type { Feeds } from '../../graph/runner.ts';
import { sumChannels } from './statistics.ts';

/** The first samples of a calibration, with the mean of each channel (last axis) of each value over them. */
export type ChannelMeans = {
  readonly feeds: readonly Feeds[];
  /** Undefined for values that were not seen, or had no elements. */
  readonly of: (key: string) => Float64Array | undefined;
  readonly visit: (sample: number, feeds: Feeds, values: ReadonlyMap<string, Tensor<'float32'>>) => void;
};

const nowhere = { low: Number.POSITIVE_INFINITY, high: Number.NEGATIVE_INFINITY };

export function channelMeans(limit: number): ChannelMeans {
  const feeds: Feeds[] = [];
  const sums = new Map<string, { sums: Float64Array; rows: number }>();
  return {
    feeds,
    of: (key) => {
      const found = sums.get(key);
      return found && found.rows > 0 ? found.sums.map((sum) => sum / found.rows) : undefined;
    },
    visit: (_, fed, values) => {
      if (feeds.length >= limit) return;
      feeds.push(fed);
      for (const [key, tensor] of values) {
        const channels = tensor.shape.at(-1) ?? 1;
        const to = sums.get(key) ?? { sums: new Float64Array(channels), rows: 0 };
        sums.set(key, to);
        const found = sumChannels([tensor], channels, nowhere);
        for (let c = 0; c < channels; c++) to.sums[c]! += found.sums[c]!;
        to.rows += found.rows;
      }
    },
  };
}
