import type { DType } from '../../base/dtype.ts';
import type { Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import { opAttr } from '../../graph/signature.ts';
import type { ConvSpec, Result } from '../../kernels/conv/native/spec.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import { isCodeType, symmetricScale } from '../../kernels/quantize/codes.ts';
import { dequantizer } from '../../kernels/quantize/dequantize.ts';
import { scaledCodes } from '../../kernels/quantize/quantize.ts';
import { weightScales } from '../../kernels/quantized-conv/finish.ts';
import { multiplierOf } from '../../kernels/requantize/contract.ts';
import { realScales, roundsAsTensorFlow } from '../../kernels/requantize/rounding.ts';
import { sumConv } from '../internal-conv.ts';
import { endQuantization, endRange } from '../internal-sum.ts';
import { convKernels, depthwiseKernels } from '../kernels.ts';
import { chosen, type Operand, type Placed, type ValueId } from '../layer.ts';
import {
  addKernel,
  boundsOf,
  byteType,
  decline,
  inputIndex,
  type Lower,
  type LowerContext,
  needIndex,
  rangeOf,
  tensorAt,
  valueAt,
} from './lowering.ts';
import { convolutionOf, fillsPanels } from './windows.ts';

export const codeBounds = (dtype: DType, relu: boolean): { low: number; high: number } =>
  dtype === 'quint8' ? { low: 0, high: 255 } : { low: relu ? 0 : -128, high: 127 };

/** The scale of codes whose range are the operands called min_`name` and max_`name`. */
export function scaleOf(context: LowerContext, dtype: DType, name: string): number {
  const { min, max } = rangeOf(context, name);
  const scale = symmetricScale(dtype, min, max);
  return scale > 0 && scale < Infinity ? scale : decline(`the range of ${name} is empty`);
}

/** The scales of weights of `channels` output channels. */
export function weightScalesOf(context: LowerContext, channels: number, name = 'filter'): readonly number[] {
  const scales = weightScales(...boundsOf(context, name));
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

/** What becomes of a convolution's sums. */
type Becomes = {
  readonly dtype: DType;
  /** The value that is added to each, if any: the second input that `result` gets. */
  readonly summand: readonly ValueId[];
  readonly result: (inputs: readonly Buffer[]) => Result;
};

type Conv = {
  readonly isDepthwise: boolean;
  readonly becomes: (channels: number) => Becomes;
  readonly bias?: Int32Array;
};

/** The layer of a convolution of the codes in input 0 by the int8 filter in input 1. */
export function addConvolution(context: LowerContext, { isDepthwise, becomes, bias }: Conv): Operand {
  const input = valueAt(context, 0);
  const weights = weightsAt(context, 1);
  const { windows, halo, shape, channels } = convolutionOf(context.node, input.shape, weights.shape, isDepthwise);
  const { dtype, summand, result } = becomes(channels);
  const spec = ({ inputs, output }: Placed): ConvSpec => ({
    input: inputs[0]!,
    output,
    ...windows,
    weights: weights.data,
    ...(bias && { bias }),
    result: result(inputs),
  });
  return addKernel(context, {
    inputs: [input.id, ...summand],
    dtype,
    shape,
    halos: [halo],
    overwrites: summand.length > 0 && fillsPanels(channels) ? 1 : undefined,
    choose: (placed) => chosen(isDepthwise ? depthwiseKernels : convKernels, placed.isa, spec(placed)),
  });
}

/** The factors of a requantization: of sums and of the summand's codes, whose scale is given. */
type Factors = {
  readonly result: Pick<Requantized, 'multipliers' | 'real'>;
  readonly summand: (scale: number) => { readonly multiplier: number; readonly isFused?: true };
};

/** By the arithmetic contract. */
function contractFactors(context: LowerContext, channels: number, output: number): Factors {
  const scale = scaleOf(context, valueAt(context, 0).dtype, 'input');
  const multipliers = Float32Array.from(weightScalesOf(context, channels), (w) => multiplierOf(scale, w, output));
  return { result: { multipliers }, summand: (added) => ({ multiplier: Math.fround(added / output) }) };
}

/** With TensorFlow's roundings (rounding.ts); the bias is added to real numbers, and not to the sums. */
function realFactors(context: LowerContext, channels: number, output: number, bias: Int32Array | undefined): Factors {
  const { dtype } = valueAt(context, 0);
  const input = { dtype, scale: scaleOf(context, dtype, 'input') };
  const values = bias && { values: bias, isReal: false };
  const { sums, biases, back } = realScales(input, weightScalesOf(context, channels), output, values);
  return {
    result: { multipliers: sums, real: { bias: biases, factor: back } },
    summand: (added) => ({ multiplier: Math.fround(added), isFused: true }),
  };
}

/** Sums → codes, and those of the summand in input `summand`, if any. */
function requantization(context: LowerContext, factorsFor: (output: number) => Factors): Becomes {
  const { node } = context;
  const dtype = byteType(opAttr(node, 'out_type', 'type'), 'sums');
  const factors = factorsFor(scaleOf(context, dtype, 'freezed_output'));
  const result: Requantized = { kind: 'requantize', ...factors.result, ...codeBounds(dtype, isRelu(node)) };
  const at = inputIndex(node, 'summand');
  if (at === undefined) return { dtype, result: () => result, summand: [] };
  const summand = valueAt(context, at);
  const added = factors.summand(scaleOf(context, byteType(summand.dtype, 'a summand'), 'summand'));
  // In TensorFlow's own forms a signed summand costs an unsigned output half of its codes (see the reference).
  const high = summand.dtype === 'qint8' ? Math.min(127, result.high) : result.high;
  const withSummand = ([, buffer]: readonly Buffer[]): Requantized => ({
    ...result,
    high,
    summand: { buffer: buffer!, ...added },
  });
  return { dtype, result: withSummand, summand: [summand.id] };
}

/** Sums → codes of the convolution's own → their sum with the summand's, as floats (internal-sum.ts). */
function sumRequantization(context: LowerContext, channels: number): Becomes {
  const { node } = context;
  const [input, summand] = [valueAt(context, 0), valueAt(context, needIndex(node, 'summand'))];
  const own = readAttr(node, 'own_type', 'type');
  const dtype = byteType(readAttr(node, 'out_type', 'type'), 'a sum');
  const output = scaleOf(context, own, 'freezed_output');
  const scale = scaleOf(context, input.dtype, 'input');
  const multipliers = Float32Array.from(weightScalesOf(context, channels), (w) => multiplierOf(scale, w, output));
  const stepOf = (of: DType, name: string): number =>
    isCodeType(of) ? dequantizer(of, 'SCALED', false, rangeOf(context, name))(1) : decline(`a sum of ${of}`);
  const { narrowRange } = endQuantization(node);
  const { factor, low, high } = scaledCodes(dtype, narrowRange, endRange(node, rangeOf(context, 'sum')));
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
  boundsOf(context, context.node.op === sumConv ? 'sum' : 'freezed_output').map((tensor) => ({ tensor }));

/** Quantized[Depthwise]Conv2D…AndRequantize (figure 1c), with and without bias, relu, summand. */
export const lowerConv: Lower = (context) => {
  const bias = integerBias(context);
  const isReal = roundsAsTensorFlow(context.node);
  const becomes = (channels: number): Becomes =>
    context.node.op === sumConv
      ? sumRequantization(context, channels)
      : requantization(context, (output) =>
          isReal ? realFactors(context, channels, output, bias) : contractFactors(context, channels, output),
        );
  const output = addConvolution(context, {
    isDepthwise: context.node.op.includes('Depthwise'),
    becomes,
    ...(bias && !isReal && { bias }),
  });
  return [output, ...frozenRange(context)];
};
