import { type DType, dtypes, isFloat } from '../base/dtype.ts';
import { UserError } from '../base/errors.ts';
import { narrowToHalf } from '../base/half.ts';
import { formatShape, type PartialShape, type Shape, sizeOf } from '../base/shape.ts';
import { stringTensor, type Tensor } from '../base/tensor.ts';
import type { Endpoint } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';

type TypedArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;
type Item = number | bigint | boolean | string | Uint8Array;
/** A value for an input: a tensor, its elements as a typed array of its type, or plain values. */
export type FeedValue = Tensor | TypedArray | Item | readonly Item[];
export type FeedsInput = Feeds | Readonly<Record<string, FeedValue>>;

/**
 * Checks and converts what callers give. Elements without a shape take the input's, its one unknown size found from their
 * number. Throws `UserError` naming the key, what was given and what is wanted.
 */
export function toFeeds(inputs: readonly Endpoint[], given: FeedsInput): Feeds {
  const entries: readonly (readonly [string, FeedValue])[] =
    given instanceof Map ? [...(given as Feeds)] : Object.entries(given as Readonly<Record<string, FeedValue>>);
  const ends = new Map(inputs.map((end) => [end.key, end]));
  return new Map(
    entries.map(([key, value]) => {
      const end = ends.get(key);
      if (end === undefined)
        throw new UserError(`the model has no input '${key}'`, {}, `its inputs are: ${[...ends.keys()].join(', ')}`);
      return [key, toTensor(end, value)];
    }),
  );
}

function toTensor(end: Endpoint, value: FeedValue): Tensor {
  if (isTensor(value)) {
    if (value.dtype !== end.dtype) throw wrong(end, `a ${value.dtype} tensor`);
    if (!fits(value.shape, end.shape)) throw wrong(end, `shape ${formatShape(value.shape)}`);
    return value;
  }
  if (end.dtype === 'string') {
    const items = asList(value).map((item) => {
      if (typeof item === 'string' || item instanceof Uint8Array) return item;
      throw wrong(end, `a ${typeof item}`);
    });
    return stringTensor(items, shapeFor(end, items.length));
  }
  const data = ArrayBuffer.isView(value) ? ownArray(end, value) : fromItems(end, asList(value));
  return { dtype: end.dtype, shape: shapeFor(end, data.length), data } as Tensor;
}

const isTensor = (value: FeedValue): value is Tensor =>
  typeof value === 'object' && !ArrayBuffer.isView(value) && !Array.isArray(value) && 'dtype' in value;

const asList = (value: Exclude<FeedValue, Tensor>): readonly Item[] => (Array.isArray(value) ? value : [value as Item]);

function ownArray(end: Endpoint, value: Exclude<FeedValue, Tensor> & ArrayBufferView): { length: number } {
  const array = dtypes[end.dtype].array as unknown;
  if (value.constructor === array) return value as unknown as { length: number };
  // Node's Buffer is a Uint8Array by another constructor.
  if (array === Uint8Array && value instanceof Uint8Array) return value;
  throw wrong(end, `a ${value.constructor.name}`);
}

function fromItems(end: Endpoint, items: readonly Item[]): { length: number } {
  const { dtype } = end;
  const numbers = items.map((item) => {
    if (typeof item === 'string' || typeof item === 'object') throw wrong(end, `a ${typeof item}`);
    if (!isFloat(dtype) && !inRange(dtype, item)) throw wrong(end, `the value ${item}`);
    return item;
  });
  if (dtype === 'float16' || dtype === 'bfloat16') return narrowToHalf(dtype, numbers.map(Number));
  if (dtype === 'uint64') return BigUint64Array.from(numbers, (n) => BigInt(n));
  if (dtype === 'int64') return BigInt64Array.from(numbers, (n) => BigInt(n));
  if (dtype === 'complex64' || dtypes[dtype].bytes === 0) throw wrong(end, 'plain values');
  return (dtypes[dtype].array as Float32ArrayConstructor).from(numbers, Number);
}

function inRange(dtype: DType, item: number | bigint | boolean): boolean {
  if (typeof item === 'number' && !Number.isInteger(item)) return false;
  if (dtype === 'bool') return Number(item) === 0 || Number(item) === 1;
  const bits = BigInt(dtypes[dtype].bytes * 8);
  const value = BigInt(item);
  const isUnsigned = dtype.startsWith('u') || dtype.startsWith('qu');
  return isUnsigned ? BigInt.asUintN(Number(bits), value) === value : BigInt.asIntN(Number(bits), value) === value;
}

/** The shape of the input for this many elements. */
function shapeFor(end: Endpoint, count: number): Shape {
  const { shape } = end;
  if (shape === null) return [count];
  const known = sizeOf(shape.map((dim) => dim ?? 1));
  const unknown = shape.filter((dim) => dim === null).length;
  if (unknown === 0 && known === count) return shape as Shape;
  if (unknown === 1 && known > 0 && count % known === 0) return shape.map((dim) => dim ?? count / known);
  throw wrong(end, `${count} elements`, unknown > 1 ? 'give a tensor with its shape' : undefined);
}

const fits = (given: Shape, wanted: PartialShape): boolean =>
  wanted === null || (given.length === wanted.length && wanted.every((dim, i) => dim === null || dim === given[i]));

const wrong = ({ key, dtype, shape }: Endpoint, given: string, remedy?: string): UserError =>
  new UserError(`the input '${key}' was given ${given}; ${dtype} ${formatShape(shape)} is wanted`, {}, remedy);
