import { UserError } from '../../base/errors.ts';
import { formatShape, type PartialShape } from '../../base/shape.ts';
import type { InferContext, ShapeRule } from '../infer.ts';

/** A size as far as it is known. */
export type Dim = number | null;

export const inputShape = ({ inputs }: InferContext, i: number): PartialShape => inputs[i]?.shape ?? null;

/** All outputs are as the first input. */
export const asInput: ShapeRule = (context) => new Array<PartialShape>(context.outputs).fill(inputShape(context, 0));
export const asScalar: ShapeRule = ({ outputs }) => new Array<PartialShape>(outputs).fill([]);
/** Outputs of a rank that is known, and sizes that are not. */
export const ofRank = (rank: number): PartialShape => new Array<Dim>(rank).fill(null);

/** The product; null where a factor is unknown and none is zero. */
export function product(dims: readonly Dim[]): Dim {
  if (dims.includes(0)) return 0;
  return dims.includes(null) ? null : (dims as number[]).reduce((size, dim) => size * dim, 1);
}

export const plus = (a: Dim, b: Dim): Dim => (a === null || b === null ? null : a + b);

/** What two shapes that must be equal say together. Throws `UserError` where they contradict each other. */
export function merged(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null) return a ?? b;
  const fits = a.length === b.length && a.every((dim, i) => dim === null || b[i] === null || dim === b[i]);
  if (!fits) throw new UserError(`shapes ${formatShape(a)} and ${formatShape(b)} do not fit`);
  return a.map((dim, i) => dim ?? b[i]!);
}

/** Broadcasting of shapes that are partly known: an unknown size against 1 stays unknown, against more is that. */
export function broadcastPartial(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null) return null;
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a, b].map((shape) => {
      const at = shape.length - rank + i;
      return at < 0 ? 1 : shape[at]!;
    }) as [Dim, Dim];
    if (x === null) return y === 1 ? null : y;
    if (y === null) return x === 1 ? null : x;
    if (x !== y && x !== 1 && y !== 1)
      throw new UserError(`shapes ${formatShape(a)} and ${formatShape(b)} can't be broadcast`);
    return x === 1 ? y : x;
  });
}

/** The shape that integer input `i` holds; negative entries (to be computed) are unknown. */
export function shapeFrom(context: InferContext, i: number): PartialShape {
  const known = context.elements(i);
  if (known !== undefined) return known.map((dim) => (dim === null || dim < 0 ? null : dim));
  const length = inputShape(context, i)?.[0];
  return length == null || length > 254 ? null : ofRank(length);
}

/** The only element of integer input `i`, if it is known. */
export function numberFrom(context: InferContext, i: number): number | null {
  const known = context.elements(i);
  return known?.length === 1 ? known[0]! : null;
}

/** Axis `axis` of `shape` counted from the front. Throws `UserError` outside of its rank. */
export function checkedAxis(axis: number, rank: number): number {
  if (axis < -rank || axis >= rank) throw new UserError(`axis ${axis} is outside of rank ${rank}`);
  return axis < 0 ? axis + rank : axis;
}
