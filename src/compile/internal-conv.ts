import { numberOf, numbersOf, type Tensor } from '../base/tensor.ts';
import { readAttr } from '../graph/attr.ts';
import { convGeometry, readWindows } from '../graph/shapes/geometry.ts';
import { convolve } from '../kernels/conv/convolve.ts';
import { inputAt, numbers, tensorOfNumbers } from '../kernels/numbers.ts';
import { limitsOf, symmetricScale } from '../kernels/quantize/codes.ts';
import type { ReferenceKernel } from '../kernels/reference-kernel.ts';
import { multiplierOf, requantize, saturate32 } from '../kernels/requantize/contract.ts';
import { sumOfCodes } from './internal-sum.ts';

/** A quantized convolution with a residual add, for all types of codes: see `sumConvReference`. */
export const sumConv = '_OctetConv2DSum';

/** Its inputs, by TensorFlow's names; the frozen output is the convolution's own, before the sum. */
export const sumConvInputs: readonly string[] = [
  ...['input', 'filter', 'bias', 'min_input', 'max_input', 'min_filter', 'max_filter'],
  ...['min_freezed_output', 'max_freezed_output', 'summand', 'min_summand', 'max_summand', 'min_sum', 'max_sum'],
];

/**
 * Codes a = clamp(rne(f32(acc + b_q)·m[c])) of type `own_type`, then their sum with z (internal-sum.ts). The bias is qint32.
 */
export const sumConvReference: ReferenceKernel = (inputs, node) => {
  const at = (name: string): Tensor => inputAt(inputs, sumConvInputs.indexOf(name));
  const [input, filter, summand] = [at('input'), at('filter'), at('summand')];
  const rangeOf = (name: string) => ({ min: numberOf(at(`min_${name}`)), max: numberOf(at(`max_${name}`)) });
  const scaleOf = (dtype: Tensor['dtype'], { min, max }: { min: number; max: number }) =>
    symmetricScale(dtype, min, max);
  const g = convGeometry(input.shape, filter.shape, readWindows(node));
  const sums = convolve(g, numbers(input), numbers(filter));
  const [own, dtype] = [readAttr(node, 'own_type', 'type'), readAttr(node, 'out_type', 'type')];
  const { low, high } = limitsOf(own);
  const output = scaleOf(own, rangeOf('freezed_output'));
  const limits = [numbersOf(at('min_filter')), numbersOf(at('max_filter'))] as const;
  const multipliers = Float64Array.from({ length: g.outChannels }, (_, c) => {
    const i = limits[0].length === 1 ? 0 : c;
    const weight = symmetricScale('qint8', limits[0][i]!, limits[1][i]!);
    return multiplierOf(scaleOf(input.dtype, rangeOf('input')), weight, output);
  });
  const operands = [
    { dtype: own, range: rangeOf('freezed_output') },
    { dtype: summand.dtype, range: rangeOf('summand') },
  ] as const;
  const add = sumOfCodes(node, operands, rangeOf('sum'));
  const [bias, z] = [numbers(at('bias')), numbers(summand)];
  const codes = Float64Array.from(sums, (sum, i) => {
    const c = i % g.outChannels;
    return add(requantize(saturate32(sum + bias[c]!), multipliers[c]!, low, high), z[i]!);
  });
  const shape = [g.batch, g.h.output, g.w.output, g.outChannels];
  return [tensorOfNumbers(dtype, shape, codes), at('min_sum'), at('max_sum')];
};
