import { UserError } from '../../base/errors.ts';
import { isFullShape, normalizeAxis, type Shape, sameShape } from '../../base/shape.ts';
import { equalTensors, numbersOf, type Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import { constNode } from '../../graph/constant.ts';
import { inferTypes } from '../../graph/infer.ts';
import { isValue, type Operand } from '../layer.ts';
import { decline, type Lower, type LowerContext, needIndex, tensorAt, type Value, valueAt } from './lowering.ts';

/** Ops whose output is their first input under another shape: no work at all. */
function alias(context: LowerContext, from: Value, shape: Shape): Operand {
  const { node, operands, newValue, add } = context;
  const output = newValue(from.dtype, shape);
  add({ kind: 'alias', node, operands, inputs: [from.id], output });
  return { id: output };
}

/** The shape of output 0, from the op's own shape rule. */
function inferredShape({ node, operands, val }: LowerContext): Shape {
  const names = operands.map((_, i) => `${node.name}/${i}`);
  const nodes = new Map(
    operands.flatMap((operand, i) => (isValue(operand) ? [] : [[names[i]!, constNode(names[i]!, operand.tensor)]])),
  );
  const assume = new Map(
    operands.flatMap((operand, i) => (isValue(operand) ? [[names[i]!, val(operand.id)] as const] : [])),
  );
  const own = { ...node, inputs: names.map((name) => ({ node: name, port: 0 })), controls: [] };
  const types = inferTypes({
    node: (name) => (name === node.name ? own : nodes.get(name)),
    library: new Map(),
    assume,
  });
  const { shape } = types.of({ node: node.name, port: 0 });
  return shape !== null && isFullShape(shape) ? shape : decline('its shape is unknown');
}

/** Identity, Reshape, Squeeze, ExpandDims … */
export const lowerAlias: Lower = (context) => [alias(context, valueAt(context, 0), inferredShape(context))];

/** QuantizedReshape: the range goes along. */
export const lowerQuantizedReshape: Lower = (context) => {
  const from = valueAt(context, 0);
  const shape = numbersOf(tensorAt(context, 1));
  const size = from.shape.reduce((a, b) => a * b, 1);
  const known = shape.filter((dim) => dim >= 0).reduce((a, b) => a * b, 1);
  const full = shape.map((dim) => (dim < 0 ? size / known : dim));
  if (full.reduce((a, b) => a * b, 1) !== size) throw new UserError(`can't reshape [${from.shape}] into [${shape}]`);
  return [alias(context, from, full), { tensor: tensorAt(context, 2) }, { tensor: tensorAt(context, 3) }];
};

/** Values joined along their last axis. */
function concat(context: LowerContext, values: readonly Value[], axis: number): Operand {
  const { node, operands, newValue, add } = context;
  const [first] = values;
  if (first === undefined) return decline('it joins nothing');
  const rank = first.shape.length;
  if (rank === 0 || normalizeAxis(axis, rank) !== rank - 1) return decline(`it joins along axis ${axis}`);
  const outer = first.shape.slice(0, -1);
  if (!values.every((v) => v.dtype === first.dtype && sameShape(v.shape.slice(0, -1), outer)))
    return decline('its parts do not fit');
  const channels = values.reduce((sum, v) => sum + v.shape.at(-1)!, 0);
  const output = newValue(first.dtype, [...outer, channels]);
  add({ kind: 'concat', node, operands, inputs: values.map((v) => v.id), output });
  return { id: output };
}

export const lowerConcat: Lower = (context) => {
  const count = readAttr(context.node, 'N', 'int');
  const values = Array.from({ length: count }, (_, i) => valueAt(context, i));
  return [concat(context, values, numbersOf(tensorAt(context, count))[0]!)];
};

/** QuantizedConcatV2 of codes over one range: as it is exact in TensorFlow only then, all others run by the reference. */
export const lowerQuantizedConcat: Lower = (context) => {
  const { node } = context;
  const count = readAttr(node, 'N', 'int');
  const values = Array.from({ length: count }, (_, i) => valueAt(context, i));
  const [mins, maxes] = ['input_mins', 'input_maxes'].map((name) => {
    const start = needIndex(node, name);
    return Array.from({ length: count }, (_, i) => tensorAt(context, start + i));
  }) as [Tensor[], Tensor[]];
  const isOneRange = [mins, maxes].every((list) => list.every((t) => equalTensors(t, list[0]!)));
  const [min, max] = [numbersOf(mins[0]!)[0]!, numbersOf(maxes[0]!)[0]!];
  const isUsual = values[0]?.dtype === 'quint8' ? min === 0 : min === -max;
  if (!isOneRange || !isUsual) decline('its inputs have different ranges');
  const output = concat(context, values, numbersOf(tensorAt(context, needIndex(node, 'axis')))[0]!);
  return [output, { tensor: mins[0]! }, { tensor: maxes[0]! }];
};
