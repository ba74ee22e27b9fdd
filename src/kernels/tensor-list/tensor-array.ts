import type { DType } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, type PartialShape } from '../../base/shape.ts';
import { numberOf, numbersOf, scalar, type Tensor, tensor, tensorOf, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { concat } from '../array/move.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { fullShape, mergeShapes, row, rows, stack } from './rows.ts';

/**
 * TensorFlow 1's arrays of tensors, written and read by index. The handle holds the array itself, so that it ends with
 * the run; the float `flow` only orders writes before reads.
 */
class TensorArray {
  readonly dtype: DType;
  readonly isDynamic: boolean;
  readonly clears: boolean;
  elementShape: PartialShape;
  size: number;
  readonly #elements = new Map<number, Tensor>();
  readonly #cleared = new Set<number>();

  constructor(dtype: DType, elementShape: PartialShape, size: number, isDynamic: boolean, clears: boolean) {
    if (size < 0) throw new UserError(`can't make a TensorArray of ${size} elements`);
    this.dtype = dtype;
    this.elementShape = elementShape;
    this.size = size;
    this.isDynamic = isDynamic;
    this.clears = clears;
  }

  write(index: number, value: Tensor): void {
    if (value.dtype !== this.dtype) throw new UserError(`writes ${value.dtype} into a TensorArray of ${this.dtype}`);
    if (index < 0 || (index >= this.size && !this.isDynamic))
      throw new UserError(`index ${index} is outside of a TensorArray of ${this.size} elements`);
    if (this.#elements.has(index) || this.#cleared.has(index))
      throw new UserError(`element ${index} of the TensorArray is written twice`);
    mergeShapes(this.elementShape, value.shape);
    this.size = Math.max(this.size, index + 1);
    this.#elements.set(index, value);
  }

  read(index: number): Tensor {
    if (index < 0 || index >= this.size)
      throw new UserError(`index ${index} is outside of a TensorArray of ${this.size} elements`);
    if (this.#cleared.has(index)) throw new UserError(`element ${index} of the TensorArray is read twice`);
    const element = this.#elements.get(index) ?? zeros(this.dtype, fullShape(this.elementShape));
    if (this.clears) {
      this.#elements.delete(index);
      this.#cleared.add(index);
    }
    return element;
  }
}

const flow = scalar('float32', 0);

function arrayOf(handle: Tensor): TensorArray {
  const [held] = handle.data as unknown as readonly unknown[];
  if (held instanceof TensorArray) return held;
  throw new UserError('the handle is not that of a TensorArray');
}

const create: ReferenceKernel = ([size], node) => {
  const array = new TensorArray(
    readAttr(node, 'dtype', 'type'),
    readAttr(node, 'element_shape', 'shape', null),
    numberOf(size!),
    readAttr(node, 'dynamic_size', 'bool', false),
    readAttr(node, 'clear_after_read', 'bool', true),
  );
  return [tensor('resource', [], [array]), flow];
};

const gather: ReferenceKernel = ([handle, indices], node) => {
  const array = arrayOf(handle!);
  const wanted = numbersOf(indices!);
  const shape = mergeShapes(array.elementShape, readAttr(node, 'element_shape', 'shape', null));
  if (wanted.length === 0) return [zeros(array.dtype, [0, ...fullShape(shape)])];
  return [stack(wanted.map((i) => array.read(i)))];
};

const scatter: ReferenceKernel = ([handle, indices, value]) => {
  const array = arrayOf(handle!);
  const to = numbersOf(indices!);
  if (value!.shape[0] !== to.length)
    throw new UserError(`${to.length} indices for a value of shape ${formatShape(value!.shape)}`);
  for (const [i, index] of to.entries()) array.write(index, row(value!, i));
  return [flow];
};

const concatenate: ReferenceKernel = ([handle], node) => {
  const array = arrayOf(handle!);
  const items = Array.from({ length: array.size }, (_, i) => array.read(i));
  if (items.length === 0) {
    const rest = fullShape(readAttr(node, 'element_shape_except0', 'shape', null));
    return [zeros(array.dtype, [0, ...rest]), zeros('int64', [0])];
  }
  return [
    concat(items, 0),
    tensorOf(
      'int64',
      items.map((t) => t.shape[0] ?? 0),
    ),
  ];
};

const split: ReferenceKernel = ([handle, value, lengths]) => {
  const array = arrayOf(handle!);
  const sizes = numbersOf(lengths!);
  if (sizes.some((n) => n < 0) || sizes.reduce((sum, n) => sum + n, 0) !== value!.shape[0])
    throw new UserError(`lengths [${sizes}] do not split a value of shape ${formatShape(value!.shape)}`);
  let start = 0;
  for (const [i, size] of sizes.entries()) {
    array.write(i, rows(value!, start, size));
    start += size;
  }
  return [flow];
};

export const tensorArrayKernels = {
  TensorArrayCloseV2: () => [],
  TensorArrayCloseV3: () => [],
  TensorArrayConcatV3: concatenate,
  TensorArrayGatherV3: gather,
  TensorArrayReadV3: ([handle, index]) => [arrayOf(handle!).read(numberOf(index!))],
  TensorArrayScatterV3: scatter,
  TensorArraySizeV3: ([handle]) => [scalar('int32', arrayOf(handle!).size)],
  TensorArraySplitV3: split,
  TensorArrayV3: create,
  TensorArrayWriteV3: ([handle, index, value]) => {
    arrayOf(handle!).write(numberOf(index!), value!);
    return [flow];
  },
} satisfies Partial<Record<OpName, ReferenceKernel>>;
