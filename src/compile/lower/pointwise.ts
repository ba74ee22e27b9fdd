import type { DType } from '../../base/dtype.ts';
import { broadcastShapes, type Shape } from '../../base/shape.ts';
import { numberOf, type Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import { opAttr } from '../../graph/signature.ts';
import { unaryFormulas } from '../../kernels/activation/native/formulas.ts';
import { binaryFormulas, comparisonFormulas } from '../../kernels/eltwise/native/formulas.ts';
import { isDense, sameSizes, sizeOfElement } from '../../kernels/native/buffers.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import { tensorOfNumbers } from '../../kernels/numbers.ts';
import { add, type Expr, input, max } from '../../kernels/pointwise/native/expr.ts';
import type { Constants, PointwiseSpec } from '../../kernels/pointwise/native/spec.ts';
import { isCodeType } from '../../kernels/quantize/codes.ts';
import { dequantizeFormula, quantizeFormula } from '../../kernels/quantize/native/formulas.ts';
import {
  adjustedRange,
  type Quantization,
  type QuantizeMode,
  quantizer,
  type Range,
  type RoundMode,
} from '../../kernels/quantize/quantize.ts';
import { endQuantization, endRange } from '../internal-sum.ts';
import { pointwiseKernels } from '../kernels.ts';
import { type Choice, chosen, isValue, type Operand, type Placed, pictureOf } from '../layer.ts';
import { addKernel, decline, type Lower, type LowerContext, tensorAt, valueAt } from './lowering.ts';

/** A shape of `rank` axes that broadcasts as `shape` does. */
export const padded = (shape: Shape, rank: number): Shape => [...Array<number>(rank - shape.length).fill(1), ...shape];

/** A buffer seen under another shape of as many elements; only where it has no gaps may the axes differ. */
export function viewed(buffer: Buffer, shape: Buffer['shape']): Buffer | undefined {
  if (sameSizes(buffer.shape, shape)) return buffer;
  if (!isDense(buffer)) return undefined;
  const w = shape.c * sizeOfElement(buffer.type);
  const h = shape.w * w;
  return { ...buffer, shape, stride: { n: shape.h * h, h, w }, halo: { top: 0, bottom: 0, left: 0, right: 0 } };
}

type Pointwise = {
  /** By the operands' numbers. */
  readonly operands: readonly number[];
  readonly dtype: DType;
  readonly compute: Expr;
  readonly refusesNan?: boolean;
};

/** A layer that computes `compute` of the operands, which are broadcast to each other. */
export function addPointwise(
  context: LowerContext,
  { operands, dtype, compute, refusesNan = false }: Pointwise,
): Operand {
  const all = operands.map((i) => context.operands[i] ?? decline(`it has no operand ${i}`));
  const shapes = all.map((operand) => (isValue(operand) ? context.val(operand.id).shape : operand.tensor.shape));
  const shape = shapes.reduce<Shape>((a, b) => broadcastShapes(a, b) ?? decline('its shapes do not fit'), []);
  const values = operands.flatMap((i, at) => (isValue(all[at]!) ? [valueAt(context, i)] : []));
  if (values.length === 0) decline('all of its operands are constant');
  const choose = (placed: Placed): Choice => {
    let next = 0;
    const inputs: (Buffer | Constants)[] = [];
    for (const [i, operand] of all.entries()) {
      const picture = pictureOf(padded(shapes[i]!, shape.length));
      const found = isValue(operand) ? viewed(placed.inputs[next++]!, picture) : constantsOf(operand.tensor, picture);
      if (found === undefined) return { whyNot: `operand ${i} has gaps` };
      inputs.push(found);
    }
    const output = viewed(placed.output, pictureOf(shape));
    if (output === undefined) return { whyNot: 'its output has gaps' };
    const spec: PointwiseSpec = { what: context.node.name, inputs, output, compute };
    return chosen(pointwiseKernels, placed.isa, spec);
  };
  return addKernel(context, { inputs: values.map(({ id }) => id), dtype, shape, choose, refusesNan });
}

const constantsOf = (tensor: Tensor, shape: Buffer['shape']): Constants | undefined =>
  tensor.dtype === 'float32' ? { values: tensor.data, shape } : undefined;

const isFloat = (context: LowerContext, i: number): boolean => {
  const operand = context.operands[i];
  if (operand === undefined) return false;
  return (isValue(operand) ? context.val(operand.id).dtype : operand.tensor.dtype) === 'float32';
};

/** Activations and other functions of one element, in float32. */
export const lowerUnary: Lower = (context) => {
  const { node } = context;
  const formula = unaryFormulas.get(node.op) ?? decline('it has no formula');
  if (!isFloat(context, 0)) decline('it is not of float32');
  const alpha = node.op === 'LeakyRelu' ? opAttr(node, 'alpha', 'float') : 0;
  return [addPointwise(context, { operands: [0], dtype: 'float32', compute: formula(input(0), alpha) })];
};

/** Arithmetic of two float32 operands, each a value or a constant. */
export const lowerBinary: Lower = (context) => {
  const { node } = context;
  const formula = binaryFormulas.get(node.op) ?? decline('it has no formula');
  if (!isFloat(context, 0) || !isFloat(context, 1)) decline('it is not of float32');
  if (node.op === 'BiasAdd' && opAttr(node, 'data_format', 'string') !== 'NHWC') decline('channels come first');
  return [addPointwise(context, { operands: [0, 1], dtype: 'float32', compute: formula(input(0), input(1)) })];
};

/** Comparisons of two float32 operands. */
const lowerComparison: Lower = (context) => {
  const formula = comparisonFormulas.get(context.node.op) ?? decline('it has no formula');
  if (!isFloat(context, 0) || !isFloat(context, 1)) decline('it is not of float32');
  return [addPointwise(context, { operands: [0, 1], dtype: 'bool', compute: formula(input(0), input(1)) })];
};

/** Integers and truth values made float32. */
const lowerCast: Lower = (context) => {
  const from = valueAt(context, 0).dtype;
  if (from === 'float32' || isCodeType(from) || readAttr(context.node, 'DstT', 'type') !== 'float32')
    decline(`a cast of ${from}`);
  return [addPointwise(context, { operands: [0], dtype: 'float32', compute: input(0) })];
};

const readMode = (context: LowerContext): QuantizeMode => opAttr(context.node, 'mode', 'string') as QuantizeMode;

function rangeAt(context: LowerContext): Range {
  const { node } = context;
  const [low, high] = [tensorAt(context, 1), tensorAt(context, 2)];
  if (opAttr(node, 'axis', 'int') !== -1 || low.data.length !== 1 || high.data.length !== 1)
    decline('it has a range a slice');
  const [min, max] = [numberOf(low), numberOf(high)];
  if (!(min <= max) || max - min === Infinity) decline(`[${min}, ${max}] is no range`);
  return { min, max };
}

/** QuantizeV2 over a constant range. There is no code for NaN: the run fails. */
const lowerQuantize: Lower = (context) => {
  const { node } = context;
  const dtype = opAttr(node, 'T', 'type');
  if (!isCodeType(dtype)) return decline(`codes of ${dtype}`);
  const quantization: Quantization = {
    dtype,
    mode: readMode(context),
    roundMode: opAttr(node, 'round_mode', 'string') as RoundMode,
    narrowRange: opAttr(node, 'narrow_range', 'bool'),
    perSlice: false,
  };
  const range = adjustedRange(rangeAt(context), opAttr(node, 'ensure_minimum_range', 'float'));
  const compute = quantizeFormula(quantization, range) ?? decline('its mode has no native form');
  const codes = addPointwise(context, { operands: [0], dtype, compute, refusesNan: true });
  const result = quantizer(quantization, range).range;
  const bound = (value: number): Operand => ({
    tensor: tensorOfNumbers('float32', tensorAt(context, 1).shape, Float64Array.of(value)),
  });
  return [codes, bound(result.min), bound(result.max)];
};

const lowerDequantize: Lower = (context) => {
  const { node } = context;
  const { dtype } = valueAt(context, 0);
  if (!isCodeType(dtype) || opAttr(node, 'dtype', 'type') !== 'float32') return decline(`${dtype}`);
  const narrow = opAttr(node, 'narrow_range', 'bool');
  const compute = dequantizeFormula(dtype, readMode(context), narrow, rangeAt(context));
  if (compute === undefined) return decline('its mode has no native form');
  return [addPointwise(context, { operands: [0], dtype: 'float32', compute })];
};

/** _OctetAdd (internal.ts): the sum of codes of two scales, as TensorFlow computes it in float32. */
const lowerSumOfCodes: Lower = (context) => {
  const { node } = context;
  const range = (i: number): Range => ({
    min: numberOf(tensorAt(context, i)),
    max: numberOf(tensorAt(context, i + 1)),
  });
  const value = (i: number): Expr => {
    const { dtype } = valueAt(context, i);
    const code = isCodeType(dtype) ? dequantizeFormula(dtype, 'SCALED', false, range(2 + 2 * i), input(i)) : undefined;
    return code ?? decline('its ranges are empty');
  };
  const sum = add(value(0), value(1));
  const compute = quantizeFormula(
    endQuantization(node),
    endRange(node, range(6)),
    readAttr(node, 'relu', 'bool') ? max(sum, 0) : sum,
  );
  const codes = addPointwise(context, {
    operands: [0, 1],
    dtype: readAttr(node, 'out_type', 'type'),
    compute: compute ?? decline('its range is empty'),
  });
  return [codes, { tensor: tensorAt(context, 6) }, { tensor: tensorAt(context, 7) }];
};

/** The ops whose lowering is here. */
export const pointwiseLowerings: Readonly<Record<string, Lower>> = {
  ...Object.fromEntries([...unaryFormulas.keys()].map((op) => [op, lowerUnary])),
  ...Object.fromEntries([...binaryFormulas.keys()].map((op) => [op, lowerBinary])),
  ...Object.fromEntries([...comparisonFormulas.keys()].map((op) => [op, lowerComparison])),
  Cast: lowerCast,
  QuantizeV2: lowerQuantize,
  Dequantize: lowerDequantize,
  _OctetAdd: lowerSumOfCodes,
};
