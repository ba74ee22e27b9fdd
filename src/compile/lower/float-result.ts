import type { DType } from '../../base/dtype.ts';
import { numberOf } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import { convGeometry, depthwiseGeometry, readWindows } from '../../graph/shapes/geometry.ts';
import type { ConvSpec, Result } from '../../kernels/conv/native/spec.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import { isCodeType } from '../../kernels/quantize/codes.ts';
import { dequantizer } from '../../kernels/quantize/dequantize.ts';
import { type Range, scaledCodes } from '../../kernels/quantize/quantize.ts';
import { activationLimits } from '../internal-float-conv.ts';
import { sumCodes, sumRange } from '../internal-sum.ts';
import { convKernels, depthwiseKernels } from '../kernels.ts';
import { chosen, type Operand, type Placed, type ValueId } from '../layer.ts';
import {
  addKernel,
  decline,
  float32At,
  inputIndex,
  type Lower,
  type LowerContext,
  needIndex,
  tensorAt,
  valueAt,
} from './lowering.ts';
import { haloOf, weightsAt, windowsOf } from './quantized-conv.ts';

type Becomes = {
  readonly dtype: DType;
  readonly summand: readonly ValueId[];
  readonly result: (inputs: readonly Buffer[]) => Result;
};

/** The layer of a convolution of codes, depthwise or not, whose sums become what `becomes` says. */
function addConv(context: LowerContext, { dtype, summand, result }: Becomes): Operand {
  const { node } = context;
  const input = valueAt(context, 0);
  const weights = weightsAt(context, 1);
  const isDepthwise = readAttr(node, 'depthwise', 'bool');
  const geometry = isDepthwise
    ? depthwiseGeometry(input.shape, weights.shape, readWindows(node))
    : convGeometry(input.shape, weights.shape, readWindows(node));
  const { h, w, batch } = geometry;
  const [groups, outChannels] =
    'multiplier' in geometry
      ? [geometry.channels, geometry.channels * geometry.multiplier]
      : [geometry.groups, geometry.outChannels];
  const spec = ({ inputs, output }: Placed): ConvSpec => ({
    input: inputs[0]!,
    output,
    ...windowsOf(h, w),
    groups,
    weights: weights.data,
    result: result(inputs),
  });
  return addKernel(context, {
    inputs: [input.id, ...summand],
    dtype,
    shape: [batch, h.output, w.output, outChannels],
    halos: [haloOf(h, w)],
    choose: (placed) => chosen(isDepthwise ? depthwiseKernels : convKernels, placed.isa, spec(placed)),
  });
}

const vectors = (context: LowerContext) => ({
  multipliers: float32At(context, needIndex(context.node, 'multipliers')).data,
  bias: float32At(context, needIndex(context.node, 'bias')).data,
});

/** _OctetFloatConv2D: float32 results (internal-float-conv.ts). */
export const lowerFloatConv: Lower = (context) => {
  const result = { kind: 'dequantize', ...vectors(context), ...activationLimits(context.node) } as const;
  return [addConv(context, { dtype: 'float32', summand: [], result: () => result })];
};

/** _OctetRoundedConv2D: float32 results, with or without a summand, that become codes. */
export const lowerRoundedConv: Lower = (context) => {
  const { node } = context;
  const dtype = readAttr(node, 'out_type', 'type');
  if (dtype !== 'quint8' && dtype !== 'qint8') return decline(`results as ${dtype}`);
  const tensorOf = (name: string) => tensorAt(context, needIndex(node, name));
  const rangeOf = (name: string): Range => ({
    min: numberOf(tensorOf(`min_${name}`)),
    max: numberOf(tensorOf(`max_${name}`)),
  });
  const { narrowRange } = sumCodes(node);
  const { factor, low, high } = scaledCodes(dtype, narrowRange, sumRange(node, rangeOf('output')));
  const { multipliers, bias } = vectors(context);
  const result = {
    kind: 'requantize',
    multipliers,
    real: { bias, factor },
    low: readAttr(node, 'relu', 'bool') ? Math.max(0, low) : low,
    high,
  } as const;
  const range = [{ tensor: tensorOf('min_output') }, { tensor: tensorOf('max_output') }];
  const at = inputIndex(node, 'summand');
  if (at === undefined) return [addConv(context, { dtype, summand: [], result: () => result }), ...range];
  const summand = valueAt(context, at);
  if (!isCodeType(summand.dtype)) return decline(`a summand of ${summand.dtype}`);
  const multiplier = dequantizer(summand.dtype, 'SCALED', false, rangeOf('summand'))(1);
  const withSummand = ([, buffer]: readonly Buffer[]): Result => ({
    ...result,
    summand: { buffer: buffer!, multiplier },
  });
  return [addConv(context, { dtype, summand: [summand.id], result: withSummand }), ...range];
};
