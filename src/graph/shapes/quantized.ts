import { broadcastShapes, isFullShape, type PartialShape } from '../../base/shape.ts';
import { numberOf } from '../../base/tensor.ts';
import type { InferContext, ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { argRanges, opAttr } from '../signature.ts';
import { convolved, type Dim, dimOf, pooledShape } from './windows.ts';

const scalar: PartialShape = [];
const ranges: readonly PartialShape[] = [scalar, scalar];
const shapeAt = ({ inputs }: InferContext, i: number): PartialShape => inputs[i]?.shape ?? null;

const asInput: ShapeRule = (context) => [shapeAt(context, 0)];
const asInputWithRange: ShapeRule = (context) => [shapeAt(context, 0), scalar, scalar];
const rangeOnly: ShapeRule = () => ranges;

/** A range for each slice of `axis`, or one for all. */
const quantize: ShapeRule = (context) => {
  const range = opAttr(context.node, 'axis', 'int') === -1 ? scalar : shapeAt(context, 1);
  return [shapeAt(context, 0), range, range];
};

/** Sums in qint32 have a range for each range of the filter; codes in 8 bits have the one that is given. */
const conv =
  (depthwise: boolean): ShapeRule =>
  (context) => {
    const { node, outputs } = context;
    const named = argRanges(node, 'inputs');
    const devices = named.get('device_inputs')?.count;
    // A fused op's host inputs begin with the input's range, then the filter's.
    const filterRange = devices === undefined ? (named.get('min_filter')?.start ?? -1) : devices + 2;
    const codes = node.op.endsWith('AndRequantize') || fuses(context, 'Requantize');
    const range = codes ? scalar : shapeAt(context, filterRange);
    return [convolved(context, { depthwise }), range, range].slice(0, outputs);
  };

const fuses = ({ node }: InferContext, name: string): boolean => {
  const attr = node.attrs.get('fused_ops');
  return attr !== undefined && 'list' in attr && (attr.list.strings?.includes(name) ?? false);
};

const matMul: ShapeRule = (context) => {
  const { node, outputs } = context;
  const side = (i: number, attr: string, axis: number): Dim =>
    dimOf(shapeAt(context, i), opAttr(node, attr, 'bool') ? 1 - axis : axis, 2);
  const product = [side(0, 'transpose_a', 0), side(1, 'transpose_b', 1)];
  const devices = argRanges(node, 'inputs').get('device_inputs')?.count;
  const perChannel = devices !== undefined && !fuses(context, 'Requantize');
  const range = perChannel ? shapeAt(context, devices + 2) : scalar;
  return [product, range, range].slice(0, outputs);
};

const pool: ShapeRule = (context) => [pooledShape(context), scalar, scalar];

/** As Concat; the axis is the first input or stands behind the values. */
const concat: ShapeRule = (context) => {
  const { node, constant } = context;
  const count = opAttr(node, 'N', 'int');
  const first = node.op === 'QuantizedConcat' ? 1 : 0;
  const axisTensor = constant(first === 1 ? 0 : count);
  const shapes = Array.from({ length: count }, (_, i) => shapeAt(context, first + i));
  const known = shapes.find((shape) => shape !== null);
  if (known == null) return [null, scalar, scalar];
  if (axisTensor === undefined) return [known.map(() => null), scalar, scalar];
  const given = numberOf(axisTensor);
  const axis = given < 0 ? given + known.length : given;
  const joined = known.map((_, i): Dim => {
    const dims = shapes.map((shape) => shape?.[i] ?? null);
    if (i !== axis) return dims.find((dim) => dim !== null) ?? null;
    return dims.reduce<Dim>((sum, dim) => (sum === null || dim === null ? null : sum + dim), 0);
  });
  return [joined, scalar, scalar];
};

const broadcast: ShapeRule = (context) => {
  const [x, y] = [shapeAt(context, 0), shapeAt(context, 1)];
  const both = isFullShape(x) && isFullShape(y) ? (broadcastShapes(x, y) ?? null) : null;
  return [both, scalar, scalar];
};

const reshape: ShapeRule = (context) => {
  const wanted = context.elements(1);
  if (wanted === undefined) return [null, scalar, scalar];
  const input = shapeAt(context, 0);
  const size = isFullShape(input) ? input.reduce((a, b) => a * b, 1) : null;
  const known = wanted.reduce<Dim>((a, dim) => (a === null || dim === null ? null : dim === -1 ? a : a * dim), 1);
  const inferred = size === null || known === null || known === 0 ? null : size / known;
  return [wanted.map((dim) => (dim === -1 ? inferred : dim)), scalar, scalar];
};

const resize: ShapeRule = (context) => {
  const size = context.elements(1);
  const [batch, channels] = [dimOf(shapeAt(context, 0), 0, 4), dimOf(shapeAt(context, 0), 3, 4)];
  return [[batch, size?.[0] ?? null, size?.[1] ?? null, channels], scalar, scalar];
};

/** Shapes of the quantized ops: (output, min, max). */
export const quantizedShapes = {
  Dequantize: asInput,
  QuantizeV2: quantize,
  QuantizeAndDequantize: asInput,
  QuantizeAndDequantizeV2: asInput,
  QuantizeAndDequantizeV3: asInput,
  QuantizeAndDequantizeV4: asInput,
  RequantizationRange: rangeOnly,
  RequantizationRangePerChannel: rangeOnly,
  Requantize: asInputWithRange,
  RequantizePerChannel: asInputWithRange,
  QuantizeDownAndShrinkRange: asInputWithRange,
  QuantizedAdd: broadcast,
  QuantizedMul: broadcast,
  QuantizedAvgPool: pool,
  QuantizedMaxPool: pool,
  QuantizedBiasAdd: asInputWithRange,
  QuantizedConcat: concat,
  QuantizedConcatV2: concat,
  QuantizedConv2D: conv(false),
  QuantizedConv2DAndRelu: conv(false),
  QuantizedConv2DAndReluAndRequantize: conv(false),
  QuantizedConv2DAndRequantize: conv(false),
  QuantizedConv2DPerChannel: conv(false),
  QuantizedConv2DWithBias: conv(false),
  QuantizedConv2DWithBiasAndRelu: conv(false),
  QuantizedConv2DWithBiasAndReluAndRequantize: conv(false),
  QuantizedConv2DWithBiasAndRequantize: conv(false),
  QuantizedConv2DWithBiasSignedSumAndReluAndRequantize: conv(false),
  QuantizedConv2DWithBiasSumAndRelu: conv(false),
  QuantizedConv2DWithBiasSumAndReluAndRequantize: conv(false),
  _FusedQuantizedConv2D: conv(false),
  QuantizedDepthwiseConv2D: conv(true),
  QuantizedDepthwiseConv2DWithBias: conv(true),
  QuantizedDepthwiseConv2DWithBiasAndRelu: conv(true),
  QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize: conv(true),
  _FusedQuantizedDepthwiseConv2D: conv(true),
  QuantizedInstanceNorm: asInputWithRange,
  QuantizedMatMul: matMul,
  QuantizedMatMulWithBias: matMul,
  QuantizedMatMulWithBiasAndDequantize: matMul,
  QuantizedMatMulWithBiasAndRelu: matMul,
  QuantizedMatMulWithBiasAndReluAndRequantize: matMul,
  QuantizedMatMulWithBiasAndRequantize: matMul,
  _QuantizedMatMul: matMul,
  QuantizedRelu: asInputWithRange,
  QuantizedRelu6: asInputWithRange,
  QuantizedReluX: asInputWithRange,
  QuantizedReshape: reshape,
  QuantizedResizeBilinear: resize,
} satisfies Partial<Record<OpName, ShapeRule>>;
