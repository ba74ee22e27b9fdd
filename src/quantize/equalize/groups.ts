import { formatValue } from '../../graph/graph.ts';
import { isTransposed } from '../weights.ts';
import type { Channels, Weighted } from './channels.ts';
import type { ChannelRanges, ChannelStatistics } from './statistics.ts';

/** What is needed of the weights of a layer, in magnitudes a channel that it reads (i) and one that it makes (j). */
export type Magnitudes = {
  readonly ins: number;
  readonly outs: number;
  /** Largest |w| over the window, `[ins, outs]`; depthwise `[ins, multiplier]`. */
  readonly largest: Float64Array;
  /** Σ w² over the window and what it makes, a channel that it reads. */
  readonly squares: Float64Array;
  /** Elements of its window. */
  readonly taps: number;
  readonly isDepthwise: boolean;
};

export type Reader = { readonly layer: Weighted; readonly magnitudes: Magnitudes; readonly ranges: ChannelRanges };
export type Source = {
  readonly layer: Weighted;
  readonly magnitudes: Magnitudes;
  /** Of what it reads, where that can be scaled. */
  readonly ranges: ChannelRanges | undefined;
};

/** Classes that some layer reads together, so that one range of a value holds them all. */
export type Group = {
  readonly classes: readonly number[];
  readonly readers: readonly Reader[];
  readonly sources: readonly Source[];
};

/** The classes that can be scaled, in groups that share ranges. A group with a pinned class is left as it is. */
export function groupsOf({ weighted, pinned }: Channels, statistics: ChannelStatistics): readonly Group[] {
  const magnitudes = new Map(weighted.map((layer) => [layer, magnitudesOf(layer)]));
  const parts: { classes: Set<number>; readers: Reader[] }[] = [];
  for (const layer of weighted) {
    const ranges = statistics.get(formatValue(layer.node.inputs[0]!));
    if (layer.ins === undefined || ranges?.largest.length !== layer.ins.length) continue;
    const own = { classes: new Set(layer.ins), readers: [{ layer, magnitudes: magnitudes.get(layer)!, ranges }] };
    for (const other of parts.filter(({ classes }) => layer.ins!.some((c) => classes.has(c)))) {
      for (const c of other.classes) own.classes.add(c);
      own.readers.unshift(...other.readers);
      parts.splice(parts.indexOf(other), 1);
    }
    parts.push(own);
  }
  return parts
    .filter(({ classes }) => ![...classes].some((c) => pinned.has(c)))
    .map(({ classes, readers }) => ({
      classes: [...classes],
      readers,
      sources: weighted
        .filter(({ outs }) => outs.some((c) => classes.has(c)))
        .map((layer) => ({
          layer,
          magnitudes: magnitudes.get(layer)!,
          ranges: layer.ins && statistics.get(formatValue(layer.node.inputs[0]!)),
        })),
    }));
}

function magnitudesOf({ node, weights }: Pick<Weighted, 'node' | 'weights'>): Magnitudes {
  const isDepthwise = node.op === 'DepthwiseConv2dNative';
  const [a, b] = weights.shape.slice(-2) as [number, number];
  const isSwapped = isTransposed(node);
  const [ins, columns] = isSwapped ? [b, a] : [a, b];
  const taps = weights.data.length / Math.max(1, ins * columns);
  const largest = new Float64Array(ins * columns);
  const squares = new Float64Array(ins);
  for (let i = 0; i < ins; i++)
    for (let j = 0; j < columns; j++) {
      const at = isSwapped ? j * ins + i : i * columns + j;
      for (let tap = 0; tap < taps; tap++) {
        const w = Math.abs(weights.data[tap * ins * columns + at]!);
        if (w > largest[i * columns + j]!) largest[i * columns + j] = w;
        squares[i]! += w * w;
      }
    }
  return { ins, outs: isDepthwise ? ins * columns : columns, largest, squares, taps, isDepthwise };
}

/** Largest |w| a class: of the weights that read it, and of those that make it. */
export function weightRanges({ readers, sources }: Group, scales: Float64Array) {
  const reads = new Map<number, number>();
  const makes = new Map<number, number>();
  const raise = (to: Map<number, number>, c: number, x: number) => void to.set(c, Math.max(x, to.get(c) ?? 0));
  for (const { layer, magnitudes } of readers)
    each(magnitudes, (i, j, w) => raise(reads, layer.ins![i]!, w / scales[layer.outs[j]!]!));
  for (const { layer, magnitudes } of sources)
    each(magnitudes, (i, j, w) => raise(makes, layer.outs[j]!, w * (layer.ins ? scales[layer.ins[i]!]! : 1)));
  return { reads, makes };
}

function each({ ins, largest, isDepthwise }: Magnitudes, take: (i: number, j: number, w: number) => void): void {
  const columns = largest.length / Math.max(1, ins);
  for (let i = 0; i < ins; i++)
    for (let j = 0; j < columns; j++) take(i, isDepthwise ? i * columns + j : j, largest[i * columns + j]!);
}

/** The largest magnitude of what is seen of each class. */
export function activationRanges({ readers }: Group): Map<number, number> {
  const seen = new Map<number, number>();
  for (const { layer, ranges } of readers)
    for (const [i, c] of layer.ins!.entries()) seen.set(c, Math.max(seen.get(c) ?? 0, ranges.largest[i]!));
  return seen;
}
