import type { DType } from '../../base/dtype.ts';
import { numberOf, numbersOf, type Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import { convGeometry, depthwiseGeometry, readWindows, type WindowAxis } from '../../graph/shapes/geometry.ts';
import { opAttr } from '../../graph/signature.ts';
import type { ConvSpec, Result } from '../../kernels/conv/native/spec.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import { isCodeType, symmetricScale } from '../../kernels/quantize/codes.ts';
import { dequantizer } from '../../kernels/quantize/dequantize.ts';
import { type Range, scaledCodes } from '../../kernels/quantize/quantize.ts';
import { multiplierOf } from '../../kernels/requantize/contract.ts';
import { sumConv } from '../internal-conv.ts';
import { sumCodes, sumRange } from '../internal-sum.ts';
import { convKernels, depthwiseKernels } from '../kernels.ts';
import { chosen, type Halo, type Operand, type Placed } from '../layer.ts';
import {
  addKernel,
  decline,
  inputIndex,
  type Lower,
  type LowerContext,
  needIndex,
  tensorAt,
  valueAt,
} from './lowering.ts';

/** The halo that windows reach into: TensorFlow's padding, less what strides leave over. */
export const haloOf = (h: WindowAxis, w: WindowAxis): Halo => {
  const behind = ({ input, kernel, stride, dilation, before, output }: WindowAxis): number =>
    Math.max(0, (output - 1) * stride - before + (kernel - 1) * dilation + 1 - input);
  return { top: h.before, bottom: behind(h), left: w.before, right: behind(w) };
};

/** The geometry of a convolution as specifications say it. */
export const windowsOf = (h: WindowAxis, w: WindowAxis) => ({
  kernel: { h: h.kernel, w: w.kernel },
  stride: { h: h.stride, w: w.stride },
  dilation: { h: h.dilation, w: w.dilation },
  padding: { top: h.before, left: w.before },
});

/**
 * Whether summands may be overwritten without a wait: where a panel of channels ends within a vector, the load of a pixel's
 * summand reaches into the pixel before it, whose masked store is still under way.
 */
export const fillsPanels = (channels: number): boolean => channels % 32 === 0;

export const codeBounds = (dtype: DType, relu: boolean): { low: number; high: number } =>
  dtype === 'quint8' ? { low: 0, high: 255 } : { low: relu ? 0 : -128, high: 127 };

/** The scale of codes whose range are the operands called min_`name` and max_`name`. */
export function scaleOf(context: LowerContext, dtype: DType, name: string): number {
  const at = (bound: string) => numberOf(tensorAt(context, needIndex(context.node, `${bound}_${name}`)));
  const scale = symmetricScale(dtype, at('min'), at('max'));
  return scale > 0 && scale < Infinity ? scale : decline(`the range of ${name} is empty`);
}

/** The scales of weights of `channels` output channels. */
export function weightScalesOf(context: LowerContext, channels: number, name = 'filter'): readonly number[] {
  const bounds = (bound: string) => numbersOf(tensorAt(context, needIndex(context.node, `${bound}_${name}`)));
  const [low, high] = [bounds('min'), bounds('max')];
  const scales = low.map((min, c) => symmetricScale('qint8', min, high[c] ?? Number.NaN));
  if (scales.length !== 1 && scales.length !== channels) decline(`${scales.length} ranges for ${channels} channels`);
  return Array.from({ length: channels }, (_, c) => scales[scales.length === 1 ? 0 : c]!);
}

export function weightsAt(context: LowerContext, i: number): Tensor<'qint8'> {
  const weights = tensorAt(context, i);
  return weights.dtype === 'qint8' ? weights : decline(`weights of ${weights.dtype}`);
}

/** The bias in steps of the sums, or undefined. Declines a bias in float32, which TensorFlow adds behind the product. */
export function integerBias(context: LowerContext): Int32Array | undefined {
  const i = inputIndex(context.node, 'bias');
  if (i === undefined) return undefined;
  const bias = tensorAt(context, i);
  return bias.dtype === 'qint32' ? bias.data : decline(`a bias of ${bias.dtype}`);
}

function isRelu(node: Node): boolean {
  return node.op.startsWith('_Fused')
    ? opAttr(node, 'fused_ops', 'strings').includes('Relu')
    : node.op.includes('Relu');
}

type Requantized = Extract<Result, { kind: 'requantize' }>;

/** Sums → codes: the multipliers, and those of the summand in input `summand`, by the arithmetic contract. */
function requantization(context: LowerContext, channels: number) {
  const { node } = context;
  const input = valueAt(context, 0);
  if (node.op === sumConv) return sumRequantization(context, channels);
  const dtype = opAttr(node, 'out_type', 'type');
  if (dtype !== 'quint8' && dtype !== 'qint8') decline(`sums as ${dtype}`);
  const [scale, output] = [scaleOf(context, input.dtype, 'input'), scaleOf(context, dtype, 'freezed_output')];
  const weights = weightScalesOf(context, channels);
  const multipliers = Float32Array.from(weights, (w) => multiplierOf(scale, w, output));
  const result = { kind: 'requantize', multipliers, ...codeBounds(dtype, isRelu(node)) } as const;
  const at = inputIndex(node, 'summand');
  if (at === undefined) return { dtype, result: (): Requantized => result, summand: [] };
  const summand = valueAt(context, at);
  if (summand.dtype !== 'quint8' && summand.dtype !== 'qint8') decline(`a summand of ${summand.dtype}`);
  const multiplier = Math.fround(scaleOf(context, summand.dtype, 'summand') / output);
  // In TensorFlow's own forms a signed summand costs an unsigned output half of its codes (see the reference).
  const isHalved = summand.dtype === 'qint8';
  const withSummand = ([, buffer]: readonly Buffer[]): Requantized => ({
    ...result,
    high: isHalved ? Math.min(127, result.high) : result.high,
    summand: { buffer: buffer!, multiplier },
  });
  return { dtype, result: withSummand, summand: [summand.id] };
}

/** Sums → codes of the convolution's own → their sum with the summand's, as floats (internal-sum.ts). */
function sumRequantization(context: LowerContext, channels: number) {
  const { node } = context;
  const [input, summand] = [valueAt(context, 0), valueAt(context, needIndex(node, 'summand'))];
  const [own, dtype] = [readAttr(node, 'own_type', 'type'), readAttr(node, 'out_type', 'type')];
  if (dtype !== 'quint8' && dtype !== 'qint8') return decline(`a sum as ${dtype}`);
  const output = scaleOf(context, own, 'freezed_output');
  const scale = scaleOf(context, input.dtype, 'input');
  const multipliers = Float32Array.from(weightScalesOf(context, channels), (w) => multiplierOf(scale, w, output));
  const rangeOf = (name: string): Range => {
    const at = (bound: string) => numberOf(tensorAt(context, needIndex(node, `${bound}_${name}`)));
    return { min: at('min'), max: at('max') };
  };
  const stepOf = (of: DType, name: string): number =>
    isCodeType(of) ? dequantizer(of, 'SCALED', false, rangeOf(name))(1) : decline(`a sum of ${of}`);
  const { narrowRange } = sumCodes(node);
  const { factor, low, high } = scaledCodes(dtype, narrowRange, sumRange(node, rangeOf('sum')));
  const rounded = { ...codeBounds(own, false), scale: stepOf(own, 'freezed_output'), factor };
  const multiplier = stepOf(summand.dtype, 'summand');
  const result = ([, buffer]: readonly Buffer[]): Requantized => ({
    kind: 'requantize',
    multipliers,
    low: readAttr(node, 'relu', 'bool') ? Math.max(0, low) : low,
    high,
    summand: { buffer: buffer!, multiplier, rounded },
  });
  return { dtype, result, summand: [summand.id] };
}

/** The range of the output, which the op passes on as it got it. */
const frozenRange = (context: LowerContext): Operand[] =>
  (context.node.op === sumConv ? ['min_sum', 'max_sum'] : ['min_freezed_output', 'max_freezed_output']).map((name) => ({
    tensor: tensorAt(context, needIndex(context.node, name)),
  }));

/** QuantizedConv2D…AndRequantize (figure 1c), with and without bias, relu, summand. */
export const lowerConv: Lower = (context) => {
  const { node } = context;
  const input = valueAt(context, 0);
  const weights = weightsAt(context, 1);
  const geometry = convGeometry(input.shape, weights.shape, readWindows(node));
  const { h, w, outChannels, groups, batch } = geometry;
  const bias = integerBias(context);
  const { dtype, result, summand } = requantization(context, outChannels);
  const spec = ({ inputs, output }: Placed): ConvSpec => ({
    input: inputs[0]!,
    output,
    ...windowsOf(h, w),
    groups,
    weights: weights.data,
    ...(bias && { bias }),
    result: result(inputs),
  });
  const output = addKernel(context, {
    inputs: [input.id, ...summand],
    dtype,
    shape: [batch, h.output, w.output, outChannels],
    halos: [haloOf(h, w)],
    overwrites: summand.length > 0 && fillsPanels(outChannels) ? 1 : undefined,
    choose: (placed) => chosen(convKernels, placed.isa, spec(placed)),
  });
  return [output, ...frozenRange(context)];
};

/** QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize, and octet's own forms of it. */
export const lowerDepthwise: Lower = (context) => {
  const { node } = context;
  const input = valueAt(context, 0);
  const weights = weightsAt(context, 1);
  const { h, w, channels, multiplier, batch } = depthwiseGeometry(input.shape, weights.shape, readWindows(node));
  const outChannels = channels * multiplier;
  const bias = integerBias(context);
  const { dtype, result, summand } = requantization(context, outChannels);
  const spec = ({ inputs, output }: Placed): ConvSpec => ({
    input: inputs[0]!,
    output,
    ...windowsOf(h, w),
    groups: channels,
    // [kernel h, kernel w, channels, multiplier] is HWIO of as many groups as there are channels.
    weights: weights.data,
    ...(bias && { bias }),
    result: result(inputs),
  });
  const output = addKernel(context, {
    inputs: [input.id, ...summand],
    dtype,
    shape: [batch, h.output, w.output, outChannels],
    halos: [haloOf(h, w)],
    choose: (placed) => chosen(depthwiseKernels, placed.isa, spec(placed)),
  });
  return [output, ...frozenRange(context)];
};
