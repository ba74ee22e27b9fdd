import { numberOf, numbersOf, type Tensor } from '../base/tensor.ts';
import { readAttr } from '../graph/attr.ts';
import { convGeometry, readWindows } from '../graph/shapes/geometry.ts';
import { convolve } from '../kernels/conv/convolve.ts';
import { inputAt, numbers, tensorOfNumbers } from '../kernels/numbers.ts';
import { limitsOf, symmetricScale } from '../kernels/quantize/codes.ts';
import type { ReferenceKernel } from '../kernels/reference-kernel.ts';
import { multiplierOf, requantizeWithSummand, saturate32 } from '../kernels/requantize/contract.ts';

/** A quantized convolution with a residual add, for all types of codes: see `sumConvReference`. */
export const sumConv = '_OctetConv2DSum';

/** Its inputs, by the names that TensorFlow gives those of QuantizedConv2DWithBiasSumAndReluAndRequantize. */
export const sumConvInputs: readonly string[] = [
  ...['input', 'filter', 'bias', 'min_input', 'max_input', 'min_filter', 'max_filter'],
  ...['min_freezed_output', 'max_freezed_output', 'summand', 'min_summand', 'max_summand'],
];

/**
 * y = clamp(rne(f32(acc + b_q)·m[c] + f32(z)·m_z)): TensorFlow's fused form, but without or with relu (attribute `relu`),
 * and with all codes of `out_type` whatever the summand's type. The bias is qint32.
 */
export const sumConvReference: ReferenceKernel = (inputs, node) => {
  const at = (name: string): Tensor => inputAt(inputs, sumConvInputs.indexOf(name));
  const [input, filter, summand] = [at('input'), at('filter'), at('summand')];
  const g = convGeometry(input.shape, filter.shape, readWindows(node));
  const sums = convolve(g, numbers(input), numbers(filter));
  const dtype = readAttr(node, 'out_type', 'type');
  const { low, high } = limitsOf(dtype);
  const lowest = readAttr(node, 'relu', 'bool') ? 0 : low;
  const scaleOf = (name: string, of: Tensor['dtype']): number =>
    symmetricScale(of, numberOf(at(`min_${name}`)), numberOf(at(`max_${name}`)));
  const output = scaleOf('freezed_output', dtype);
  const limits = [numbersOf(at('min_filter')), numbersOf(at('max_filter'))] as const;
  const multipliers = Float64Array.from({ length: g.outChannels }, (_, c) => {
    const i = limits[0].length === 1 ? 0 : c;
    const weight = symmetricScale('qint8', limits[0][i]!, limits[1][i]!);
    return multiplierOf(scaleOf('input', input.dtype), weight, output);
  });
  const own = Math.fround(scaleOf('summand', summand.dtype) / output);
  const [bias, z] = [numbers(at('bias')), numbers(summand)];
  const codes = Float64Array.from(sums, (sum, i) => {
    const c = i % g.outChannels;
    return requantizeWithSummand(saturate32(sum + bias[c]!), multipliers[c]!, z[i]!, own, lowest, high);
  });
  const shape = [g.batch, g.h.output, g.w.output, g.outChannels];
  return [tensorOfNumbers(dtype, shape, codes), at('min_freezed_output'), at('max_freezed_output')];
};
