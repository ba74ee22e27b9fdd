import { UserError } from '../../base/errors.ts';
import { formatShape, normalizeAxis, type Shape, sizeOf } from '../../base/shape.ts';
import { numberOf, numbersOf, type Tensor, tensor, tensorOf } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { concat } from '../array/move.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { crossKernels } from './cross.ts';
import { denseKernels } from './dense.ts';
import { segmentKernels } from './segment.ts';
import {
  denseSize,
  entry,
  indexTensor,
  positions,
  reordered,
  type Sparse,
  shapeTensor,
  sparse,
  take,
  unravel,
} from './sparse.ts';

const reshape: ReferenceKernel = ([indices, from, to]) => {
  const old = numbersOf(from!);
  const wanted = numbersOf(to!);
  const known = sizeOf(wanted.filter((dim) => dim !== -1));
  const free = wanted.filter((dim) => dim === -1).length;
  const shape = wanted.map((dim) => (dim === -1 ? Math.floor(sizeOf(old) / known) : dim));
  if (free > 1 || wanted.some((dim) => dim < -1) || sizeOf(shape) !== sizeOf(old))
    throw new UserError(`can't reshape a sparse tensor of ${formatShape(old)} into [${wanted}]`);
  const count = indices!.shape[0]!;
  const s = sparse(indices!, tensor('bool', [count], new Uint8Array(count)), from!);
  const moved = positions(s).flatMap((at) => unravel(at, shape));
  return [tensor('int64', [count, shape.length], BigInt64Array.from(moved, BigInt)), shapeTensor(shape)];
};

/** SparseFillEmptyRows: rows without entries get the default at column 0; entries come out row by row. */
const fillEmptyRows: ReferenceKernel = ([indices, values, shape, otherwise]) => {
  const s = sparse(indices!, values!, shape!);
  const [rows] = s.shape;
  if (rows === undefined) throw new UserError('a scalar has no rows');
  denseSize([rows]);
  const byRow = Array.from({ length: rows }, (): number[] => []);
  for (let i = 0; i < s.count; i++) byRow[s.indices[i * s.rank]!]!.push(i);
  // The default stands behind the values: entry `count`.
  const all = concat([values!, { ...otherwise!, shape: [1] } as Tensor], 0);
  const order = byRow.flatMap((list) => (list.length === 0 ? [s.count] : list));
  const flat = byRow.flatMap((list, row) =>
    list.length === 0 ? [row, ...new Array<number>(s.rank - 1).fill(0)] : list.flatMap((i) => entry(s, i)),
  );
  const back = new BigInt64Array(s.count);
  for (const [to, from] of order.entries()) if (from < s.count) back[from] = BigInt(to);
  return [
    indexTensor(flat, s.rank),
    take(all, order),
    tensor(
      'bool',
      [rows],
      Uint8Array.from(byRow, (list) => (list.length === 0 ? 1 : 0)),
    ),
    tensor('int64', [s.count], back),
  ];
};

const outputs = (s: Pick<Sparse, 'indices' | 'rank' | 'values' | 'shape'>): readonly Tensor[] => [
  indexTensor(s.indices, s.rank),
  s.values,
  shapeTensor(s.shape),
];

const concatenate: ReferenceKernel = (inputs, node) => {
  const count = inputs.length / 3;
  const parts = Array.from({ length: count }, (_, i) => sparse(inputs[i]!, inputs[count + i]!, inputs[2 * count + i]!));
  const first = parts[0]!;
  const axis = normalizeAxis(readAttr(node, 'concat_dim', 'int'), first.rank);
  const shifted: number[][] = [];
  let start = 0;
  for (const part of parts) {
    if (part.rank !== first.rank || part.shape.some((dim, i) => i !== axis && dim !== first.shape[i]))
      throw new UserError(
        `can't put sparse tensors of ${formatShape(first.shape)} and ${formatShape(part.shape)} together`,
      );
    const from = start;
    shifted.push(part.indices.map((index, i) => (i % first.rank === axis ? index + from : index)));
    start += part.shape[axis]!;
  }
  const values = concat(
    parts.map((part) => part.values),
    0,
  );
  const shape = first.shape.with(axis, start);
  return outputs(reordered({ indices: shifted.flat(), values, shape, rank: first.rank, count: values.shape[0]! }));
};

/** The entries inside of a box, counted from its corner. */
function boxOf(s: Sparse, start: Shape, size: Shape): readonly Tensor[] {
  const shape = s.shape.map((dim, axis) => Math.max(0, Math.min(size[axis]!, dim - start[axis]!)));
  const kept = Array.from({ length: s.count }, (_, i) => i).filter((i) =>
    entry(s, i).every((index, axis) => index >= start[axis]! && index < start[axis]! + shape[axis]!),
  );
  const indices = kept.flatMap((i) => entry(s, i).map((index, axis) => index - start[axis]!));
  return outputs({ indices, rank: s.rank, values: take(s.values, kept), shape });
}

const slice: ReferenceKernel = ([indices, values, shape, start, size]) => {
  const s = sparse(indices!, values!, shape!);
  const [from, count] = [numbersOf(start!), numbersOf(size!)];
  if (from.length !== s.rank || count.length !== s.rank)
    throw new UserError(`cuts [${from}] out of ${formatShape(s.shape)}`);
  return boxOf(s, from, count);
};

/** Into parts along an axis; the first ones are larger by one where it does not divide. */
const split: ReferenceKernel = ([dim, indices, values, shape], node) => {
  const s = sparse(indices!, values!, shape!);
  const parts = readAttr(node, 'num_split', 'int');
  const axis = normalizeAxis(numberOf(dim!), s.rank);
  const size = s.shape[axis]!;
  if (parts < 1 || parts > size) throw new UserError(`can't split ${size} into ${parts} parts`);
  const boxes: (readonly Tensor[])[] = [];
  for (let i = 0, start = 0; i < parts; i++) {
    const length = Math.floor(size / parts) + (i < size % parts ? 1 : 0);
    boxes.push(
      boxOf(
        s,
        s.shape.map((_, a) => (a === axis ? start : 0)),
        s.shape.with(axis, length),
      ),
    );
    start += length;
  }
  return [0, 1, 2].flatMap((which) => boxes.map((box) => box[which]!));
};

/** Rows of consecutive numbers, as values and row splits. */
const raggedRange: ReferenceKernel = ([starts, limits, deltas], node) => {
  const [from, to, by] = [starts!, limits!, deltas!].map(numbersOf) as [number[], number[], number[]];
  const rows = Math.max(...[starts!, limits!, deltas!].map((t) => (t.shape.length === 0 ? 1 : t.shape[0]!)));
  const at = (list: readonly number[], i: number) => (list.length === 1 ? list[0]! : list[i]!);
  const splits = [0];
  const values: number[] = [];
  for (let i = 0; i < rows; i++) {
    const [start, limit, delta] = [at(from, i), at(to, i), at(by, i)];
    if (delta === 0) throw new UserError('counts in steps of 0');
    const count = Math.max(0, Math.ceil((limit - start) / delta));
    denseSize([values.length + count]);
    for (let n = 0; n < count; n++) values.push(start + n * delta);
    splits.push(values.length);
  }
  const dtype = starts!.dtype as 'int32';
  return [tensorOf(readAttr(node, 'Tsplits', 'type', 'int64') as 'int64', splits), tensorOf(dtype, values)];
};

/** Nested row splits and values as a sparse tensor. */
const raggedToSparse: ReferenceKernel = (inputs) => {
  const values = inputs.at(-1)!;
  const splits = inputs.slice(0, -1).map(numbersOf);
  let rows: readonly (readonly number[])[] = Array.from({ length: splits[0]!.length - 1 }, (_, i) => [i]);
  const shape = [rows.length];
  for (const ends of splits) {
    if (ends.length !== rows.length + 1) throw new UserError(`${ends.length} row splits for ${rows.length} rows`);
    const lengths = rows.map((_, i) => ends[i + 1]! - ends[i]!);
    if (lengths.some((n) => n < 0)) throw new UserError('row splits have to rise');
    shape.push(lengths.reduce((most, n) => Math.max(most, n), 0));
    rows = rows.flatMap((row, i) => Array.from({ length: lengths[i]! }, (_, j) => [...row, j]));
  }
  if (rows.length !== (values.shape[0] ?? 0))
    throw new UserError(`row splits for ${rows.length} of ${values.shape[0]} values`);
  const inner = values.shape.slice(1);
  const size = sizeOf(inner);
  const flat = rows.flatMap((row) => Array.from({ length: size }, (_, i) => [...row, ...unravel(i, inner)])).flat();
  const rank = shape.length + inner.length;
  const count = rows.length * size;
  return [
    tensor('int64', [count, rank], BigInt64Array.from(flat, BigInt)),
    { ...values, shape: [count] } as Tensor,
    shapeTensor([...shape, ...inner]),
  ];
};

/** Sparse and ragged tensors. */
export const sparseReference = {
  ...crossKernels,
  ...denseKernels,
  ...segmentKernels,
  RaggedRange: raggedRange,
  RaggedTensorToSparse: raggedToSparse,
  SparseConcat: concatenate,
  SparseFillEmptyRows: fillEmptyRows,
  SparseReorder: ([indices, values, shape]) => outputs(reordered(sparse(indices!, values!, shape!))).slice(0, 2),
  SparseReshape: reshape,
  SparseSlice: slice,
  SparseSplit: split,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
