import { UserError } from '../../base/errors.ts';
import { formatShape, normalizeAxis, sizeOf } from '../../base/shape.ts';
import { numbersOf, type Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { broadcastTo } from '../array/move.ts';
import { fromNumbers, numberData, throughFloat32 } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { denseSize, entry, indexTensor, positions, type Sparse, shapeTensor, sparse } from './sparse.ts';

/** SparseToDense: the default everywhere but at the indices; these may be a matrix, a vector or one number. */
const sparseToDense: ReferenceKernel = ([indices, shape, values, otherwise], node) => {
  const dims = numbersOf(shape!);
  const rank = indices!.shape.length === 2 ? indices!.shape[1]! : 1;
  const count = indices!.shape.length === 0 ? 1 : indices!.shape[0]!;
  const isOne = values!.shape.length === 0;
  denseSize(dims);
  const flat = indexTensor(numbersOf(indices!), rank);
  const spread = isOne ? broadcastTo(values!, [count]) : values!;
  const at = positions(sparse(flat, spread, shape!));
  if (readAttr(node, 'validate_indices', 'bool', true))
    for (const [i, position] of at.entries())
      if (i > 0 && position <= at[i - 1]!)
        throw new UserError(`entry ${i} is ${position === at[i - 1] ? 'repeated' : 'out of order'}`);
  const out = broadcastTo(otherwise!, dims);
  const data = out.data.slice() as unknown[];
  for (const [i, position] of at.entries()) data[position] = spread.data[i];
  return [{ ...out, data } as unknown as Tensor];
};

/** Each value combined with the dense element at its place; smaller dense shapes are repeated. */
const cwise = (combine: (a: number, b: number) => number): ReferenceKernel =>
  throughFloat32(([indices, values, shape, dense]) => {
    const s = sparse(indices!, values!, shape!);
    if (dense!.shape.length > s.rank)
      throw new UserError(
        `a dense tensor of shape ${formatShape(dense!.shape)} with a sparse one of ${formatShape(s.shape)}`,
      );
    const lead = s.rank - dense!.shape.length;
    const steps = stridesFor(dense!, s, lead);
    const [a, b] = [numberData(values!), numberData(dense!)];
    const out = Array.from({ length: s.count }, (_, i) =>
      combine(a[i]!, b[entry(s, i).reduce((at, index, axis) => at + index * steps[axis]!, 0)]!),
    );
    return [fromNumbers(values!.dtype, values!.shape, out)];
  });

function stridesFor(dense: Tensor, s: Sparse, lead: number): number[] {
  return s.shape.map((dim, axis) => {
    if (axis < lead) return 0;
    const own = dense.shape[axis - lead]!;
    if (own !== 1 && own !== dim)
      throw new UserError(
        `can't repeat a dense tensor of shape ${formatShape(dense.shape)} to ${formatShape(s.shape)}`,
      );
    return own === 1 ? 0 : sizeOf(dense.shape.slice(axis - lead + 1));
  });
}

const tensorDenseAdd = throughFloat32(([indices, values, shape, dense]) => {
  const s = sparse(indices!, values!, shape!);
  if (formatShape(s.shape) !== formatShape(dense!.shape))
    throw new UserError(`adds shapes ${formatShape(s.shape)} and ${formatShape(dense!.shape)}`);
  const out = Float64Array.from(numberData(dense!) as ArrayLike<number>);
  const from = numberData(values!);
  for (const [i, at] of positions(s).entries()) out[at]! += from[i]!;
  return [fromNumbers(dense!.dtype, dense!.shape, out)];
});

/** [m, k] sparse × [k, n] dense → [m, n]. */
const matMul = throughFloat32(([indices, values, shape, b], node) => {
  const a = sparse(indices!, values!, shape!);
  const flipsA = readAttr(node, 'adjoint_a', 'bool', false);
  const flipsB = readAttr(node, 'adjoint_b', 'bool', false);
  if (a.rank !== 2 || b!.shape.length !== 2) throw new UserError('multiplies what are no matrices');
  const [m, k] = flipsA ? [a.shape[1]!, a.shape[0]!] : [a.shape[0]!, a.shape[1]!];
  const [rows, n] = flipsB ? [b!.shape[1]!, b!.shape[0]!] : [b!.shape[0]!, b!.shape[1]!];
  if (k !== rows) throw new UserError(`can't multiply ${formatShape([m, k])} by ${formatShape([rows, n])}`);
  const [factors, dense] = [numberData(values!), numberData(b!)];
  const out = new Float64Array(denseSize([m, n]));
  for (let i = 0; i < a.count; i++) {
    const [row, inner] = flipsA ? entry(a, i).toReversed() : entry(a, i);
    for (let j = 0; j < n; j++) out[row! * n + j]! += factors[i]! * dense[flipsB ? j * k + inner! : inner! * n + j]!;
  }
  return [fromNumbers(b!.dtype, [m, n], out)];
});

/** Over `axes`, into a dense tensor; places without entries are 0. */
const reduce = (combine: (a: number, b: number) => number): ReferenceKernel =>
  throughFloat32(([indices, values, shape, axes], node) => {
    const s = sparse(indices!, values!, shape!);
    const gone = new Set(numbersOf(axes!).map((axis) => normalizeAxis(axis, s.rank)));
    const kept = s.shape.map((_, axis) => axis).filter((axis) => !gone.has(axis));
    const cells = kept.map((axis) => s.shape[axis]!);
    const out = new Float64Array(denseSize(cells));
    const isSet = new Uint8Array(out.length);
    const from = numberData(values!);
    for (let i = 0; i < s.count; i++) {
      const index = entry(s, i);
      const at = kept.reduce((sum, axis) => sum * s.shape[axis]! + index[axis]!, 0);
      out[at] = isSet[at] ? combine(out[at]!, from[i]!) : from[i]!;
      isSet[at] = 1;
    }
    const keeps = readAttr(node, 'keep_dims', 'bool', false);
    return [fromNumbers(values!.dtype, keeps ? s.shape.map((dim, axis) => (gone.has(axis) ? 1 : dim)) : cells, out)];
  });

/** Over the last axis, among the entries there are. */
const softmax = throughFloat32(([indices, values, shape]) => {
  const s = sparse(indices!, values!, shape!);
  const inner = s.shape.at(-1) ?? 1;
  const rows = positions(s).map((at) => Math.floor(at / inner));
  const from = numberData(values!);
  const most = new Map<number, number>();
  for (const [i, row] of rows.entries()) most.set(row, Math.max(most.get(row) ?? Number.NEGATIVE_INFINITY, from[i]!));
  const powers = rows.map((row, i) => Math.exp(from[i]! - most.get(row)!));
  const sums = new Map<number, number>();
  for (const [i, row] of rows.entries()) sums.set(row, (sums.get(row) ?? 0) + powers[i]!);
  return [
    fromNumbers(
      values!.dtype,
      values!.shape,
      powers.map((p, i) => p / sums.get(rows[i]!)!),
    ),
  ];
});

/** a + b; sums below `thresh` in size are left out. */
const add = throughFloat32((inputs) => {
  const [a, b] = [inputs.slice(0, 3), inputs.slice(3, 6)].map((t) => sparse(t[0]!, t[1]!, t[2]!)) as [Sparse, Sparse];
  const thresh = numbersOf(inputs[6]!)[0]!;
  if (formatShape(a.shape) !== formatShape(b.shape))
    throw new UserError(`adds shapes ${formatShape(a.shape)} and ${formatShape(b.shape)}`);
  const sums = new Map<number, { readonly index: readonly number[]; sum: number }>();
  for (const s of [a, b]) {
    const from = numberData(s.values);
    for (const [i, at] of positions(s).entries()) {
      const known = sums.get(at);
      if (known === undefined) sums.set(at, { index: entry(s, i), sum: from[i]! });
      else known.sum += from[i]!;
    }
  }
  const kept = [...sums].sort(([x], [y]) => x - y).filter(([, { sum }]) => Math.abs(sum) >= thresh);
  return [
    indexTensor(
      kept.flatMap(([, { index }]) => index),
      a.rank,
    ),
    fromNumbers(
      a.values.dtype,
      [kept.length],
      kept.map(([, { sum }]) => sum),
    ),
    shapeTensor(a.shape),
  ];
});

export const denseKernels = {
  SparseAdd: add,
  SparseDenseCwiseAdd: cwise((a, b) => a + b),
  SparseDenseCwiseDiv: cwise((a, b) => a / b),
  SparseDenseCwiseMul: cwise((a, b) => a * b),
  SparseReduceMax: reduce(Math.max),
  SparseReduceSum: reduce((a, b) => a + b),
  SparseSoftmax: softmax,
  SparseTensorDenseAdd: tensorDenseAdd,
  SparseTensorDenseMatMul: matMul,
  SparseToDense: sparseToDense,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
