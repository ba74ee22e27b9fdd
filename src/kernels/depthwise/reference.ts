import type { Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { depthwiseGeometry, readWindows } from '../../graph/shapes/geometry.ts';
import { applyFusedOps } from '../activation/fused.ts';
import { channelsLast, inLayout, inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { convolveDepthwise } from './convolve.ts';

function depthwise(
  inputs: readonly Tensor[],
  node: Node,
  finish: (sums: Float64Array, channels: number) => void = () => {},
): readonly Tensor[] {
  const windows = readWindows(node);
  const filter = inputAt(inputs, 1);
  const input = channelsLast(inputAt(inputs, 0), windows.layout);
  const g = depthwiseGeometry(input.shape, filter.shape, { ...windows, layout: 'NHWC' });
  const sums = convolveDepthwise(g, numbers(input), numbers(filter));
  const channels = g.channels * g.multiplier;
  finish(sums, channels);
  const shape = [g.batch, g.h.output, g.w.output, channels];
  return [inLayout(tensorOfNumbers(input.dtype, shape, sums), windows.layout)];
}

const fused: ReferenceKernel = (inputs, node) =>
  depthwise(inputs, node, (sums, channels) => applyFusedOps(node, sums, channels, inputs.slice(2)));

/** Depthwise convolutions in floating point. */
export const depthwiseReference = {
  DepthwiseConv2dNative: (inputs, node) => depthwise(inputs, node),
  FusedDepthwiseConv2dNative: fused,
  _FusedDepthwiseConv2dNative: fused,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
