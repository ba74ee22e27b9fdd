import { UserError } from '../../base/errors.ts';
import { formatShape, normalizeAxis, type Shape, sameShape, sizeOf, stridesOf } from '../../base/shape.ts';
import { numbersOf, type Tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { narrowed, widened } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { axisOf, copyOf, shapeOf } from './common.ts';
import { type Cells, view } from './view.ts';

function copyCells(src: Cells, from: number, dst: Cells, to: number, count: number): void {
  if (count >= 32 && !Array.isArray(src)) (dst as Uint8Array).set(src.subarray(from, from + count) as Uint8Array, to);
  else for (let i = 0; i < count; i++) (dst as unknown[])[to + i] = src[from + i];
}

/** params[batch, outer, indices[batch, …], inner] as [batch, outer, …, inner]; the first `batchDims` axes are shared. */
export function gather(params: Tensor, indices: Tensor, axis: number, batchDims: number): Tensor {
  const batchShape = params.shape.slice(0, batchDims);
  if (batchDims > axis || !sameShape(batchShape, indices.shape.slice(0, batchDims)))
    throw new UserError(
      `${batchDims} batch axes of ${formatShape(params.shape)} and ${formatShape(indices.shape)} do not fit`,
    );
  const batches = sizeOf(batchShape);
  const outer = sizeOf(params.shape.slice(batchDims, axis));
  const size = params.shape[axis]!;
  const picks = sizeOf(indices.shape.slice(batchDims));
  const shape = [...params.shape.slice(0, axis), ...indices.shape.slice(batchDims), ...params.shape.slice(axis + 1)];
  const out = zeros(params.dtype, shape) as Tensor;
  const { cells: src, cellsPerElement } = view(params);
  const dst = view(out).cells;
  const inner = sizeOf(params.shape.slice(axis + 1)) * cellsPerElement;
  const at = numbersOf(indices);
  for (const index of at)
    if (index < 0 || index >= size) throw new UserError(`index ${index} is outside of axis ${axis}, of size ${size}`);
  let to = 0;
  for (let b = 0; b < batches; b++)
    for (let o = 0; o < outer; o++)
      for (let p = 0; p < picks; p++) {
        copyCells(src, ((b * outer + o) * size + at[b * picks + p]!) * inner, dst, to, inner);
        to += inner;
      }
  return out;
}

const gatherV2: ReferenceKernel = ([params, indices, axis], node) => {
  const batchDims = readAttr(node, 'batch_dims', 'int', 0);
  const batch = batchDims < 0 ? batchDims + indices!.shape.length : batchDims;
  return [gather(params!, indices!, axisOf(axis!, params!.shape.length), batch)];
};

/** Where the slices that `indices` [..., K] point at start, in elements; K axes of `shape` are indexed. */
function sliceStarts(indices: Tensor, shape: Shape, node: Node): { starts: number[]; inner: number; depth: number } {
  const depth = indices.shape.at(-1) ?? 0;
  if (indices.shape.length === 0 || depth > shape.length)
    throw new UserError(`indices of shape ${formatShape(indices.shape)} into ${formatShape(shape)}`);
  const at = numbersOf(indices);
  const strides = stridesOf(shape);
  const count = sizeOf(indices.shape.slice(0, -1));
  const skip = readAttr(node, 'bad_indices_policy', 'string', '') === 'IGNORE';
  const starts = Array.from({ length: count }, (_, i) => {
    let start = 0;
    for (let k = 0; k < depth; k++) {
      const index = at[i * depth + k]!;
      if (index < 0 || index >= shape[k]!) {
        if (skip) return -1;
        throw new UserError(`index ${index} is outside of axis ${k} of ${formatShape(shape)}`);
      }
      start += index * strides[k]!;
    }
    return start;
  });
  return { starts, inner: sizeOf(shape.slice(depth)), depth };
}

const gatherNd: ReferenceKernel = ([params, indices], node) => {
  const { starts, inner, depth } = sliceStarts(indices!, params!.shape, node);
  const out = zeros(params!.dtype, [...indices!.shape.slice(0, -1), ...params!.shape.slice(depth)]) as Tensor;
  const { cells: src, cellsPerElement: units } = view(params!);
  const dst = view(out).cells;
  starts.forEach((start, i) => {
    if (start >= 0) copyCells(src, start * units, dst, i * inner * units, inner * units);
  });
  return [out];
};

/** How a scattered element joins what is there. On bigint as on number: both have the same operators. */
const scatters = {
  update: (_old: number, update: number) => update,
  add: (old: number, update: number) => old + update,
  sub: (old: number, update: number) => old - update,
  max: (old: number, update: number) => (update > old || Number.isNaN(update) ? update : old),
  min: (old: number, update: number) => (update < old || Number.isNaN(update) ? update : old),
} satisfies Record<string, (old: number, update: number) => number>;

/** `into`, a fresh tensor, with `updates` joined in at `indices`, one after another. */
function scatter(into: Tensor, indices: Tensor, updates: Tensor, how: keyof typeof scatters, node: Node): Tensor {
  const { starts, inner, depth } = sliceStarts(indices, into.shape, node);
  const wanted = [...indices.shape.slice(0, -1), ...into.shape.slice(depth)];
  if (!sameShape(wanted, updates.shape))
    throw new UserError(`updates of shape ${formatShape(updates.shape)} where ${formatShape(wanted)} is wanted`);
  const [to, from] = [widened(into), widened(updates)];
  const units = into.dtype === 'complex64' ? 2 : 1;
  const join = scatters[how];
  const [dst, src] = [to.data as Float32Array, from.data as Float32Array];
  starts.forEach((start, i) => {
    if (start < 0) return;
    for (let j = 0; j < inner * units; j++)
      dst[start * units + j] = join(dst[start * units + j]!, src[i * inner * units + j]!);
  });
  return narrowed(to, into.dtype);
}

const scatterNd: ReferenceKernel = ([indices, updates, shape], node) => {
  const how = updates!.dtype === 'string' ? 'update' : updates!.dtype === 'bool' ? 'max' : 'add';
  return [scatter(zeros(updates!.dtype, shapeOf(shape!)) as Tensor, indices!, updates!, how, node)];
};

const tensorScatter =
  (how: keyof typeof scatters): ReferenceKernel =>
  ([t, indices, updates], node) => [scatter(copyOf(t!), indices!, updates!, how, node)];

/** x with rows `i` joined with those of `v`. */
const inplace =
  (how: keyof typeof scatters): ReferenceKernel =>
  ([x, i, v], node) => {
    const rows = { ...i!, shape: [...i!.shape, 1] } as Tensor;
    return [scatter(copyOf(x!), rows, v!, how, node)];
  };

const dynamicPartition: ReferenceKernel = ([data, partitions], node) => {
  const count = readAttr(node, 'num_partitions', 'int');
  const of = numbersOf(partitions!);
  const rank = partitions!.shape.length;
  if (!sameShape(data!.shape.slice(0, rank), partitions!.shape))
    throw new UserError(`partitions ${formatShape(partitions!.shape)} of data ${formatShape(data!.shape)}`);
  if (of.some((p) => p < 0 || p >= count)) throw new UserError(`a partition is not in [0, ${count})`);
  const flat = { ...data!, shape: [of.length, ...data!.shape.slice(rank)] } as Tensor;
  return Array.from({ length: count }, (_, p) => {
    const rows = of.flatMap((q, i) => (q === p ? [i] : []));
    return gather(flat, { dtype: 'int32', shape: [rows.length], data: Int32Array.from(rows) }, 0, 0);
  });
};

/** merged[indices[n][i]] = data[n][i]; later ones win. */
const dynamicStitch: ReferenceKernel = (inputs) => {
  const half = inputs.length / 2;
  const indices = inputs.slice(0, half);
  const data = inputs.slice(half);
  const rest = data[0]!.shape.slice(indices[0]!.shape.length);
  const at = indices.map(numbersOf);
  const rows = at.flat().reduce((max, i) => Math.max(max, i + 1), 0);
  const out = zeros(data[0]!.dtype, [rows, ...rest]) as Tensor;
  const { cells: dst, cellsPerElement } = view(out);
  const inner = sizeOf(rest) * cellsPerElement;
  at.forEach((list, n) => {
    if (sizeOf(data[n]!.shape) !== list.length * sizeOf(rest))
      throw new UserError(`data ${formatShape(data[n]!.shape)} for indices ${formatShape(indices[n]!.shape)}`);
    const src = view(data[n]!).cells;
    list.forEach((row, i) => {
      if (row < 0) throw new UserError(`index ${row} is negative`);
      copyCells(src, i * inner, dst, row * inner, inner);
    });
  });
  return [out];
};

export const gatherKernels = {
  DynamicPartition: dynamicPartition,
  DynamicStitch: dynamicStitch,
  Gather: ([params, indices]) => [gather(params!, indices!, normalizeAxis(0, params!.shape.length), 0)],
  GatherNd: gatherNd,
  GatherV2: gatherV2,
  InplaceAdd: inplace('add'),
  InplaceSub: inplace('sub'),
  InplaceUpdate: inplace('update'),
  ParallelDynamicStitch: dynamicStitch,
  ScatterNd: scatterNd,
  ScatterNdNonAliasingAdd: tensorScatter('add'),
  TensorScatterAdd: tensorScatter('add'),
  TensorScatterMax: tensorScatter('max'),
  TensorScatterMin: tensorScatter('min'),
  TensorScatterSub: tensorScatter('sub'),
  TensorScatterUpdate: tensorScatter('update'),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
