import { numberOf } from '../base/tensor.ts';
import { attrValue } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import { formatValue, type Graph, type Node, type Value, value } from '../graph/graph.ts';
import { frozenScale } from './frozen.ts';
import { rangeKey } from './int8.ts';
import type { Distribution } from './observers/distribution.ts';
import { bins, binWidth } from './observers/histogram.ts';
import type { Range } from './ranges.ts';
import { siteOf } from './sites.ts';

/** The fp32 value that `value` is or stands for: what only moves codes is looked through. */
export function keyOf(graph: Graph, value: Value): string {
  let at = value;
  for (let steps = 0; steps < 100; steps++) {
    const node = graph.nodes.get(at.node);
    const key = node?.attrs.get(rangeKey);
    const named = key && attrValue(key, 'string');
    if (named !== undefined) return named;
    const isMover = node !== undefined && (node.op === 'Dequantize' || node.op === 'QuantizeV2');
    if (!isMover || node.inputs[0] === undefined) break;
    // A Dequantize takes the name of the fp32 node it stands for.
    if (node.op === 'Dequantize') break;
    at = node.inputs[0];
  }
  return formatValue(at);
}

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

/** Each fine bin of a histogram: the value in its middle and its count. */
export function* bars({ histogram }: Distribution): Generator<readonly [x: number, count: number]> {
  const width = binWidth(histogram);
  if (histogram.zeros > 0) yield [0, histogram.zeros];
  for (let i = 0; i < bins; i++) {
    if (histogram.positive[i]! > 0) yield [(i + 0.5) * width, histogram.positive[i]!];
    if (histogram.negative[i]! > 0) yield [-(i + 0.5) * width, histogram.negative[i]!];
  }
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
