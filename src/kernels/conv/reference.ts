import { UserError } from '../../base/errors.ts';
import { formatShape, sameShape } from '../../base/shape.ts';
import { numbersOf, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { axesOf, convGeometry, pictureShape, readWindows } from '../../graph/shapes/geometry.ts';
import { applyFusedOps } from '../activation/fused.ts';
import { channelsLast, inLayout, inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { convolve } from './convolve.ts';
import { convolveTransposed } from './transposed.ts';

/** input, filter HWIO → the convolution, with `finish` applied to the sums before they are rounded. */
function conv2d(
  inputs: readonly Tensor[],
  node: Node,
  finish: (sums: Float64Array, channels: number) => void = () => {},
): readonly Tensor[] {
  const windows = readWindows(node);
  const filter = inputAt(inputs, 1);
  const input = channelsLast(inputAt(inputs, 0), windows.layout);
  const g = convGeometry(input.shape, filter.shape, { ...windows, layout: 'NHWC' });
  const sums = convolve(g, numbers(input), numbers(filter));
  finish(sums, g.outChannels);
  const shape = [g.batch, g.h.output, g.w.output, g.outChannels];
  return [inLayout(tensorOfNumbers(input.dtype, shape, sums), windows.layout)];
}

const fusedConv2d: ReferenceKernel = (inputs, node) =>
  conv2d(inputs, node, (sums, channels) => {
    if (readWindows(node).layout !== 'NHWC' && inputs.slice(2).some((t) => t.shape.length > 1))
      throw new UserError('a fused summand in NCHW');
    applyFusedOps(node, sums, channels, inputs.slice(2));
  });

/** input_sizes, filter, out_backprop → the gradient by the input: what models call deconvolution. */
const conv2dBackpropInput: ReferenceKernel = (inputs, node) => {
  const windows = readWindows(node);
  const filter = inputAt(inputs, 1);
  const outputs = channelsLast(inputAt(inputs, 2), windows.layout);
  const axes = axesOf[windows.layout];
  const sizes = numbersOf(inputAt(inputs, 0));
  // Two sizes are height and width alone.
  const [n, h, w, c] =
    sizes.length === 2
      ? [outputs.shape[0]!, sizes[0]!, sizes[1]!, filter.shape[2]!]
      : [sizes[axes.n]!, sizes[axes.h]!, sizes[axes.w]!, sizes[axes.c]!];
  const g = convGeometry([n, h, w, c], filter.shape, { ...windows, layout: 'NHWC' });
  const expected = [g.batch, g.h.output, g.w.output, g.outChannels];
  if (!sameShape(expected, outputs.shape))
    throw new UserError(`out_backprop is ${formatShape(outputs.shape)} where ${formatShape(expected)} is needed`);
  const image = convolveTransposed(g, numbers(outputs), numbers(filter));
  return [inLayout(tensorOfNumbers(outputs.dtype, [n, h, w, c], image), windows.layout)];
};

/** Conv2DBackpropInputV2 reads the shape off a tensor instead. */
const conv2dBackpropInputV2: ReferenceKernel = ([input, ...rest], node, resources) => {
  const { n, h, w, c } = axesOf[readWindows(node).layout];
  const at = (axis: number) => input!.shape[axis]!;
  const shape = pictureShape(readWindows(node).layout, at(n), at(h), at(w), at(c));
  const sizes = tensorOfNumbers('int32', [4], Int32Array.from(shape));
  return conv2dBackpropInput([sizes, ...rest], node, resources);
};

/** 2-D convolutions in floating point (and int32, whose sums wrap). */
export const convReference = {
  Conv2D: (inputs, node) => conv2d(inputs, node),
  _FusedConv2D: fusedConv2d,
  Conv2DBackpropInput: conv2dBackpropInput,
  Conv2DBackpropInputV2: conv2dBackpropInputV2,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
