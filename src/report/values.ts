import { bars, saturatedShare } from '../quantize/coverage.ts';
import type { Distribution } from '../quantize/observers/distribution.ts';
import type { Range } from '../quantize/ranges.ts';
import { short } from './short.ts';
import type { ValueData } from './types.ts';

const shownBins = 96;

/** A value as the page draws it: few bins between its ends, and how much lies beyond the range of its codes. */
export function valueData(key: string, seen: Distribution | undefined, range: Range | undefined): ValueData {
  const covered = range && { low: short(range.min), high: short(range.max) };
  if (seen === undefined || seen.runs === 0) return { key, ...covered };
  const { min, max } = seen;
  return {
    key,
    min: short(min),
    max: short(max),
    histogram: coarse(seen),
    ...covered,
    ...(range && { saturated: short(saturatedShare(seen, range)) }),
  };
}

function coarse(seen: Distribution): number[] {
  const { min, max } = seen;
  const counts = new Array<number>(shownBins).fill(0);
  const step = (max - min) / shownBins || 1;
  for (const [x, count] of bars(seen)) {
    const bin = Math.floor((x - min) / step);
    counts[Math.max(0, Math.min(shownBins - 1, bin))]! += count;
  }
  return counts;
}
