import { type DataOf, type DType, dtypes, isBigInt, isPlain, type NumberDType } from './dtype.ts';
import { InternalError, UserError } from './errors.ts';
import { formatShape, type Shape, sameShape, sizeOf } from './shape.ts';

/** A dense row-major array: `data` has `sizeOf(shape)` elements (twice as many numbers for complex64). */
export type Tensor<D extends DType = DType> = D extends DType
  ? { readonly dtype: D; readonly shape: Shape; readonly data: DataOf<D> }
  : never;

/** At most this many elements in one tensor: TensorFlow's own files can't hold more than 2 GiB. */
export const maxElements = 2 ** 31 - 1;

const elements = (dtype: DType, shape: Shape): number => sizeOf(shape) * (dtype === 'complex64' ? 2 : 1);

/** A tensor over `data`, which is not copied. Throws `InternalError` when sizes differ. */
export function tensor<D extends DType>(dtype: D, shape: Shape, data: DataOf<D>): Tensor<D> {
  if ((data as { length: number }).length !== elements(dtype, shape)) {
    const has = (data as { length: number }).length;
    throw new InternalError(`a ${dtype} tensor of shape ${formatShape(shape)} was given ${has} elements`);
  }
  return { dtype, shape, data } as unknown as Tensor<D>;
}

/** A tensor of zeros (empty strings). Throws `UserError` when the shape is too large to hold. */
export function zeros<D extends DType>(dtype: D, shape: Shape): Tensor<D> {
  const count = elements(dtype, shape);
  if (!(count <= maxElements)) throw new UserError(`a tensor of shape ${formatShape(shape)} is too large`);
  const empty = new Uint8Array(0);
  const data = isPlain(dtype) ? new dtypes[dtype].array(count) : new Array(count).fill(empty);
  return tensor(dtype, shape, data as DataOf<D>);
}

export const scalar = <D extends NumberDType>(dtype: D, value: number): Tensor<D> =>
  tensor(dtype, [], dtypes[dtype].array.of(value as never) as DataOf<D>);

/** A tensor of the numbers `values`, converted to `dtype` (int64 too); shape defaults to one axis. */
export function tensorOf<D extends Exclude<DType, 'string' | 'resource' | 'variant'>>(
  dtype: D,
  values: readonly number[],
  shape: Shape = [values.length],
): Tensor<D> {
  const data = isBigInt(dtype)
    ? BigInt64Array.from(values, BigInt)
    : (dtypes[dtype].array as Float32ArrayConstructor).from(values);
  return tensor(dtype, shape, data as unknown as DataOf<D>);
}

const utf8 = { encode: new TextEncoder(), decode: new TextDecoder() };
export const stringTensor = (values: readonly (string | Uint8Array)[], shape: Shape = [values.length]) =>
  tensor(
    'string',
    shape,
    values.map((v) => (typeof v === 'string' ? utf8.encode.encode(v) : v)),
  );

/** Element `i` of a string tensor as text. */
export const textAt = (t: Tensor<'string'>, i: number): string => utf8.decode.decode(t.data[i]);

/** The elements as numbers (int64 included; exact up to 2^53). Throws `InternalError` on strings and handles. */
export function numbersOf(t: Tensor): number[] {
  if (t.dtype === 'string' || t.dtype === 'resource' || t.dtype === 'variant')
    throw new InternalError(`a ${t.dtype} tensor has no numbers`);
  return t.dtype === 'int64' || t.dtype === 'uint64' ? Array.from(t.data, Number) : Array.from(t.data as Float32Array);
}

/** The only element of a tensor of one element, as a number. */
export function numberOf(t: Tensor): number {
  const [value, ...rest] = numbersOf(t);
  if (value === undefined || rest.length > 0)
    throw new UserError(`expected one number, found a tensor of shape ${formatShape(t.shape)}`);
  return value;
}

/** The same elements under another shape of equal size. */
export function reshaped<T extends Tensor>(t: T, shape: Shape): T {
  if (sizeOf(shape) !== sizeOf(t.shape))
    throw new UserError(`can't reshape ${formatShape(t.shape)} into ${formatShape(shape)}`);
  return { ...t, shape };
}

/** The bytes of a plain tensor (a view, little-endian as every machine octet runs on). */
export const bytesOf = (t: Tensor): Uint8Array => {
  const view = t.data as unknown as ArrayBufferView;
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
};

/** A plain tensor of `dtype` over a copy of `bytes`. Throws `InternalError` when their number does not fit. */
export function tensorFromBytes<D extends DType>(dtype: D, shape: Shape, bytes: Uint8Array): Tensor<D> {
  const wanted = sizeOf(shape) * dtypes[dtype].bytes;
  if (bytes.byteLength !== wanted)
    throw new InternalError(`a ${dtype} tensor of shape ${formatShape(shape)} was given ${bytes.byteLength} bytes`);
  // Not slice(): that of a Node Buffer is a view of its pool.
  return tensorOver(dtype, shape, new Uint8Array(bytes).buffer);
}

/** A plain tensor of `dtype` that takes over `buffer`, which has its bytes. */
export const tensorOver = <D extends DType>(dtype: D, shape: Shape, buffer: ArrayBuffer): Tensor<D> =>
  tensor(dtype, shape, new (dtypes[dtype].array as Uint8ArrayConstructor)(buffer) as unknown as DataOf<D>);

/** Bitwise equality of type, shape and elements (strings by content). */
export function equalTensors(a: Tensor, b: Tensor): boolean {
  if (a.dtype !== b.dtype || !sameShape(a.shape, b.shape)) return false;
  if (a.dtype === 'string' && b.dtype === 'string') return a.data.every((s, i) => equalBytes(s, b.data[i]!));
  return isPlain(a.dtype) && equalBytes(bytesOf(a), bytesOf(b));
}

const equalBytes = (a: Uint8Array, b: Uint8Array): boolean => a.length === b.length && a.every((x, i) => x === b[i]);
