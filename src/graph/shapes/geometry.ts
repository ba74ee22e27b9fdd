import { UserError } from '../../base/errors.ts';
import type { Shape } from '../../base/shape.ts';
import type { Node } from '../graph.ts';
import { definitionOf, isKnownOp, opAttr } from '../signature.ts';

/** Where the axes of a picture stand: batch, height, width, channels. */
export type Layout = 'NHWC' | 'NCHW';
export type Axes = { readonly n: number; readonly h: number; readonly w: number; readonly c: number };
export const axesOf: Readonly<Record<Layout, Axes>> = {
  NHWC: { n: 0, h: 1, w: 2, c: 3 },
  NCHW: { n: 0, c: 1, h: 2, w: 3 },
};

/** Zeros in front of and behind an axis, or TensorFlow's rule for them. */
export type Padding = 'SAME' | 'VALID' | { readonly before: number; readonly after: number };

/** How a window moves along one axis, but for its size. */
export type Stepping = { readonly stride: number; readonly dilation: number; readonly padding: Padding };

/** A window over one axis: output `o` reads input `o·stride − before + k·dilation` for each k < kernel. */
export type WindowAxis = {
  readonly input: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
  readonly after: number;
  readonly output: number;
};

/**
 * TensorFlow's window arithmetic (GetWindowedOutputSizeVerbose): `SAME` gives ⌈input/stride⌉ outputs and pads the odd
 * element behind. Throws `UserError` where the window does not fit.
 */
export function windowAxis(input: number, kernel: number, { stride, dilation, padding }: Stepping): WindowAxis {
  if (!(stride > 0 && dilation > 0 && kernel > 0))
    throw new UserError(`a window of ${kernel} with stride ${stride} and dilation ${dilation} does not move`);
  const extent = (kernel - 1) * dilation + 1;
  const axis = { input, kernel, stride, dilation };
  if (padding === 'SAME') {
    const output = Math.ceil(input / stride);
    const total = Math.max(0, (output - 1) * stride + extent - input);
    const before = Math.floor(total / 2);
    return { ...axis, before, after: total - before, output };
  }
  const { before, after } = padding === 'VALID' ? { before: 0, after: 0 } : padding;
  const output = Math.floor((input + before + after - extent) / stride) + 1;
  if (output < 0) throw new UserError(`a window of ${extent} does not fit into ${input} elements`);
  return { ...axis, before, after, output };
}

/** How the window of a convolution or pooling moves over height and width, as the node's attributes say. */
export type Windows = { readonly layout: Layout; readonly h: Stepping; readonly w: Stepping };

/**
 * Reads `strides`, `dilations`, `padding`, `explicit_paddings` (or `padding_list`) and `data_format`. Throws `UserError`
 * where TensorFlow refuses them too: strides or dilations over the batch or the channels.
 */
export function readWindows(node: Node, strides = opAttr(node, 'strides', 'ints')): Windows {
  const layout = readLayout(node);
  const axes = axesOf[layout];
  const dilations = has(node, 'dilations') ? opAttr(node, 'dilations', 'ints') : [1, 1, 1, 1];
  for (const list of [strides, dilations])
    if (list.length !== 4 || list[axes.n] !== 1 || list[axes.c] !== 1)
      throw new UserError(`can't step or dilate by [${list}] over batch and channels`);
  const stepping = (axis: number): Stepping => ({
    stride: list(strides, axis),
    dilation: list(dilations, axis),
    padding: readPadding(node, axis),
  });
  return { layout, h: stepping(axes.h), w: stepping(axes.w) };
}

const list = (values: readonly number[], i: number): number => values[i] ?? 1;
const has = (node: Node, name: string): boolean =>
  node.attrs.has(name) || (isKnownOp(node.op) && definitionOf(node.op).attrs.has(name));

export function readLayout(node: Node): Layout {
  const layout = has(node, 'data_format') ? opAttr(node, 'data_format', 'string') : 'NHWC';
  if (layout === 'NHWC' || layout === 'NCHW') return layout;
  throw new UserError(`data_format '${layout}' is neither NHWC nor NCHW`);
}

function readPadding(node: Node, axis: number): Padding {
  const name = opAttr(node, 'padding', 'string');
  const lists = ['explicit_paddings', 'padding_list'].filter((attr) => has(node, attr));
  const pads = lists.map((attr) => opAttr(node, attr, 'ints')).find((values) => values.length > 0);
  // The quantized ops' `padding_list` overrides their `padding`; `explicit_paddings` needs EXPLICIT.
  if (pads !== undefined && (name === 'EXPLICIT' || lists.includes('padding_list'))) {
    const [before, after] = [pads[2 * axis], pads[2 * axis + 1]];
    if (pads.length === 8 && before! >= 0 && after! >= 0) return { before: before!, after: after! };
  } else if (name === 'SAME' || name === 'VALID') return name;
  throw new UserError(`can't read the padding '${name}' [${pads ?? ''}]`);
}

/** The geometry of a 2-D convolution; filters are [kernel h, kernel w, input channels / groups, output channels]. */
export type ConvGeometry = {
  readonly batch: number;
  readonly h: WindowAxis;
  readonly w: WindowAxis;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly groups: number;
};

/** From the shape of the pictures in `windows.layout` and of an HWIO filter. Throws `UserError` where they do not fit. */
export function convGeometry(input: Shape, filter: Shape, windows: Windows): ConvGeometry {
  const axes = axesOf[windows.layout];
  if (input.length !== 4 || filter.length !== 4)
    throw new UserError(`a convolution wants 4-D pictures and filters, found [${input}] and [${filter}]`);
  const [kernelHeight, kernelWidth, perGroup, outChannels] = filter as [number, number, number, number];
  const inChannels = input[axes.c]!;
  const groups = perGroup > 0 ? inChannels / perGroup : 0;
  if (!Number.isInteger(groups) || groups < 1 || outChannels % groups !== 0)
    throw new UserError(`pictures with ${inChannels} channels do not fit a filter of shape [${filter}]`);
  return {
    batch: input[axes.n]!,
    h: windowAxis(input[axes.h]!, kernelHeight, windows.h),
    w: windowAxis(input[axes.w]!, kernelWidth, windows.w),
    inChannels,
    outChannels,
    groups,
  };
}

/** [batch, height, width, channels] in the order of `layout`. */
export const pictureShape = <T>(layout: Layout, n: T, h: T, w: T, c: T): T[] =>
  layout === 'NHWC' ? [n, h, w, c] : [n, c, h, w];

/** The geometry of a depthwise convolution: each channel by itself, `multiplier` outputs of each. */
export type DepthwiseGeometry = {
  readonly batch: number;
  readonly h: WindowAxis;
  readonly w: WindowAxis;
  readonly channels: number;
  readonly multiplier: number;
};

/** As `convGeometry`; filters are [kernel h, kernel w, channels, multiplier]. */
export function depthwiseGeometry(input: Shape, filter: Shape, windows: Windows): DepthwiseGeometry {
  const axes = axesOf[windows.layout];
  if (input.length !== 4 || filter.length !== 4)
    throw new UserError(`a convolution wants 4-D pictures and filters, found [${input}] and [${filter}]`);
  const [kernelHeight, kernelWidth, channels, multiplier] = filter as [number, number, number, number];
  if (input[axes.c] !== channels)
    throw new UserError(`pictures with ${input[axes.c]} channels do not fit a filter of shape [${filter}]`);
  return {
    batch: input[axes.n]!,
    h: windowAxis(input[axes.h]!, kernelHeight, windows.h),
    w: windowAxis(input[axes.w]!, kernelWidth, windows.w),
    channels,
    multiplier,
  };
}

/** The geometry of a pooling over height and width. */
export type PoolGeometry = {
  readonly batch: number;
  readonly h: WindowAxis;
  readonly w: WindowAxis;
  readonly channels: number;
};

/** From the shape of the pictures and the node's attributes, or `ksize` and `strides` where they are inputs. */
export function poolGeometry(
  input: Shape,
  node: Node,
  ksize = opAttr(node, 'ksize', 'ints'),
  strides = opAttr(node, 'strides', 'ints'),
): PoolGeometry {
  const windows = readWindows(node, strides);
  const axes = axesOf[windows.layout];
  if (input.length !== 4) throw new UserError(`pooling wants 4-D pictures, found [${input}]`);
  if (ksize.length !== 4 || ksize[axes.n] !== 1 || ksize[axes.c] !== 1)
    throw new UserError(`can't pool [${ksize}] over batch and channels`);
  return {
    batch: input[axes.n]!,
    h: windowAxis(input[axes.h]!, ksize[axes.h]!, windows.h),
    w: windowAxis(input[axes.w]!, ksize[axes.w]!, windows.w),
    channels: input[axes.c]!,
  };
}
