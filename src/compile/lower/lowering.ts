import type { DType } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import type { Shape } from '../../base/shape.ts';
import { numberOf, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import { argRanges, opAttr } from '../../graph/signature.ts';
import type { Range } from '../../kernels/quantize/quantize.ts';
import { internalInputs } from '../internal.ts';
import { type Halo, isValue, type KernelLayer, type Layer, type Operand, type Val, type ValueId } from '../layer.ts';

/** What the lowering of a node may look at and add. */
export type LowerContext = {
  readonly node: Node;
  readonly operands: readonly Operand[];
  readonly val: (id: ValueId) => Val;
  readonly newValue: (dtype: DType, shape: Shape) => ValueId;
  readonly add: (layer: Layer) => void;
};

/**
 * Turns a node into layers; gives its outputs. Throws `Declined` where it has no native form for these operands: then the
 * node runs by its reference kernel.
 */
export type Lower = (context: LowerContext) => readonly Operand[];

/** Why a node is not lowered. Never reaches users. */
export class Declined extends Error {}
export const decline = (why: string): never => {
  throw new Declined(why);
};

export type Value = { readonly id: ValueId } & Val;

/** Operand `i` as a value of the program. */
export function valueAt({ operands, val }: LowerContext, i: number): Value {
  const operand = operands[i];
  if (operand === undefined || !isValue(operand)) return decline(`operand ${i} is constant`);
  return { id: operand.id, ...val(operand.id) };
}

/** Operand `i` as a tensor known now. */
export function tensorAt({ operands }: LowerContext, i: number): Tensor {
  const operand = operands[i];
  if (operand === undefined || isValue(operand)) return decline(`operand ${i} is not constant`);
  return operand.tensor;
}

export function float32At(context: LowerContext, i: number): Tensor<'float32'> {
  const tensor = tensorAt(context, i);
  return tensor.dtype === 'float32' ? tensor : decline(`operand ${i} is ${tensor.dtype}`);
}

/** The index of the input that the op calls `name`, or undefined. The `_Fused…` forms are read as figure 1's names. */
export function inputIndex(node: Node, name: string): number | undefined {
  const internal = internalInputs.get(node.op)?.indexOf(name);
  if (internal !== undefined) return internal >= 0 && internal < node.inputs.length ? internal : undefined;
  const ranges = argRanges(node, 'inputs');
  const devices = ranges.get('device_inputs');
  if (devices === undefined) return ranges.get(name)?.start;
  const fused = opAttr(node, 'fused_ops', 'strings');
  const pick = (...names: readonly (readonly [string, ...string[]] | false)[]) => names.flatMap((list) => list || []);
  const tensors = pick(
    ['input', 'filter'],
    fused.includes('BiasAdd') && ['bias'],
    fused.includes('Sum') && ['summand'],
  );
  const bounds = pick(
    ['input', 'filter'],
    fused.includes('Sum') && ['summand'],
    fused.includes('Requantize') && ['freezed_output'],
  ).flatMap((what) => [`min_${what}`, `max_${what}`]);
  const [tensor, bound] = [tensors.indexOf(name), bounds.indexOf(name)];
  if (tensor >= 0) return tensor;
  return bound >= 0 && devices.count + bound < node.inputs.length ? devices.count + bound : undefined;
}

/** As `inputIndex`, for an input that the op has. */
export function needIndex(node: Node, name: string): number {
  const index = inputIndex(node, name);
  if (index === undefined) throw new UserError(`has no input '${name}'`, { node: node.name, op: node.op });
  return index;
}

/** The constant operands called min_`name` and max_`name`. */
export const boundsOf = (context: LowerContext, name: string): readonly [min: Tensor, max: Tensor] => [
  tensorAt(context, needIndex(context.node, `min_${name}`)),
  tensorAt(context, needIndex(context.node, `max_${name}`)),
];

/** The range between them. */
export function rangeOf(context: LowerContext, name: string): Range {
  const [min, max] = boundsOf(context, name);
  return { min: numberOf(min), max: numberOf(max) };
}

/** `dtype`, where it is a type of 8-bit codes. */
export const byteType = (dtype: DType, what: string): 'quint8' | 'qint8' =>
  dtype === 'quint8' || dtype === 'qint8' ? dtype : decline(`${what} as ${dtype}`);

type KernelFields = {
  readonly inputs: readonly ValueId[];
  readonly dtype: DType;
  readonly shape: Shape;
  readonly halos?: readonly (Halo | undefined)[];
  readonly choose: KernelLayer['choose'];
  readonly overwrites?: number | undefined;
  readonly refusesNan?: boolean;
};

/** Adds a layer of kind 'kernel'; gives its output. */
export function addKernel(
  context: LowerContext,
  { inputs, dtype, shape, halos = [], choose, overwrites, refusesNan = false }: KernelFields,
): Operand {
  const { node, operands, newValue, add } = context;
  const output = newValue(dtype, shape);
  add({ kind: 'kernel', node, operands, inputs, output, halos, choose, overwrites, refusesNan });
  return { id: output };
}
