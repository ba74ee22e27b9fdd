import { UserError } from '../../base/errors.ts';
import { numberOf, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { convGeometry, depthwiseGeometry, readWindows } from '../../graph/shapes/geometry.ts';
import { opAttr } from '../../graph/signature.ts';
import { convolve } from '../conv/convolve.ts';
import { convolveDepthwise } from '../depthwise/convolve.ts';
import { channelsLast, inLayout, tensorOfNumbers } from '../numbers.ts';
import { affineCode, limitsOf, symmetricScale } from '../quantize/codes.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { roundsAsTensorFlow } from '../requantize/rounding.ts';
import { codesOf, rangeScale, sumRange, toBytes, toFloats, toRealBytes, toSums, weightScales } from './finish.ts';
import { type ConvParts, fusedParts, namedParts } from './forms.ts';

/** Exact sums of codes, [n, h, w, channels]. */
type Sums = { readonly sums: Float64Array; readonly shape: readonly number[] };

/** The sums of a convolution of codes whose zero is code `zero` (of inputs) and `filterZero` (of weights). */
function convSums({ input, filter }: ConvParts, node: Node, zero = 0, filterZero = 0): Sums {
  const windows = readWindows(node);
  const g = convGeometry(input.shape, filter.shape, { ...windows, layout: 'NHWC' });
  const centered = (codes: ReturnType<typeof codesOf>, by: number) =>
    by === 0 ? codes : Int32Array.from(codes, (code) => code - by);
  const sums = convolve(g, centered(codesOf(input), zero), centered(codesOf(filter), filterZero));
  return { sums, shape: [g.batch, g.h.output, g.w.output, g.outChannels] };
}

function depthwiseSums({ input, filter }: ConvParts, node: Node): Sums {
  const g = depthwiseGeometry(input.shape, filter.shape, { ...readWindows(node), layout: 'NHWC' });
  const sums = convolveDepthwise(g, codesOf(input), codesOf(filter));
  return { sums, shape: [g.batch, g.h.output, g.w.output, g.channels * g.multiplier] };
}

/** The outputs (tensor, min, max) of any form, from its exact sums. */
function finish(parts: ConvParts, node: Node, { sums, shape }: Sums): readonly Tensor[] {
  const { input, inputRange, filterRange, outputRange, relu } = parts;
  const channels = shape[3]!;
  const scales = {
    input: symmetricScale(input.dtype, numberOf(inputRange[0]), numberOf(inputRange[1])),
    weights: weightScales(...filterRange),
  };
  if (scales.weights.length !== 1 && scales.weights.length !== channels)
    throw new UserError(`${scales.weights.length} ranges of filters do not fit ${channels} output channels`);
  const { summand } = parts;
  const epilogue = {
    relu,
    ...(parts.bias && { bias: parts.bias }),
    ...(summand && {
      summand: {
        tensor: summand.tensor,
        scale: summand.range ? rangeScale(summand.tensor.dtype, ...summand.range) : 1,
      },
    }),
  };
  const dtype = opAttr(node, 'out_type', 'type');
  if (outputRange !== undefined) {
    const scale = rangeScale(dtype, ...outputRange);
    const codes = roundsAsTensorFlow(node)
      ? toRealBytes(sums, channels, { ...scales, dtype: input.dtype }, epilogue, { dtype, scale })
      : toBytes(sums, channels, scales, epilogue, dtype, scale);
    return [tensorOfNumbers(dtype, shape, codes), ...outputRange];
  }
  if (parts.dequantize) return [tensorOfNumbers('float32', shape, toFloats(sums, channels, scales, epilogue))];
  const codes = toSums(sums, channels, scales, epilogue);
  return [tensorOfNumbers('qint32', shape, codes), ...sumRange(input.dtype, ...inputRange, ...filterRange)];
}

const conv =
  (sumsOf: (parts: ConvParts, node: Node) => Sums, partsOf = namedParts): ReferenceKernel =>
  (inputs, node) => {
    const parts = partsOf(inputs, node);
    const layout = readWindows(node).layout;
    const last = { ...parts, input: channelsLast(parts.input, layout) };
    const [output, ...ranges] = finish(last, node, sumsOf(last, node));
    return [inLayout(output!, layout), ...ranges];
  };

const full = conv((parts, node) => convSums(parts, node));
const depthwise = conv(depthwiseSums);

/** quint8 weights: TensorFlow's first quantized convolution, whose codes are affine over [min, max]. */
const affine: ReferenceKernel = (inputs, node) => {
  const parts = namedParts(inputs, node);
  const zeroOf = (t: Tensor, [min, max]: readonly [Tensor, Tensor]) => {
    const limits = limitsOf(t.dtype);
    return affineCode(0, { min: numberOf(min), max: numberOf(max), limits });
  };
  const zeros = [zeroOf(parts.input, parts.inputRange), zeroOf(parts.filter, parts.filterRange)] as const;
  const { sums, shape } = convSums(parts, node, ...zeros);
  const f32 = Math.fround;
  const width = ([min, max]: readonly [Tensor, Tensor]) => f32(f32(numberOf(max) - numberOf(min)) / 255);
  const step = f32(width(parts.inputRange) * width(parts.filterRange));
  const bound = (end: number) => tensorOfNumbers('float32', [], Float64Array.of(step * f32(end))) as Tensor;
  return [tensorOfNumbers('qint32', shape, sums), bound(-(2 ** 31)), bound(2 ** 31 - 1)];
};

/** Quantized convolutions: figure 1's (b), sums in qint32, and (c), codes in 8 bits. */
export const quantizedConvReference = {
  QuantizedConv2D: (inputs, node, resources) =>
    (inputs[1]?.dtype === 'quint8' ? affine : full)(inputs, node, resources),
  QuantizedConv2DPerChannel: full,
  QuantizedConv2DAndRelu: full,
  QuantizedConv2DAndRequantize: full,
  QuantizedConv2DAndReluAndRequantize: full,
  QuantizedConv2DWithBias: full,
  QuantizedConv2DWithBiasAndRelu: full,
  QuantizedConv2DWithBiasAndRequantize: full,
  QuantizedConv2DWithBiasAndReluAndRequantize: full,
  QuantizedConv2DWithBiasSumAndRelu: full,
  QuantizedConv2DWithBiasSumAndReluAndRequantize: full,
  QuantizedConv2DWithBiasSignedSumAndReluAndRequantize: full,
  QuantizedDepthwiseConv2D: depthwise,
  QuantizedDepthwiseConv2DWithBias: depthwise,
  QuantizedDepthwiseConv2DWithBiasAndRelu: depthwise,
  QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize: depthwise,
  _FusedQuantizedConv2D: conv((parts, node) => convSums(parts, node), fusedParts),
  _FusedQuantizedDepthwiseConv2D: conv(depthwiseSums, fusedParts),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
