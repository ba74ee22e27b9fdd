import type { Node } from '../../graph/graph.ts';
import { argRanges } from '../../graph/signature.ts';
import { comparisonFormulas } from '../../kernels/eltwise/native/formulas.ts';
import { internalInputs } from '../internal.ts';
import { sumConv } from '../internal-conv.ts';
import { floatConv, roundedConv } from '../internal-float-conv.ts';
import { partsOf, requantizedOp } from '../internal-requantized.ts';
import { deconvLowerings } from './deconv.ts';
import { lowerFloatConv, lowerRoundedConv } from './float-conv.ts';
import type { Lower } from './lowering.ts';
import { matmulLowerings } from './matmul.ts';
import { lowerAlias, lowerConcat, lowerQuantizedConcat, lowerQuantizedReshape } from './movers.ts';
import { lowerPad } from './pad.ts';
import { pointwiseLowerings } from './pointwise.ts';
import { poolLowerings } from './pool.ts';
import { lowerConv } from './quantized-conv.ts';
import { lowerMatMul } from './quantized-matmul.ts';
import { realConvLowerings } from './real-conv.ts';
import { requantizedLowerings } from './requantized.ts';
import { rowLowerings } from './rows.ts';
import { sliceLowerings } from './slice.ts';
import { lowerTable } from './table.ts';

/** How each op becomes layers; what is not here runs by its reference kernel. */
export const lowerings: ReadonlyMap<string, Lower> = new Map(
  Object.entries({
    Identity: lowerAlias,
    StopGradient: lowerAlias,
    Reshape: lowerAlias,
    Squeeze: lowerAlias,
    ExpandDims: lowerAlias,
    QuantizedReshape: lowerQuantizedReshape,
    ConcatV2: lowerConcat,
    QuantizedConcatV2: lowerQuantizedConcat,
    Pad: lowerPad,
    PadV2: lowerPad,
    QuantizedConv2DAndRequantize: lowerConv,
    QuantizedConv2DAndReluAndRequantize: lowerConv,
    QuantizedConv2DWithBiasAndRequantize: lowerConv,
    QuantizedConv2DWithBiasAndReluAndRequantize: lowerConv,
    QuantizedConv2DWithBiasSumAndReluAndRequantize: lowerConv,
    QuantizedConv2DWithBiasSignedSumAndReluAndRequantize: lowerConv,
    _FusedQuantizedConv2D: lowerConv,
    [sumConv]: lowerConv,
    [floatConv]: lowerFloatConv,
    [roundedConv]: lowerRoundedConv,
    QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize: lowerConv,
    _FusedQuantizedDepthwiseConv2D: lowerConv,
    QuantizedMatMulWithBiasAndDequantize: lowerMatMul,
    QuantizedMatMulWithBiasAndRequantize: lowerMatMul,
    QuantizedMatMulWithBiasAndReluAndRequantize: lowerMatMul,
    ...pointwiseLowerings,
    ...realConvLowerings,
    ...poolLowerings,
    ...requantizedLowerings,
    ...deconvLowerings,
    ...matmulLowerings,
    ...rowLowerings,
    ...sliceLowerings,
    _OctetTable: lowerTable,
  }),
);

/** Lowered ops whose results are truth values. */
export const comparisons: ReadonlySet<string> = new Set(comparisonFormulas.keys());

/** Lowered ops that move values about: a segment of nothing else is not worth a native call. */
export const movers: ReadonlySet<string> = new Set([
  ...['Identity', 'StopGradient', 'Reshape', 'Squeeze', 'ExpandDims', 'QuantizedReshape', 'ConcatV2'],
  ...['QuantizedConcatV2', 'Pad', 'PadV2'],
]);

/** The inputs of a node that must be constants for it to have a native form: weights, ranges, shapes, axes. */
export function constantInputs(node: Node): ReadonlySet<number> {
  if (node.op === requantizedOp) {
    const { sums, end } = partsOf(node);
    const behind = [...constantInputs(end)].map((i) => sums.inputs.length + i - 1);
    return new Set([...constantInputs(sums), ...behind]);
  }
  const internal = internalInputs.get(node.op);
  if (internal !== undefined) return new Set(internal.flatMap((name, i) => (constantNames.test(name) ? [i] : [])));
  const found = new Set<number>();
  const isProduct = node.op === 'MatMul' || node.op === '_FusedMatMul';
  for (const [name, { start, count }] of argRanges(node, 'inputs'))
    if (constantNames.test(name) && !(isProduct && name === 'b')) for (let i = 0; i < count; i++) found.add(start + i);
  return found;
}

const constantNames =
  /^(min_|max_|input_mins|input_maxes|input_min|input_max|requested_|host_inputs|filter$|b$|bias$|multipliers$|shape$|axis$|dim$|paddings$)/;
