import { UserError } from '../../base/errors.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from '../../base/shape.ts';
import { maxElements, numbersOf, type Tensor, tensor, tensorOf } from '../../base/tensor.ts';
import { gather } from '../array/gather.ts';

/** A sparse tensor: `count` entries, entry i at `indices[i*rank … (i+1)*rank]` of a dense `shape`. */
export type Sparse = {
  readonly indices: readonly number[];
  readonly values: Tensor;
  readonly shape: Shape;
  readonly rank: number;
  readonly count: number;
};

/** Puts the three tensors of a sparse one together. Throws `UserError` where they do not fit, or an index is outside. */
export function sparse(indices: Tensor, values: Tensor, denseShape: Tensor): Sparse {
  const shape = numbersOf(denseShape);
  const [count, rank] = indices.shape;
  if (indices.shape.length !== 2 || rank !== shape.length || values.shape.length !== 1 || values.shape[0] !== count)
    throw new UserError(
      `indices of shape ${formatShape(indices.shape)} and values of ${formatShape(values.shape)} for a sparse tensor of shape ${formatShape(shape)}`,
    );
  if (shape.some((dim) => dim < 0)) throw new UserError(`${formatShape(shape)} is not a shape`);
  const flat = numbersOf(indices);
  for (const [i, index] of flat.entries())
    if (index < 0 || index >= shape[i % rank]!)
      throw new UserError(`entry ${Math.floor(i / rank)}: index ${index} is outside of shape ${formatShape(shape)}`);
  return { indices: flat, values, shape, rank, count: count! };
}

export const entry = ({ indices, rank }: Sparse, i: number): readonly number[] =>
  indices.slice(i * rank, (i + 1) * rank);

/** Where each entry stands in the dense tensor, row-major. Exact up to 2^53. */
export function positions({ indices, shape, rank, count }: Sparse, along: Shape = shape): number[] {
  const strides = stridesOf(along);
  if (!(sizeOf(along) <= Number.MAX_SAFE_INTEGER)) throw new UserError(`the shape ${formatShape(along)} is too large`);
  return Array.from({ length: count }, (_, i) => {
    let at = 0;
    for (let axis = 0; axis < rank; axis++) at += indices[i * rank + axis]! * strides[axis]!;
    return at;
  });
}

/** The row-major position `at` in `shape` as an index an axis. */
export function unravel(at: number, shape: Shape): number[] {
  let rest = at;
  return stridesOf(shape).map((stride) => {
    const index = Math.floor(rest / stride);
    rest -= index * stride;
    return index;
  });
}

/** The elements of `values` numbered by `order`. */
export const take = (values: Tensor, order: readonly number[]): Tensor =>
  gather(values, tensorOf('int32', order), 0, 0);

/** Indices as the tensor [count, rank] that ops give. */
export const indexTensor = (flat: readonly number[], rank: number): Tensor =>
  tensor('int64', [rank === 0 ? 0 : flat.length / rank, rank], BigInt64Array.from(flat, BigInt));

export const shapeTensor = (shape: Shape): Tensor => tensorOf('int64', [...shape]);

/** The entries in row-major order; those of one place in their old order. */
export function reordered(s: Sparse): Sparse {
  const at = positions(s);
  const order = at.map((_, i) => i).sort((a, b) => at[a]! - at[b]! || a - b);
  return { ...s, indices: order.flatMap((i) => entry(s, i)), values: take(s.values, order) };
}

/** `count` if a dense tensor of that many elements can be held; else `UserError`. */
export function denseSize(shape: Shape): number {
  const count = sizeOf(shape);
  if (shape.some((dim) => dim < 0) || !(count <= maxElements))
    throw new UserError(`a dense tensor of shape ${formatShape(shape)} is too large`);
  return count;
}
