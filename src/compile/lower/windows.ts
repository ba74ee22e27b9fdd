import type { Shape } from '../../base/shape.ts';
import type { Node } from '../../graph/graph.ts';
import { convGeometry, depthwiseGeometry, readWindows, type WindowAxis } from '../../graph/shapes/geometry.ts';
import type { ConvSpec } from '../../kernels/conv/native/spec.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import type { Halo } from '../layer.ts';
import { decline } from './lowering.ts';

/** What the specifications of all convolution kernels say of their windows. */
type Windows = Pick<ConvSpec, 'kernel' | 'stride' | 'dilation' | 'padding' | 'groups'>;

/** A convolution as its layer needs it, whatever becomes of the sums. */
export type Convolution = {
  readonly windows: Windows;
  /** What the windows reach of around the input. */
  readonly halo: Halo;
  /** [n, h, w, c] of the output. */
  readonly shape: readonly number[];
  /** Output channels. */
  readonly channels: number;
  /** Products in a sum. */
  readonly depth: number;
};

/**
 * The convolution that `node` is, of pictures of shape `input` by a filter of shape `weights`. A depthwise filter
 * [kernel h, kernel w, channels, multiplier] is, as it stands, HWIO of as many groups as there are channels. Declines NCHW.
 */
export function convolutionOf(node: Node, input: Shape, weights: Shape, isDepthwise: boolean): Convolution {
  const windows = readWindows(node);
  if (windows.layout !== 'NHWC') decline('channels come first');
  if (isDepthwise) {
    const { h, w, batch, channels, multiplier } = depthwiseGeometry(input, weights, windows);
    return convolution(h, w, { batch, groups: channels, channels: channels * multiplier, perTap: 1 });
  }
  const { h, w, batch, groups, inChannels, outChannels } = convGeometry(input, weights, windows);
  return convolution(h, w, { batch, groups, channels: outChannels, perTap: inChannels / groups });
}

type Sizes = { readonly batch: number; readonly groups: number; readonly channels: number; readonly perTap: number };

const convolution = (h: WindowAxis, w: WindowAxis, { batch, groups, channels, perTap }: Sizes): Convolution => ({
  windows: {
    kernel: { h: h.kernel, w: w.kernel },
    stride: { h: h.stride, w: w.stride },
    dilation: { h: h.dilation, w: w.dilation },
    padding: { top: h.before, left: w.before },
    groups,
  },
  halo: { top: h.before, bottom: behind(h), left: w.before, right: behind(w) },
  shape: [batch, h.output, w.output, channels],
  channels,
  depth: h.kernel * w.kernel * perTap,
});

/** TensorFlow's padding behind an axis, less what strides leave over. */
const behind = ({ input, kernel, stride, dilation, before, output }: WindowAxis): number =>
  Math.max(0, (output - 1) * stride - before + (kernel - 1) * dilation + 1 - input);

const one = { h: 1, w: 1 };

/** The windows of a matrix product, which is a convolution of 1 × 1. */
export const oneByOne: Windows = { kernel: one, stride: one, dilation: one, padding: { top: 0, left: 0 }, groups: 1 };

/** The rows of a matrix as the pixels of the picture that such a convolution reads or writes. */
export const rowsOf = (matrix: Buffer): Buffer => ({
  ...matrix,
  shape: { n: 1, h: 1, w: matrix.shape.n, c: matrix.shape.c },
  stride: { n: matrix.stride.n * matrix.shape.n, h: matrix.stride.n * matrix.shape.n, w: matrix.stride.n },
});

/**
 * Whether summands may be overwritten without a wait: where a panel of channels ends within a vector, the load of a pixel's
 * summand reaches into the pixel before it, whose masked store is still under way.
 */
export const fillsPanels = (channels: number): boolean => channels % 32 === 0;
