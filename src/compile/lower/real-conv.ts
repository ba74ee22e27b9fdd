import { opAttr } from '../../graph/signature.ts';
import type { RealConvSpec } from '../../kernels/conv/native-f32/spec.ts';
import { realConvKernels, realDepthwiseKernels } from '../kernels.ts';
import { chosen, isValue, type Placed } from '../layer.ts';
import { addKernel, decline, float32At, type Lower, type LowerContext, valueAt } from './lowering.ts';
import { lowerProduct } from './matmul.ts';
import { inputsOf, tailOf, withTail } from './real-tail.ts';
import { convolutionOf, fillsPanels, oneByOne, rowsOf } from './windows.ts';
import { isWinograd, lowerWinograd } from './winograd.ts';

/** The float32 operands of a layer in NHWC with constant weights. */
function operandsOf(context: LowerContext) {
  const input = valueAt(context, 0);
  const weights = float32At(context, 1);
  if (input.dtype !== 'float32') decline(`an input of ${input.dtype}`);
  return { input, weights };
}

/** Conv2D, DepthwiseConv2dNative and their fused forms. */
const lowerRealConv: Lower = (context) => {
  const { input, weights } = operandsOf(context);
  const isDepthwise = context.node.op.includes('Depthwise');
  const convolution = convolutionOf(context.node, input.shape, weights.shape, isDepthwise);
  const { windows, halo, shape, channels } = convolution;
  const tail = tailOf(context, channels, shape);
  const real = { input, weights: weights.data, convolution, tail };
  if (!isDepthwise && isWinograd(real)) return [lowerWinograd(context, real)];
  const spec = ({ inputs: [from, summand], output }: Placed): RealConvSpec => ({
    input: from!,
    output,
    ...windows,
    weights: weights.data,
    ...withTail(tail, summand),
  });
  const output = addKernel(context, {
    inputs: inputsOf(input.id, tail),
    dtype: 'float32',
    shape,
    halos: [halo],
    overwrites: tail.summand !== undefined && fillsPanels(channels) ? 1 : undefined,
    choose: (placed) => chosen(isDepthwise ? realDepthwiseKernels : realConvKernels, placed.isa, spec(placed)),
  });
  return [output];
};

/** MatMul and _FusedMatMul; by a constant matrix it is a convolution of 1 × 1. */
const lowerRealMatMul: Lower = (context) => {
  if (isValue(context.operands[1]!)) return lowerProduct(context);
  const { input, weights } = operandsOf(context);
  const { node } = context;
  if (input.shape.length !== 2 || opAttr(node, 'transpose_a', 'bool')) decline('its first operand is no plain matrix');
  const isTransposed = opAttr(node, 'transpose_b', 'bool');
  const [k, columns] = isTransposed ? [weights.shape[1]!, weights.shape[0]!] : [weights.shape[0]!, weights.shape[1]!];
  if (k !== input.shape[1]) decline('its shapes do not fit');
  const shape = [input.shape[0]!, columns];
  const tail = tailOf(context, columns, shape);
  const spec = ({ inputs: [from, summand], output }: Placed): RealConvSpec => ({
    input: rowsOf(from!),
    output: rowsOf(output),
    ...oneByOne,
    weights: isTransposed ? transposed(weights.data, columns, k) : weights.data,
    ...withTail(tail, summand && rowsOf(summand)),
  });
  const output = addKernel(context, {
    inputs: inputsOf(input.id, tail),
    dtype: 'float32',
    shape,
    choose: (placed) => chosen(realConvKernels, placed.isa, spec(placed)),
  });
  return [output];
};

function transposed(data: Float32Array, rows: number, columns: number): Float32Array {
  const to = new Float32Array(data.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) to[column * rows + row] = data[row * columns + column]!;
  return to;
}

/** The ops whose lowering is here. */
export const realConvLowerings: Readonly<Record<string, Lower>> = {
  Conv2D: lowerRealConv,
  _FusedConv2D: lowerRealConv,
  DepthwiseConv2dNative: lowerRealConv,
  FusedDepthwiseConv2dNative: lowerRealConv,
  _FusedDepthwiseConv2dNative: lowerRealConv,
  MatMul: lowerRealMatMul,
  _FusedMatMul: lowerRealMatMul,
};
