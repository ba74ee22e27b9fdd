import type { DType } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, type PartialShape } from '../../base/shape.ts';
import { numberOf, numbersOf, reshaped, scalar, type Tensor, tensor, tensorOf, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { concat } from '../array/move.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { fullShape, mergeShapes, row, rows, stack } from './rows.ts';

/** TensorFlow 2's lists of tensors: immutable values in a variant. Elements that were never set read as zeros. */
type TensorList = {
  readonly dtype: DType;
  readonly elementShape: PartialShape;
  readonly items: readonly (Tensor | undefined)[];
};

/** More than real graphs put in a list: a number from a hostile file allocates no more than this. */
const maxItems = 2 ** 22;

const wrap = (list: TensorList): readonly Tensor[] => [tensor('variant', [], [list])];

function listOf(t: Tensor): TensorList {
  const [held] = t.data as unknown as readonly unknown[];
  if (typeof held === 'object' && held !== null && 'items' in held) return held as TensorList;
  throw new UserError('expected a list of tensors, found another variant');
}

/** An element shape as ops are given it: -1 for what is unknown; a scalar -1 for unknown rank. */
function partialShape(t: Tensor): PartialShape {
  const dims = numbersOf(t);
  if (t.shape.length === 0 && dims[0] === -1) return null;
  return dims.map((dim) => (dim < 0 ? null : dim));
}

function sized(count: number): (Tensor | undefined)[] {
  if (count < 0 || count > maxItems) throw new UserError(`can't make a list of ${count} tensors`);
  return new Array<Tensor | undefined>(count).fill(undefined);
}

const elementType = (node: Node): DType => readAttr(node, 'element_dtype', 'type');

function checkIndex({ items }: TensorList, index: number): void {
  if (index < 0 || index >= items.length)
    throw new UserError(`index ${index} is outside of a list of ${items.length} tensors`);
}

/** The list's elements, those never set as zeros of the shape that is known. */
function dense(list: TensorList, wanted: PartialShape, indices = list.items.map((_, i) => i)): readonly Tensor[] {
  for (const index of indices) checkIndex(list, index);
  const set = list.items.find((item) => item !== undefined);
  const hasUnset = indices.some((i) => list.items[i] === undefined);
  const known = mergeShapes(list.elementShape, wanted);
  const shape = () => fullShape(set === undefined ? known : mergeShapes(known, set.shape));
  const zero = hasUnset ? (zeros(list.dtype, shape()) as Tensor) : undefined;
  return indices.map((i) => {
    const item = list.items[i] ?? zero!;
    mergeShapes(known, item.shape);
    return item;
  });
}

function stacked(list: TensorList, wanted: PartialShape, indices?: readonly number[]): Tensor {
  const items = dense(list, wanted, indices === undefined ? undefined : [...indices]);
  if (items.length > 0) return stack(items);
  return zeros(list.dtype, [0, ...fullShape(mergeShapes(list.elementShape, wanted))]);
}

const setItem: ReferenceKernel = ([handle, at, item], node) => {
  const list = listOf(handle!);
  const index = numberOf(at!);
  if (item!.dtype !== list.dtype) throw new UserError(`sets ${item!.dtype} in a list of ${list.dtype}`);
  mergeShapes(list.elementShape, item!.shape);
  const grows = readAttr(node, 'resize_if_index_out_of_bounds', 'bool', false) && index >= list.items.length;
  const items = grows ? [...list.items, ...sized(index + 1 - list.items.length)] : list.items;
  checkIndex({ ...list, items }, index);
  return wrap({ ...list, items: items.with(index, item!) });
};

const getItem: ReferenceKernel = ([handle, at, shape]) => {
  const list = listOf(handle!);
  return dense(list, partialShape(shape!), [numberOf(at!)]);
};

const pushBack: ReferenceKernel = ([handle, item]) => {
  const list = listOf(handle!);
  mergeShapes(list.elementShape, item!.shape);
  return wrap({ ...list, items: [...list.items, item!] });
};

const popBack: ReferenceKernel = ([handle, shape]) => {
  const list = listOf(handle!);
  const [last] = dense(list, partialShape(shape!), [list.items.length - 1]);
  return [...wrap({ ...list, items: list.items.slice(0, -1) }), last!];
};

const fromTensor: ReferenceKernel = ([t, shape], node) => {
  if (t!.shape.length === 0) throw new UserError('a scalar has no rows to make a list of');
  const items = Array.from({ length: t!.shape[0]! }, (_, i) => row(t!, i));
  return wrap({ dtype: elementType(node), elementShape: partialShape(shape!), items });
};

function scattered(t: Tensor, indices: readonly number[], items: (Tensor | undefined)[]): (Tensor | undefined)[] {
  if (t.shape[0] !== indices.length)
    throw new UserError(`${indices.length} indices for a value of shape ${formatShape(t.shape)}`);
  const last = indices.reduce((most, index) => Math.max(most, index), -1);
  const out = last < items.length ? [...items] : [...items, ...sized(last + 1 - items.length)];
  for (const [i, index] of indices.entries()) {
    if (index < 0) throw new UserError(`index ${index} is outside of the list`);
    out[index] = row(t, i);
  }
  return out;
}

const scatterNew: ReferenceKernel = ([t, indices, shape, count], node) => {
  const size = count === undefined ? -1 : numberOf(count);
  const items = scattered(t!, numbersOf(indices!), sized(Math.max(0, size)));
  if (size >= 0 && items.length > size) throw new UserError(`an index is outside of a list of ${size} tensors`);
  return wrap({ dtype: elementType(node), elementShape: partialShape(shape!), items });
};

const concatenate: ReferenceKernel = ([handle, shape], node) => {
  const list = listOf(handle!);
  const given = shape === undefined ? readAttr(node, 'element_shape', 'shape', null) : partialShape(shape);
  const items = list.items.map((item, i) => {
    if (item === undefined) throw new UserError(`element ${i} of the list was never set`);
    return item;
  });
  const first = mergeShapes(given, list.elementShape);
  const data = items.length > 0 ? concat(items, 0) : zeros(list.dtype, [0, ...fullShape(first?.slice(1) ?? null)]);
  const lengths = items.map((item) => item.shape[0] ?? 0);
  return [data, tensorOf('int64', lengths)];
};

const split: ReferenceKernel = ([t, shape, lengths], node) => {
  const sizes = numbersOf(lengths!);
  if (sizes.some((n) => n < 0) || sizes.reduce((sum, n) => sum + n, 0) !== t!.shape[0])
    throw new UserError(`lengths [${sizes}] do not split a tensor of shape ${formatShape(t!.shape)}`);
  const starts = sizes.map((_, i) => sizes.slice(0, i).reduce((sum, n) => sum + n, 0));
  const items = sizes.map((size, i) => rows(t!, starts[i]!, size));
  return wrap({ dtype: elementType(node), elementShape: partialShape(shape!), items });
};

const pushBackBatch: ReferenceKernel = ([handles, t]) => {
  const lists = handles!.data as unknown as readonly unknown[];
  const out = lists.map((held, i) => {
    const list = listOf(tensor('variant', [], [held]));
    return { ...list, items: [...list.items, row(t!, i)] };
  });
  return [tensor('variant', handles!.shape, out)];
};

const elementShape: ReferenceKernel = ([handle], node) => {
  const shape = listOf(handle!).elementShape;
  const dtype = readAttr(node, 'shape_type', 'type') === 'int64' ? 'int64' : 'int32';
  const dims = tensorOf(dtype, shape === null ? [-1] : shape.map((dim) => dim ?? -1));
  return [shape === null ? reshaped(dims, []) : dims];
};

export const tensorListKernels = {
  EmptyTensorList: ([shape], node) => wrap({ dtype: elementType(node), elementShape: partialShape(shape!), items: [] }),
  TensorListConcat: concatenate,
  TensorListConcatLists: ([a, b]) => {
    const [x, y] = [listOf(a!), listOf(b!)];
    return wrap({ ...x, items: [...x.items, ...y.items] });
  },
  TensorListConcatV2: concatenate,
  TensorListElementShape: elementShape,
  TensorListFromTensor: fromTensor,
  TensorListGather: ([handle, indices, shape]) => [stacked(listOf(handle!), partialShape(shape!), numbersOf(indices!))],
  TensorListGetItem: getItem,
  TensorListLength: ([handle]) => [scalar('int32', listOf(handle!).items.length)],
  TensorListPopBack: popBack,
  TensorListPushBack: pushBack,
  TensorListPushBackBatch: pushBackBatch,
  TensorListReserve: ([shape, count], node) =>
    wrap({ dtype: elementType(node), elementShape: partialShape(shape!), items: sized(numberOf(count!)) }),
  TensorListResize: ([handle, size]) => {
    const list = listOf(handle!);
    const count = numberOf(size!);
    const more = count > list.items.length ? sized(count - list.items.length) : [];
    return wrap({ ...list, items: [...list.items.slice(0, count), ...more] });
  },
  TensorListScatter: scatterNew,
  TensorListScatterIntoExistingList: ([handle, t, indices]) => {
    const list = listOf(handle!);
    return wrap({ ...list, items: scattered(t!, numbersOf(indices!), [...list.items]) });
  },
  TensorListScatterV2: scatterNew,
  TensorListSetItem: setItem,
  TensorListSplit: split,
  TensorListStack: ([handle, shape], node) => {
    const list = listOf(handle!);
    const wanted = readAttr(node, 'num_elements', 'int', -1);
    if (wanted >= 0 && wanted !== list.items.length)
      throw new UserError(`a list of ${list.items.length} tensors, where ${wanted} are wanted`);
    return [stacked(list, partialShape(shape!))];
  },
} satisfies Partial<Record<OpName, ReferenceKernel>>;
