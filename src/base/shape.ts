import { UserError } from './errors.ts';

/** A full shape: one non-negative size an axis. */
export type Shape = readonly number[];
/** A shape as far as it is known before running: `null` for an unknown size; `null` as a whole for unknown rank. */
export type PartialShape = readonly (number | null)[] | null;

export const sizeOf = (shape: Shape): number => shape.reduce((size, dim) => size * dim, 1);

/** Elements, not bytes, to the next element of each axis, row-major. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= shape[axis]!;
  }
  return strides;
}

export const sameShape = (a: Shape, b: Shape): boolean => a.length === b.length && a.every((dim, i) => dim === b[i]);
export const isFullShape = (shape: PartialShape): shape is Shape => shape?.every((dim) => dim !== null) ?? false;

/** `axis` counted from the front; negative ones count from the end. Throws `UserError` outside of `rank`. */
export function normalizeAxis(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (positive < 0 || positive >= rank) throw new UserError(`axis ${axis} is outside of rank ${rank}`);
  return positive;
}

/** NumPy's broadcasting of two shapes; undefined where they do not fit. */
export function broadcastShapes(a: Shape, b: Shape): number[] | undefined {
  const rank = Math.max(a.length, b.length);
  const out = new Array<number>(rank);
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return undefined;
    out[i] = x === 1 ? y : x;
  }
  return out;
}

export const formatShape = (shape: PartialShape): string =>
  shape === null ? '<unknown>' : `[${shape.map((dim) => dim ?? '?').join(',')}]`;
