import { bytesOf, type ConvSpec, stepsOf } from './spec.ts';
import { elements, stepBytes, type Target } from './target.ts';

/** One panel: up to two vectors of output channels of one block of groups. */
export type Panel = {
  /** The first input and output channel, and how many output channels. */
  readonly firstIn: number;
  readonly firstOut: number;
  readonly width: number;
};

/**
 * How a convolution's weights and loops are laid out. Small groups are merged into blocks that fill a panel, with zero
 * weights between groups. A window is read as segments of contiguous bytes: a row of kw·c bytes where pixels are dense,
 * else a tap of the block's channels; each is padded with zero weights to a multiple of four. Of rows that are a byte longer
 * than a multiple of four, as those of three channels are, the last bytes make up steps of their own.
 */
export type Layout = {
  readonly panels: readonly Panel[];
  /** The different widths of panels: the code has a variant for each (at most two). */
  readonly widths: readonly number[];
  /** Groups in a block, and its input channels. */
  readonly merged: number;
  readonly blockIn: number;
  readonly segments: {
    readonly rows: number;
    /** 1 where a row is one segment. */
    readonly taps: number;
    readonly bytes: number;
    readonly steps: number;
    /** Steps behind the segments', of the rows' last bytes. */
    readonly rest?: number;
  };
  /** Bytes from one panel's data to the next. */
  readonly panelBytes: number;
  readonly header: Header;
};

/** Byte offsets in a panel's data; its weights follow from `bytes` on. Vectors are in the panel's order of columns. */
export type Header = {
  readonly bias: number;
  readonly multipliers: number;
  readonly realBias: number;
  /** Where the result has steps. */
  readonly steps: number;
  readonly bytes: number;
};

/** Scalars at the start of a panel's data. Offsets are added to pointers; the others are broadcast. */
export const scalars = {
  inOffset: 0,
  outOffset: 4,
  /** Index into `Layout.widths`. */
  kind: 8,
  summandMultiplier: 12,
  /** Four equal bytes each. */
  lowBytes: 16,
  highBytes: 20,
  signBytes: 24,
  evenBytes: 28,
  lowReal: 32,
  highReal: 36,
  /** Of codes that are rounded before the summand is added. */
  roundedLow: 40,
  roundedHigh: 44,
  roundedScale: 48,
  factor: 52,
  back: 56,
  bytes: 64,
} as const;

/** Vectors of a full panel; narrower panels use as many of them as they need. */
export const VECTORS = 2;

/** Steps of the rows' last bytes, at most. */
export const MOST_REST = 2;

export function layoutOf(spec: ConvSpec, target: Target): Layout {
  const { input, output, kernel, dilation, groups } = spec;
  const nr = VECTORS * elements(target);
  const perGroupIn = input.shape.c / groups;
  const perGroupOut = output.shape.c / groups;
  const merged = perGroupOut >= nr ? 1 : Math.min(groups, mergedGroups(nr, elements(target), perGroupOut, perGroupIn));
  const blockIn = merged * perGroupIn;
  const panels = panelsOf(groups, merged, perGroupIn, perGroupOut, nr);
  const dense = blockIn === input.stride.w && blockIn === input.shape.c && (dilation.w === 1 || kernel.w === 1);
  const [taps, bytes] = dense ? [1, kernel.w * blockIn] : [kernel.w, blockIn];
  // More of them are not worth their scalar code.
  const isRest = target.dot !== 'vfmadd231ps' && groups === 1 && taps === 1 && bytes % 4 === 1 && bytes > 4;
  const rest = isRest && kernel.h > 1 && kernel.h <= 4 * MOST_REST ? Math.ceil(kernel.h / 4) : 0;
  const perSegment = rest > 0 ? (bytes - 1) / 4 : Math.ceil(bytes / 4);
  const vector = target.bits / 8;
  const bias = scalars.bytes;
  const multipliers = bias + VECTORS * vector;
  const realBias = multipliers + VECTORS * vector;
  const steps = realBias + VECTORS * vector;
  const hasSteps = stepsOf(spec.result) !== undefined;
  const header = { bias, multipliers, realBias, steps, bytes: steps + (hasSteps ? VECTORS * vector : 0) };
  return {
    panels,
    widths: [...new Set(panels.map((panel) => panel.width))],
    merged,
    blockIn,
    segments: { rows: kernel.h, taps, bytes, steps: perSegment, rest },
    panelBytes: header.bytes + (kernel.h * taps * perSegment + rest) * VECTORS * stepBytes(target),
    header,
  };
}

/** Merged groups multiply by zeros: depthwise-like ones fill a single vector, whose waste is half as large. */
const mergedGroups = (nr: number, vector: number, perGroupOut: number, perGroupIn: number): number =>
  perGroupIn <= 2 && perGroupOut <= vector ? Math.floor(vector / perGroupOut) : Math.floor(nr / perGroupOut);

function panelsOf(groups: number, merged: number, perGroupIn: number, perGroupOut: number, nr: number): Panel[] {
  const panels: Panel[] = [];
  for (let group = 0; group < groups; group += merged) {
    const channels = Math.min(merged, groups - group) * perGroupOut;
    for (let first = 0; first < channels; first += nr)
      panels.push({
        firstIn: group * perGroupIn,
        firstOut: group * perGroupOut + first,
        width: Math.min(nr, channels - first),
      });
  }
  return panels;
}

/** Bytes that are read behind the channels a panel needs: up to a multiple of four, and missing groups of the last block. */
export function overRead({ input, groups }: ConvSpec, { segments, merged, blockIn }: Layout): number {
  const missing = (Math.ceil(groups / merged) * merged - groups) * (input.shape.c / groups);
  return missing + Math.max(0, 4 * segments.steps - (segments.taps === 1 ? segments.bytes : blockIn));
}

/** The vectors that a panel of `width` columns needs. */
export const vectorsOf = (width: number, target: Target): number => Math.ceil(width / elements(target));

/** Whether a panel's last vector has channels in its lower half only, where halves are computed by themselves. */
export const isHalf = (width: number, { bits, dot }: Target): boolean =>
  bits === 512 && dot === 'vpdpbusd' && width % 16 > 0 && width % 16 <= 8;

/**
 * The column that element `element` of vector `vector` holds. Where two vectors are packed to bytes, which is done in
 * 128-bit lanes, a lane's eight columns are shared out so that they come out in order; with half a second vector, the
 * first and the second four of 32 bytes' lanes change places after it. Infinity for an element that has none.
 */
export function columnOf(spec: ConvSpec, target: Target, width: number, vector: number, element: number): number {
  const packed = spec.result.kind === 'requantize' && vectorsOf(width, target) === 2;
  if (packed && isHalf(width, target)) {
    if (vector === 1) return element < 8 ? 8 + element : Number.POSITIVE_INFINITY;
    return element < 8 ? element : 8 + element;
  }
  return packed ? 8 * (element >> 2) + 4 * vector + (element & 3) : vector * elements(target) + element;
}

export const outputBytes = (spec: ConvSpec): number => bytesOf(spec.output.type);
