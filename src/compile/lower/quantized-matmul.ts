import { opAttr } from '../../graph/signature.ts';
import type { ConvSpec, Result } from '../../kernels/conv/native/spec.ts';
import { symmetricScale } from '../../kernels/quantize/codes.ts';
import { multiplierOf } from '../../kernels/requantize/contract.ts';
import { convKernels } from '../kernels.ts';
import { chosen, type Operand } from '../layer.ts';
import { addKernel, boundsOf, decline, type Lower, type LowerContext, rangeOf, valueAt } from './lowering.ts';
import { codeBounds, integerBias, scaleOf, weightScalesOf, weightsAt } from './quantized-conv.ts';
import { oneByOne, rowsOf } from './windows.ts';

/** The value of a step of operand `a`: quint8 codes over [min, max] count in 255ths of it, whatever their mode. */
export function operandScale(context: LowerContext, isFloat: boolean): number {
  const { node } = context;
  const { dtype } = valueAt(context, 0);
  const { min, max } = rangeOf(context, 'a');
  const isSymmetric = isFloat && opAttr(node, 'input_quant_mode', 'string') === 'SCALED';
  return dtype === 'quint8' && !isSymmetric ? Math.fround(max - min) / 255 : symmetricScale(dtype, min, max);
}

/** QuantizedMatMulWithBias{AndDequantize, AndRequantize, AndReluAndRequantize} with a qint32 bias. */
export const lowerMatMul: Lower = (context) => {
  const { node } = context;
  const input = valueAt(context, 0);
  const weights = weightsAt(context, 1);
  const bias = integerBias(context) ?? decline('it has no bias');
  const isFloat = node.op.endsWith('AndDequantize');
  if (input.shape.length !== 2 || opAttr(node, 'transpose_a', 'bool')) decline('its first operand is no plain matrix');
  if (opAttr(node, 'transpose_b', 'bool')) decline('its weights are transposed');
  const [rows] = input.shape as readonly [number, number];
  const columns = weights.shape[1]!;
  const scale = operandScale(context, isFloat);
  const scales = weightScalesOf(context, columns, 'b');
  const dtype = opAttr(node, 'Toutput', 'type');
  const relu = node.op.includes('Relu');
  const requantized = (): Result => {
    const output = scaleOf(context, dtype, 'freezed_output');
    const multipliers = Float32Array.from(scales, (w) => multiplierOf(scale, w, output));
    return { kind: 'requantize', multipliers, ...codeBounds(dtype, relu) };
  };
  const result: Result = isFloat
    ? { kind: 'dequantize', multipliers: Float32Array.from(scales, (w) => scale * w) }
    : requantized();
  const output = addKernel(context, {
    inputs: [input.id],
    dtype,
    shape: [rows, columns],
    choose: ({ inputs: [from], output: to, isa }) => {
      const spec: ConvSpec = {
        input: rowsOf(from!),
        output: rowsOf(to),
        ...oneByOne,
        weights: weights.data,
        bias,
        result,
      };
      return chosen(convKernels, isa, spec);
    },
  });
  if (isFloat) return [output];
  return [output, ...boundsOf(context, 'freezed_output').map((tensor): Operand => ({ tensor }))];
};
