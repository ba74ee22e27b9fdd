import { isBigInt } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, normalizeAxis, sameShape, sizeOf } from '../../base/shape.ts';
import { numberOf, numbersOf, type Tensor, tensor, tensorOf, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { widened } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { gather } from './gather.ts';
import { copy, type View, view } from './view.ts';

/** The type of an integer output that `attr` names, int32 or int64. */
const indexType = (node: Node, attr: string): 'int32' | 'int64' =>
  readAttr(node, attr, 'type', 'int32') === 'int64' ? 'int64' : 'int32';

/** The coordinates of what is not zero (NaN included), row-major. */
const where: ReferenceKernel = ([input]) => {
  const rank = input!.shape.length;
  const units = input!.dtype === 'complex64' ? 2 : 1;
  const data = widened(input!).data as ArrayLike<number | bigint>;
  const found: number[] = [];
  for (let i = 0; i < sizeOf(input!.shape); i++)
    if (Number(data[i * units]) !== 0 || (units === 2 && Number(data[i * units + 1]) !== 0)) found.push(i);
  const out = new BigInt64Array(found.length * rank);
  found.forEach((flat, row) => {
    let rest = flat;
    for (let axis = rank - 1; axis >= 0; axis--) {
      const dim = input!.shape[axis]!;
      out[row * rank + axis] = BigInt(rest % dim);
      rest = Math.floor(rest / dim);
    }
  });
  return [tensor('int64', [found.length, rank], out)];
};

/** A key that is equal for equal elements, and only for those; -0 equals 0, NaN equals nothing. */
function keysOf(t: Tensor): (string | number | bigint | object)[] {
  if (t.dtype === 'string') return t.data.map((s) => Buffer.from(s).toString('latin1'));
  if (isBigInt(t.dtype)) return Array.from(t.data as BigInt64Array);
  return numbersOf(widened(t)).map((x) => (Number.isNaN(x) ? {} : x));
}

/** The first occurrence of each distinct key, the number of each element's, and how often each occurs. */
function distinct(keys: readonly unknown[]): { first: number[]; of: number[]; counts: number[] } {
  const seen = new Map<unknown, number>();
  const [first, of, counts]: [number[], number[], number[]] = [[], [], []];
  keys.forEach((key, i) => {
    const known = seen.get(key);
    const n = known ?? first.push(i) - 1;
    if (known === undefined) seen.set(key, n);
    of.push(n);
    counts[n] = (counts[n] ?? 0) + 1;
  });
  return { first, of, counts };
}

function unique(x: Tensor, axis: number, node: Node): Tensor[] {
  const type = indexType(node, 'out_idx');
  const keys = x.shape.length === 1 ? keysOf(x) : sliceKeys(x, axis);
  const { first, of, counts } = distinct(keys);
  return [gather(x, tensorOf('int32', first), axis, 0), tensorOf(type, of), tensorOf(type, counts)];
}

/** One key for each slice along `axis`. */
function sliceKeys(x: Tensor, axis: number): string[] {
  return Array.from({ length: x.shape[axis]! }, (_, i) => {
    const slice = gather(x, tensorOf('int32', [i]), axis, 0);
    return JSON.stringify(keysOf(slice).map((key) => String(typeof key === 'object' ? i : key)));
  });
}

const uniqueV2: ReferenceKernel = ([x, axis], node) => {
  const given = numbersOf(axis!);
  if (given.length > 1 || (given.length === 0 && x!.shape.length !== 1))
    throw new UserError(`unique of ${formatShape(x!.shape)} needs one axis`);
  return unique(x!, normalizeAxis(given[0] ?? 0, x!.shape.length), node);
};

/** The elements of x that y does not have, in order, with their positions. */
const listDiff: ReferenceKernel = ([x, y], node) => {
  const without = new Set<unknown>(keysOf(y!));
  const kept = keysOf(x!).flatMap((key, i) => (without.has(key) ? [] : [i]));
  return [gather(x!, tensorOf('int32', kept), 0, 0), tensorOf(indexType(node, 'out_idx'), kept)];
};

const oneHot: ReferenceKernel = ([indices, depth, on, off], node) => {
  const rank = indices!.shape.length;
  const axis = normalizeAxis(readAttr(node, 'axis', 'int', -1), rank + 1);
  const size = numberOf(depth!);
  if (size < 0) throw new UserError(`a depth of ${size}`);
  const shape = indices!.shape.toSpliced(axis, 0, size);
  const out = zeros(on!.dtype, shape) as Tensor;
  fill(out, off!);
  const v = view(out);
  const one = view(on!);
  const inner = sizeOf(indices!.shape.slice(axis));
  numbersOf(indices!).forEach((index, i) => {
    if (index < 0 || index >= size) return;
    const offset = Math.floor(i / inner) * inner * size + index * inner + (i % inner);
    copy({ ...one, shape: [] }, { ...v, offset, shape: [], strides: [] });
  });
  return [out];
};

/** Writes the only element of `value` into all of `out`. */
function fill(out: Tensor, value: Tensor): void {
  if (sizeOf(value.shape) !== 1) throw new UserError(`a scalar is wanted, not ${formatShape(value.shape)}`);
  const one: View = { ...view(value), shape: out.shape, strides: out.shape.map(() => 0) };
  copy(one, view(out));
}

/** For each row of sorted inputs, where a value would be put before (or after) its equals. */
const bound =
  (after: boolean): ReferenceKernel =>
  ([sorted, values], node) => {
    const [rows, columns] = sorted!.shape as [number, number];
    const wanted = values!.shape[1]!;
    if (values!.shape[0] !== rows) throw new UserError('sorted inputs and values differ in batch');
    const [s, v] = [widened(sorted!).data as Float32Array, widened(values!).data as Float32Array];
    const at: number[] = [];
    for (let row = 0; row < rows; row++)
      for (let j = 0; j < wanted; j++) {
        const x = v[row * wanted + j]!;
        let [low, high] = [0, columns];
        while (low < high) {
          const middle = (low + high) >> 1;
          const y = s[row * columns + middle]!;
          if (after ? !(x < y) : y < x) low = middle + 1;
          else high = middle;
        }
        at.push(low);
      }
    return [tensorOf(indexType(node, 'out_type'), at, values!.shape)];
  };

const invertPermutation: ReferenceKernel = ([x]) => {
  const values = numbersOf(x!);
  const inverse = new Array<number>(values.length).fill(-1);
  values.forEach((to, i) => {
    if (to < 0 || to >= values.length || inverse[to] !== -1) throw new UserError(`[${values}] is not a permutation`);
    inverse[to] = i;
  });
  return [tensorOf(x!.dtype === 'int64' ? 'int64' : 'int32', inverse)];
};

/** Coordinates [rank, n] of flat indices into `dims`. */
const unravelIndex: ReferenceKernel = ([indices, dims]) => {
  const shape = numbersOf(dims!);
  const flat = numbersOf(indices!);
  if (flat.some((i) => i < 0 || i >= sizeOf(shape))) throw new UserError('an index is outside of the dims');
  const columns = flat.map((index) => {
    let rest = index;
    return shape.map((_, axis) => {
      const inner = sizeOf(shape.slice(axis + 1));
      const at = Math.floor(rest / inner);
      rest -= at * inner;
      return at;
    });
  });
  const rows = shape.flatMap((_, axis) => columns.map((column) => column[axis]!));
  const type = indices!.dtype === 'int64' ? 'int64' : 'int32';
  return [tensorOf(type, rows, indices!.shape.length === 0 ? [shape.length] : [shape.length, flat.length])];
};

/** Elements of `t` where the condition holds, of `e` elsewhere; a vector condition chooses whole rows. */
const select: ReferenceKernel = ([condition, t, e]) => {
  if (!sameShape(t!.shape, e!.shape)) throw new UserError('both branches of a Select must have one shape');
  const isRows = condition!.shape.length === 1 && t!.shape.length > 1 && condition!.shape[0] === t!.shape[0];
  if (condition!.shape.length > 0 && !isRows && !sameShape(condition!.shape, t!.shape))
    throw new UserError(`a condition of ${formatShape(condition!.shape)} for ${formatShape(t!.shape)}`);
  if (condition!.shape.length === 0) return [condition!.data[0] ? t! : e!];
  const out = zeros(t!.dtype, t!.shape) as Tensor;
  const { cells: dst, cellsPerElement } = view(out);
  const [yes, no] = [view(t!).cells, view(e!).cells];
  const chosen = condition!.data as Uint8Array;
  const block = (dst.length / Math.max(1, chosen.length)) | 0 || cellsPerElement;
  for (let i = 0; i < chosen.length; i++) {
    const from = chosen[i] ? yes : no;
    for (let j = i * block; j < (i + 1) * block; j++) (dst as unknown[])[j] = from[j];
  }
  return [out];
};

export const selectKernels = {
  InvertPermutation: invertPermutation,
  ListDiff: listDiff,
  LowerBound: bound(false),
  OneHot: oneHot,
  Select: select,
  Unique: ([x], node) => unique(x!, 0, node).slice(0, 2),
  UniqueV2: (inputs, node, resources) => uniqueV2(inputs, node, resources).slice(0, 2),
  UniqueWithCounts: ([x], node) => unique(x!, 0, node),
  UniqueWithCountsV2: uniqueV2,
  UnravelIndex: unravelIndex,
  UpperBound: bound(true),
  Where: where,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
