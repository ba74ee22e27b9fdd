/**
 * TensorFlow's data types (tensorflow/core/framework/types.proto): the number in files, bytes an element, and the array
 * that holds the elements. float16 and bfloat16 are held as their bits; complex64 as (re, im) pairs; strings as bytes.
 */
const row = <N extends number, A>(tf: N, bytes: number, array: A) => ({ tf, bytes, array }) as const;

export const dtypes = {
  float32: row(1, 4, Float32Array),
  float64: row(2, 8, Float64Array),
  int32: row(3, 4, Int32Array),
  uint8: row(4, 1, Uint8Array),
  int16: row(5, 2, Int16Array),
  int8: row(6, 1, Int8Array),
  string: row(7, 0, Array<Uint8Array>),
  complex64: row(8, 8, Float32Array),
  int64: row(9, 8, BigInt64Array),
  bool: row(10, 1, Uint8Array),
  qint8: row(11, 1, Int8Array),
  quint8: row(12, 1, Uint8Array),
  qint32: row(13, 4, Int32Array),
  bfloat16: row(14, 2, Uint16Array),
  qint16: row(15, 2, Int16Array),
  quint16: row(16, 2, Uint16Array),
  uint16: row(17, 2, Uint16Array),
  float16: row(19, 2, Uint16Array),
  resource: row(20, 0, Array<unknown>),
  variant: row(21, 0, Array<unknown>),
  uint32: row(22, 4, Uint32Array),
  uint64: row(23, 8, BigUint64Array),
} as const;

export type DType = keyof typeof dtypes;
export type DataOf<D extends DType> = D extends DType ? InstanceType<(typeof dtypes)[D]['array']> : never;

/** Types whose elements are plain numbers in a typed array. */
export type NumberDType = Exclude<DType, 'string' | 'resource' | 'variant' | 'int64' | 'uint64'>;

const byNumber = new Map<number, DType>(
  (Object.keys(dtypes) as DType[]).map((name) => [dtypes[name].tf, name] as const),
);

/** The dtype with TensorFlow's number `tf`, or undefined. Reference types (number + 100) give their base type. */
export const dtypeOfNumber = (tf: number): DType | undefined => byNumber.get(tf > 100 ? tf - 100 : tf);

/** The least and the largest value of integers that are held as numbers. */
export const integerLimits: Partial<Record<DType, readonly [number, number]>> = {
  int8: [-128, 127],
  uint8: [0, 255],
  int16: [-32768, 32767],
  uint16: [0, 65535],
  int32: [-(2 ** 31), 2 ** 31 - 1],
  uint32: [0, 2 ** 32 - 1],
};

export const isDType = (name: string): name is DType => Object.hasOwn(dtypes, name);
export const isQuantized = (d: DType): d is 'qint8' | 'quint8' | 'qint16' | 'quint16' | 'qint32' =>
  d.startsWith('q') && d !== 'resource';
/** Codes of a symmetric 8-bit range from 0 to its larger bound, as TensorFlow's kernels (oneDNN) take it. */
export const symmetricSteps = (d: DType): number => (d === 'quint8' ? 255 : 127);
export const isFloat = (d: DType): d is 'float32' | 'float64' | 'float16' | 'bfloat16' =>
  d === 'float32' || d === 'float64' || d === 'float16' || d === 'bfloat16';
export const isBigInt = (d: DType): d is 'int64' | 'uint64' => d === 'int64' || d === 'uint64';
/** Whether elements have a fixed size in bytes (not strings and handles). */
export const isPlain = (d: DType): boolean => dtypes[d].bytes > 0;
