import { dtypes } from '../../base/dtype.ts';
import { type Shape, sizeOf, stridesOf } from '../../base/shape.ts';
import { type Tensor, zeros } from '../../base/tensor.ts';

/** Elements as they are moved, whatever they mean: by their width; strings and handles as they are. */
export type Cells = Uint8Array | Uint16Array | Int32Array | unknown[];

/**
 * A window on a tensor's elements: element (i, j, …) is at `offset + i·strides[0] + j·strides[1] + …`. A stride of 0
 * repeats, a negative one reverses. Offsets and strides count elements; 8-byte elements are moved as two cells.
 */
export type View = {
  readonly cells: Cells;
  readonly cellsPerElement: 1 | 2;
  readonly offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
};

/** The whole of a tensor. */
export function view(t: Tensor): View {
  return { ...cellsOf(t), offset: 0, shape: t.shape, strides: stridesOf(t.shape) };
}

function cellsOf(t: Tensor): Pick<View, 'cells' | 'cellsPerElement'> {
  const bytes = dtypes[t.dtype].bytes;
  if (bytes === 0) return { cells: t.data as unknown as unknown[], cellsPerElement: 1 };
  const { buffer, byteOffset, byteLength } = t.data as unknown as Uint8Array<ArrayBuffer>;
  if (bytes === 1) return { cells: new Uint8Array(buffer, byteOffset, byteLength), cellsPerElement: 1 };
  if (bytes === 2) return { cells: new Uint16Array(buffer, byteOffset, byteLength / 2), cellsPerElement: 1 };
  return { cells: new Int32Array(buffer, byteOffset, byteLength / 4), cellsPerElement: bytes === 8 ? 2 : 1 };
}

/** Along `axis`, `size` elements from `start`, every `step`-th. The caller has checked the bounds. */
export function window(v: View, axis: number, start: number, size: number, step = 1): View {
  const stride = v.strides[axis]!;
  return {
    ...v,
    offset: v.offset + (size === 0 ? 0 : start * stride),
    shape: v.shape.with(axis, size),
    strides: v.strides.with(axis, stride * step),
  };
}

/** Axis `i` of the result is axis `axes[i]` of `v`. */
export const permuted = (v: View, axes: readonly number[]): View => ({
  ...v,
  shape: axes.map((axis) => v.shape[axis]!),
  strides: axes.map((axis) => v.strides[axis]!),
});

/** `axis` as two axes of `outer` and `inner` elements. */
export function splitAxis(v: View, axis: number, outer: number, inner: number): View {
  const stride = v.strides[axis]!;
  return {
    ...v,
    shape: v.shape.toSpliced(axis, 1, outer, inner),
    strides: v.strides.toSpliced(axis, 1, stride * inner, stride),
  };
}

/** A new axis that repeats the same elements `size` times. */
export const repeated = (v: View, axis: number, size: number): View => ({
  ...v,
  shape: v.shape.toSpliced(axis, 0, size),
  strides: v.strides.toSpliced(axis, 0, 0),
});

/** Without `axis`, at its first element. */
export const dropped = (v: View, axis: number): View => ({
  ...v,
  shape: v.shape.toSpliced(axis, 1),
  strides: v.strides.toSpliced(axis, 1),
});

/** `v` broadcast to `shape` as NumPy does: axes of size 1, and those missing in front, repeat. */
export function broadcastView(v: View, shape: Shape): View {
  const missing = shape.length - v.shape.length;
  return {
    ...v,
    shape,
    strides: shape.map((_, i) => (i < missing || v.shape[i - missing] === 1 ? 0 : v.strides[i - missing]!)),
  };
}

/** A tensor of the type of `like` with the elements of `v` in order; of `shape`, if given, of equal size. */
export function materialize<T extends Tensor>(v: View, like: T, shape: Shape = v.shape): T {
  const out = zeros(like.dtype, shape) as T;
  copy(v, { ...view(out), shape: v.shape, strides: stridesOf(v.shape) });
  return out;
}

type Axis = { size: number; from: number; to: number };

/** Writes the elements of `from` into `to`, which has the same shape. */
export function copy(from: View, to: View): void {
  if (sizeOf(from.shape) === 0) return;
  const units = from.cellsPerElement;
  const axes = mergedAxes(from, to);
  const last = axes.length - 1;
  const walk = (depth: number, f: number, t: number): void => {
    const axis = axes[depth]!;
    if (depth === last) run(from.cells, f, axis.from, to.cells, t, axis.to, axis.size);
    else for (let i = 0; i < axis.size; i++) walk(depth + 1, f + i * axis.from, t + i * axis.to);
  };
  walk(0, from.offset * units, to.offset * units);
}

/** The axes in cells, those of size 1 left out, and neighbours that step alike on both sides made one. */
function mergedAxes(from: View, to: View): Axis[] {
  const units = from.cellsPerElement;
  const all: Axis[] = from.shape.map((size, i) => ({
    size,
    from: from.strides[i]! * units,
    to: to.strides[i]! * units,
  }));
  if (units === 2) all.push({ size: 2, from: 1, to: 1 });
  const axes: Axis[] = [];
  for (const axis of all) {
    if (axis.size === 1) continue;
    const outer = axes.at(-1);
    if (outer !== undefined && outer.from === axis.from * axis.size && outer.to === axis.to * axis.size) {
      axes[axes.length - 1] = { ...axis, size: outer.size * axis.size };
    } else axes.push(axis);
  }
  return axes.length === 0 ? [{ size: 1, from: 1, to: 1 }] : axes;
}

function run(src: Cells, f: number, fromStep: number, dst: Cells, t: number, toStep: number, size: number): void {
  if (fromStep === 1 && toStep === 1 && size >= 32 && !Array.isArray(src)) {
    (dst as Uint8Array).set(src.subarray(f, f + size) as Uint8Array, t);
    return;
  }
  for (let i = 0; i < size; i++) {
    (dst as unknown[])[t] = src[f];
    f += fromStep;
    t += toStep;
  }
}
