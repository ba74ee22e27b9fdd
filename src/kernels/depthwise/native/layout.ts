import type { ConvSpec, Result } from '../../conv/native/spec.ts';
import type { Target } from '../../conv/native/target.ts';

/** The register tile: up to `rows` × `columns` output pixels of half a block's channels, in two vectors each. */
export type Shape = { readonly rows: 1 | 2; readonly columns: number };

/** Channels that one pass over the picture computes, and the vectors it does so with: four of `bits`, two at a time. */
export type Block = {
  readonly first: number;
  readonly channels: number;
  readonly bits: 128 | 256 | 512;
  /** Rows of output that a vector holds side by side: four where each lane has room for all channels. */
  readonly rows: 1 | 4;
  /** Byte offset in the constants, from the first block's. */
  readonly offset: number;
};

/**
 * A depthwise kernel interleaves four rows of the input, so that vpdpbusd sums four taps of a column. With stride 1 the
 * four rows serve two output rows, by weights (w0 w1 w2 0) and (0 w0 w1 w2). Rows beyond four are further groups of four.
 */
export type Layout = {
  readonly shape: Shape;
  /** Whether all channels of a block are computed along a row at once (`slide.ts`), instead of tile by tile (`tile.ts`). */
  readonly slides: boolean;
  /** Whether the third lines of two neighbouring columns are interleaved together, the second one's in the last byte. */
  readonly paired: boolean;
  /** Groups of four input rows. */
  readonly groups: number;
  /** Vectors behind a half's weights: the steps and addends, or the real bias, of results that have them, two each. */
  readonly tail: 0 | 2 | 4;
  readonly blocks: readonly Block[];
  readonly bytes: number;
};

/** Vectors in front of a block's two halves. */
export const common = {
  signs: 0,
  evenBytes: 1,
  lowBytes: 2,
  highBytes: 3,
  lowReal: 4,
  highReal: 5,
  /** The last factor of results in steps, and of real ones. */
  back: 6,
  count: 7,
} as const;

/** How many vectors of constants a half has before its weights: two of bias, two of multipliers. */
export const HALF_HEAD = 4;

/** Vectors that the weights of four taps and one vector of channels take. */
export const weightVectors = ({ dot }: Pick<Target, 'dot'>): number => (dot === 'vpdpbusd' ? 1 : 2);

export const tapRows = (groups: number, shape: Shape, kernelRows: number): number =>
  Math.min(4 * groups, kernelRows + shape.rows - 1);

/** The pixels in a register tile: twelve sums in registers, eight where vpmaddwd needs the room. */
export const columnsOf = (rows: 1 | 2, target: Target): number => (target.dot === 'vpdpbusd' ? 6 : 4) / rows;

export function layoutOf(spec: ConvSpec, target: Target): Layout {
  const { kernel, stride, dilation, input, output, result } = spec;
  const slides = canSlide(spec, target);
  const rows = !slides && stride.h === 1 && (dilation.h === 1 || kernel.h === 1) && output.shape.h > 1 ? 2 : 1;
  const groups = Math.ceil((kernel.h + rows - 1) / 4);
  const blocks: Block[] = [];
  let offset = 0;
  const most = target.bits / 8;
  const tail = tailOf(result);
  for (let first = 0; first < input.shape.c; first += most) {
    const channels = Math.min(most, input.shape.c - first);
    const sideBySide = slides && channels <= 16 && output.shape.h >= 4 ? 4 : 1;
    const bits = sideBySide === 4 ? target.bits : channels <= 16 ? 128 : channels <= 32 ? 256 : target.bits;
    blocks.push({ first, channels, bits, rows: sideBySide, offset });
    const weights = groups * kernel.w * rows * 2 * weightVectors(target);
    offset += (common.count + 2 * (HALF_HEAD + weights + tail)) * (bits / 8);
    offset = Math.ceil(offset / 64) * 64;
  }
  const shape = { rows, columns: columnsOf(rows, target) } as const;
  const paired = slides && kernel.h === 3 && kernel.w === 3 && stride.w === 2;
  return { shape, slides, paired, groups, tail, blocks, bytes: offset };
}

/** Bytes of a vector that each of its rows takes. */
export const rowBytes = ({ bits, rows }: Block): number => bits / 8 / rows;

/** Three columns of weights, sums of three pixels and what interleaves four lines are 32 registers. */
const canSlide = ({ kernel, dilation }: ConvSpec, target: Target): boolean =>
  target.bits === 512 && kernel.h <= 4 && kernel.w <= 3 && dilation.w === 1;

/** The byte of an element that a line of taps is multiplied with. */
export const byteOf = ({ paired }: Layout, line: number, column: number): number =>
  paired && line === 2 && column === 1 ? 3 : line & 3;

const tailOf = (result: Result): Layout['tail'] => {
  if (result.kind !== 'requantize') return 0;
  return result.steps !== undefined ? 4 : result.real !== undefined ? 2 : 0;
};

/** Where a half's constants begin, in vectors from the block's. */
export const halfAt = (half: number, layout: Layout, kernelColumns: number, target: Target): number =>
  common.count + half * (tailAt(layout, kernelColumns, target) + layout.tail);

/** Where a half's steps and addends, or its real bias, begin, in vectors from the half's. */
export const tailAt = ({ groups, shape }: Layout, kernelColumns: number, target: Target): number =>
  HALF_HEAD + groups * kernelColumns * shape.rows * 2 * weightVectors(target);

/** The first of the vectors with the weights of a group of rows, a kernel's column, an output row and a vector of channels. */
export const weightAt = (
  { shape }: Layout,
  kernelColumns: number,
  target: Target,
  of: { readonly group: number; readonly column: number; readonly row: number; readonly vector: number },
): number =>
  HALF_HEAD + (((of.group * kernelColumns + of.column) * shape.rows + of.row) * 2 + of.vector) * weightVectors(target);

/** The channel of a block that element `element` of a half's vector holds, as unpacking in 128-bit lanes leaves them. */
export const channelOf = (half: number, vector: number, element: number): number =>
  16 * (element >> 2) + 8 * half + 4 * vector + (element & 3);
