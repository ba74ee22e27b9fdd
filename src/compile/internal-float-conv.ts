import { InternalError } from '../base/errors.ts';
import { numberOf, type Tensor } from '../base/tensor.ts';
import { readAttr } from '../graph/attr.ts';
import type { Node } from '../graph/graph.ts';
import { convGeometry, depthwiseGeometry, readWindows } from '../graph/shapes/geometry.ts';
import { convolve } from '../kernels/conv/convolve.ts';
import { convolveDepthwise } from '../kernels/depthwise/convolve.ts';
import { inputAt, numbers, tensorOfNumbers } from '../kernels/numbers.ts';
import { isCodeType } from '../kernels/quantize/codes.ts';
import { dequantizer } from '../kernels/quantize/dequantize.ts';
import { quantizer, type Range } from '../kernels/quantize/quantize.ts';
import type { ReferenceKernel } from '../kernels/reference-kernel.ts';
import { endQuantization, endRange } from './internal-sum.ts';

/**
 * A quantized convolution, depthwise with the attribute `depthwise`, whose sums become float32, and one whose float32 results
 * become codes, with or without a summand: see the references. They are what files say step by step, sums in qint32 →
 * Bitcast → Cast → Mul → BiasAdd …, bit for bit.
 */
export const floatConv = '_OctetFloatConv2D';
export const roundedConv = '_OctetRoundedConv2D';

/** Their inputs, by TensorFlow's names where it has some. `multipliers` and `bias` are float32, one an output channel. */
export const floatConvInputs: readonly string[] = ['input', 'filter', 'multipliers', 'bias'];
export const roundedConvInputs: readonly string[] = [
  ...floatConvInputs,
  ...['min_output', 'max_output', 'summand', 'min_summand', 'max_summand'],
];

type Floats = { readonly shape: readonly number[]; readonly values: Float64Array };

const f32 = Math.fround;

/** f32(f32(f32(acc)·m[c]) + b[c]). */
function floats(inputs: readonly Tensor[], node: Node): Floats {
  const [input, filter] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const [m, b] = [numbers(inputAt(inputs, 2)), numbers(inputAt(inputs, 3))];
  const channels = m.length;
  const finish = (sums: Float64Array): Float64Array =>
    sums.map((sum, i) => f32(f32(f32(sum) * m[i % channels]!) + b[i % channels]!));
  if (readAttr(node, 'depthwise', 'bool')) {
    const g = depthwiseGeometry(input.shape, filter.shape, readWindows(node));
    const values = finish(convolveDepthwise(g, numbers(input), numbers(filter)));
    return { shape: [g.batch, g.h.output, g.w.output, channels], values };
  }
  const g = convGeometry(input.shape, filter.shape, readWindows(node));
  const values = finish(convolve(g, numbers(input), numbers(filter)));
  return { shape: [g.batch, g.h.output, g.w.output, channels], values };
}

/** The limits of an activation: '' has none. */
export const activationLimits = (node: Node): { readonly low?: number; readonly high?: number } => {
  const activation = readAttr(node, 'activation', 'string');
  return { ...(activation !== '' && { low: 0 }), ...(activation === 'Relu6' && { high: 6 }) };
};

/** input, filter, multipliers, bias → min(max(f32(f32(f32(acc)·m[c]) + b[c]), low), high), float32. */
export const floatConvReference: ReferenceKernel = (inputs, node) => {
  const { shape, values } = floats(inputs, node);
  const { low = Number.NEGATIVE_INFINITY, high = Number.POSITIVE_INFINITY } = activationLimits(node);
  return [
    tensorOfNumbers(
      'float32',
      shape,
      values.map((y) => Math.min(high, Math.max(low, y))),
    ),
  ];
};

/** … [+ what the summand's codes stand for], as codes of the output's range; below zero cut off with `relu`. */
export const roundedConvReference: ReferenceKernel = (inputs, node) => {
  const at = (name: string): Tensor => inputAt(inputs, roundedConvInputs.indexOf(name));
  const rangeOf = (name: string) => ({ min: numberOf(at(`min_${name}`)), max: numberOf(at(`max_${name}`)) });
  const { shape, values } = floats(inputs, node);
  const { encode } = quantizer(endQuantization(node), endRange(node, rangeOf('output')));
  const least = readAttr(node, 'relu', 'bool') ? 0 : Number.NEGATIVE_INFINITY;
  const summand = inputs.length > roundedConvInputs.indexOf('summand') ? at('summand') : undefined;
  const total = summand === undefined ? values : added(values, summand, rangeOf('summand'));
  const codes = total.map((y) => encode(Math.max(least, y)));
  return [tensorOfNumbers(readAttr(node, 'out_type', 'type'), shape, codes), at('min_output'), at('max_output')];
};

function added(values: Float64Array, summand: Tensor, range: Range): Float64Array {
  if (!isCodeType(summand.dtype)) throw new InternalError(`a summand of ${summand.dtype}`);
  const value = dequantizer(summand.dtype, 'SCALED', false, range);
  const z = numbers(summand);
  return values.map((y, i) => f32(y + value(z[i]!)));
}
