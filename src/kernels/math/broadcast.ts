import { UserError } from '../../base/errors.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf, stridesOf } from '../../base/shape.ts';

/** The shape of `a` and `b` broadcast together. Throws `UserError` where they do not fit. */
export function broadcastShape(a: Shape, b: Shape): number[] {
  const shape = broadcastShapes(a, b);
  if (shape === undefined) throw new UserError(`shapes ${formatShape(a)} and ${formatShape(b)} can't be broadcast`);
  return shape;
}

type Axis = { size: number; steps: readonly number[] };

/** For each operand the step of each axis of `shape`, 0 where it repeats; axes that all operands walk alike made one. */
export function broadcastAxes(shape: Shape, operands: readonly Shape[]): Axis[] {
  const strides = operands.map((operand) => {
    const own = stridesOf(operand);
    const missing = shape.length - operand.length;
    return shape.map((_, i) => (i < missing || operand[i - missing] === 1 ? 0 : own[i - missing]!));
  });
  const axes: Axis[] = [];
  shape.forEach((size, i) => {
    if (size === 1) return;
    const steps = strides.map((s) => s[i]!);
    const outer = axes.at(-1);
    if (outer?.steps.every((step, n) => step === steps[n]! * size)) {
      axes[axes.length - 1] = { size: outer.size * size, steps };
    } else axes.push({ size, steps });
  });
  return axes.length === 0 ? [{ size: 1, steps: operands.map(() => 0) }] : axes;
}

type Indexed<T> = { [i: number]: T };

/** out[…] = f(a[…], b[…]) over `shape`; same shapes, scalars and vectors along the last axis run in one or two loops. */
export function broadcastBinary<T, R>(
  f: (a: T, b: T) => R,
  shape: Shape,
  [a, aShape]: readonly [Indexed<T>, Shape],
  [b, bShape]: readonly [Indexed<T>, Shape],
  out: Indexed<R>,
): void {
  if (sizeOf(shape) === 0) return;
  const axes = broadcastAxes(shape, [aShape, bShape]);
  const last = axes.length - 1;
  let o = 0;
  const walk = (depth: number, i: number, j: number): void => {
    const { size, steps } = axes[depth]!;
    const [stepA, stepB] = steps as [number, number];
    if (depth < last) {
      for (let n = 0; n < size; n++) walk(depth + 1, i + n * stepA, j + n * stepB);
      return;
    }
    let [x, y] = [i, j];
    for (let n = 0; n < size; n++, x += stepA, y += stepB) out[o++] = f(a[x]!, b[y]!);
  };
  walk(0, 0, 0);
}
