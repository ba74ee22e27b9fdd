import { numberOf } from '../base/tensor.ts';
import { constTensor } from '../graph/constant.ts';
import { type Graph, type Node, value } from '../graph/graph.ts';
import { frozenScale } from '../quantize/frozen.ts';
import type { Distribution } from '../quantize/observers/distribution.ts';
import { bins, binWidth } from '../quantize/observers/histogram.ts';
import type { Range } from '../quantize/ranges.ts';
import { siteOf } from '../quantize/sites.ts';
import { keyOf, short } from './stage.ts';
import type { ValueData } from './types.ts';

/** The fp32 values that an int8 model holds as codes, with the range that the codes stand for. */
export function codedRanges(graph: Graph): ReadonlyMap<string, Range> {
  const found = new Map<string, Range>();
  for (const node of graph.nodes.values()) {
    const range = codedRange(graph, node);
    if (range !== undefined) found.set(keyOf(graph, value(node.name)), range);
  }
  return found;
}

function codedRange(graph: Graph, node: Node): Range | undefined {
  const site = siteOf(node);
  if (site?.form === 'shifted') {
    const [min, max] = [site.min, site.max].map((end) => constTensor(graph.node(end.node)));
    return min && max && { min: numberOf(min), max: numberOf(max) };
  }
  const isCoded = site !== undefined || (node.op.startsWith('Quantized') && node.op.endsWith('Requantize'));
  const scale = isCoded ? frozenScale(graph, value(node.name)) : undefined;
  if (scale === undefined) return undefined;
  const isSigned = site === undefined ? isSignedOutput(node) : site.form === 'signed';
  return isSigned ? { min: -127 * scale, max: 127 * scale } : { min: 0, max: 255 * scale };
}

function isSignedOutput(node: Node): boolean {
  const type = node.attrs.get('out_type');
  return type !== undefined && 'type' in type && type.type === 'qint8';
}

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

/** Each fine bin of a histogram: the value in its middle and its count. */
function* bars({ histogram }: Distribution): Generator<readonly [x: number, count: number]> {
  const width = binWidth(histogram);
  if (histogram.zeros > 0) yield [0, histogram.zeros];
  for (let i = 0; i < bins; i++) {
    if (histogram.positive[i]! > 0) yield [(i + 0.5) * width, histogram.positive[i]!];
    if (histogram.negative[i]! > 0) yield [-(i + 0.5) * width, histogram.negative[i]!];
  }
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

/** The share of elements that lie beyond a range: they are cut off at its ends. */
export function saturatedShare(seen: Distribution, { min, max }: Range): number {
  let beyond = 0;
  let all = 0;
  // Half a bin is not a cut: the largest value lies inside of the last one.
  const slack = binWidth(seen.histogram);
  for (const [x, count] of bars(seen)) {
    all += count;
    if (x > max + slack || x < min - slack) beyond += count;
  }
  return all === 0 ? 0 : beyond / all;
}
