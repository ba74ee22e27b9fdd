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
function broadcastAxes(shape: Shape, operands: readonly Shape[]): Axis[] {
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
  const { size, steps } = axes[last]!;
  const allFloat32 = a instanceof Float32Array && b instanceof Float32Array && out instanceof Float32Array;
  const run = (allFloat32 ? runFloat32 : runAny) as unknown as typeof runAny<T, R>;
  let o = 0;
  const walk = (depth: number, i: number, j: number): void => {
    if (depth === last) {
      run(f, a, i, steps[0]!, b, j, steps[1]!, out, o, size);
      o += size;
      return;
    }
    const axis = axes[depth]!;
    for (let n = 0; n < axis.size; n++) walk(depth + 1, i + n * axis.steps[0]!, j + n * axis.steps[1]!);
  };
  walk(0, 0, 0);
}

/** One row; `i`, `j` and `o` are where it starts. */
function runAny<T, R>(
  f: (a: T, b: T) => R,
  a: Indexed<T>,
  i: number,
  stepA: number,
  b: Indexed<T>,
  j: number,
  stepB: number,
  out: Indexed<R>,
  o: number,
  size: number,
): void {
  for (let n = 0; n < size; n++) out[o + n] = f(a[i + n * stepA]!, b[j + n * stepB]!);
}

/** The same, apart from it: V8 makes code for the types of array that a function has seen, and one type is much faster. */
function runFloat32(
  f: (a: number, b: number) => number,
  a: Float32Array,
  i: number,
  stepA: number,
  b: Float32Array,
  j: number,
  stepB: number,
  out: Float32Array,
  o: number,
  size: number,
): void {
  for (let n = 0; n < size; n++) out[o + n] = f(a[i + n * stepA]!, b[j + n * stepB]!);
}
