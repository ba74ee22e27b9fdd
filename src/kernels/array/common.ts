import { UserError } from '../../base/errors.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../../base/shape.ts';
import { maxElements, numberOf, numbersOf, type Tensor } from '../../base/tensor.ts';

/** The only element of `t` as an axis of `rank`, counted from the front. */
export const axisOf = (t: Tensor, rank: number): number => normalizeAxis(numberOf(t), rank);

/** The elements of `t` as a shape. Throws `UserError` on negative or too many. */
export function shapeOf(t: Tensor): number[] {
  const shape = numbersOf(t);
  if (shape.some((dim) => dim < 0) || sizeOf(shape) > maxElements)
    throw new UserError(`${formatShape(shape)} is not a shape`);
  return shape;
}

/** The same tensor over elements of its own. */
export const copyOf = <T extends Tensor>(t: T): T => ({ ...t, data: (t.data as Float32Array).slice() as T['data'] });

/** Throws `UserError` unless `a` and `b` are alike but for `axis`. */
export function checkAlike(a: Shape, b: Shape, axis?: number): void {
  if (a.length !== b.length || a.some((dim, i) => i !== axis && dim !== b[i]))
    throw new UserError(`shapes ${formatShape(a)} and ${formatShape(b)} do not fit`);
}
