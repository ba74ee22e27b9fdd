import { UserError } from '../../base/errors.ts';
import { formatShape, type PartialShape, type Shape } from '../../base/shape.ts';
import { reshaped, type Tensor } from '../../base/tensor.ts';
import { concat } from '../array/move.ts';
import { materialize, view, window } from '../array/view.ts';

/** `count` rows of `t` from `start`. */
export const rows = (t: Tensor, start: number, count: number): Tensor =>
  materialize(window(view(t), 0, start, count), t);

/** Row `i` of `t`, without its first axis. */
export const row = (t: Tensor, i: number): Tensor => reshaped(rows(t, i, 1), t.shape.slice(1));

/** Tensors of one shape as rows of one. */
export const stack = (items: readonly Tensor[]): Tensor =>
  concat(
    items.map((t) => reshaped(t, [1, ...t.shape])),
    0,
  );

/** What two partial shapes say together. Throws `UserError` where they contradict each other. */
export function mergeShapes(a: PartialShape, b: PartialShape): PartialShape {
  if (a === null || b === null) return a ?? b;
  if (a.length !== b.length || a.some((dim, i) => dim !== null && b[i] !== null && dim !== b[i]))
    throw new UserError(`an element of shape ${formatShape(a)} is not of shape ${formatShape(b)}`);
  return a.map((dim, i) => dim ?? b[i] ?? null);
}

/** `shape` if all of it is known; else `UserError`. */
export function fullShape(shape: PartialShape): Shape {
  if (shape?.every((dim) => dim !== null)) return shape as Shape;
  throw new UserError(`the shape of an element that was never written, ${formatShape(shape)}, is not known`);
}
