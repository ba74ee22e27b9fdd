import { type DType, isBigInt } from '../../src/base/dtype.ts';
import { rng } from '../../src/base/rng.ts';
import { type Shape, sizeOf } from '../../src/base/shape.ts';
import { type Tensor, tensor, tensorOf } from '../../src/base/tensor.ts';

/** Seeded inputs of the cases: the same on every machine. */
const random = rng(20240229);

type Plain = Parameters<typeof tensorOf>[0];
const list = (shape: Shape, make: (i: number) => number): number[] =>
  Array.from({ length: sizeOf(shape) }, (_, i) => make(i));

export const normal = (shape: Shape, spread = 1, dtype: Plain = 'float32'): Tensor =>
  tensorOf(
    dtype,
    list(shape, () => random.normal() * spread),
    shape,
  ) as Tensor;

/** Uniform in [low, high). */
export const uniform = (shape: Shape, low = 0, high = 1): Tensor =>
  tensorOf(
    'float32',
    list(shape, () => low + (high - low) * random.uniform()),
    shape,
  );

/** Integers in [low, high]. */
export const integers = (dtype: Plain, shape: Shape, low: number, high: number): Tensor =>
  tensorOf(
    dtype,
    list(shape, () => random.int(low, high)),
    shape,
  ) as Tensor;

export const numbers = (dtype: Plain, values: readonly number[], shape?: Shape): Tensor =>
  tensorOf(dtype, values, shape) as Tensor;
export const i32 = (...values: number[]): Tensor => tensorOf('int32', values);
export const i32s = (value: number): Tensor => tensorOf('int32', [value], []);
export const i64 = (...values: number[]): Tensor => tensorOf('int64', values);
export const f32 = (...values: number[]): Tensor => tensorOf('float32', values);
export const f32s = (value: number): Tensor => tensorOf('float32', [value], []);
export const truths = (shape: Shape): Tensor =>
  tensor('bool', shape, Uint8Array.from(list(shape, () => random.int(0, 1))));

/**
 * Where rounding, signs and special values show: zeros, halves, infinities, NaN, the largest and smallest. No subnormals:
 * TensorFlow's threads flush them to zero, octet does not.
 */
export const edges: readonly number[] = [
  0,
  -0,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  1,
  -1,
  1e-30,
  -1e-30,
  1e30,
  3.4e38,
  -3.4e38,
  1.2e-38,
  88.9,
  -104,
  2 ** 24 + 1,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
];
/** Without what is not finite, and of moderate size. */
export const tameEdges: readonly number[] = [0, -0, 0.5, -0.5, 1.5, 2.5, -2.5, 1, -1, 1e-30, 20.25, -20.25];

/** The extremes of an integer type and numbers about zero. */
export function integerEdges(dtype: Plain): readonly number[] {
  const bits = { int8: 8, uint8: 8, int16: 16, uint16: 16, int32: 32, uint32: 32, int64: 53 }[dtype as string] ?? 32;
  const isUnsigned = dtype.startsWith('u');
  const high = isBigInt(dtype) ? 2 ** 52 : 2 ** (isUnsigned ? bits : bits - 1) - 1;
  return isUnsigned ? [0, 1, 2, 3, high, high - 1] : [0, 1, -1, 2, -7, high, -high - (isBigInt(dtype) ? 0 : 1)];
}

/** Codes of a quantized type over its whole range; qint8 without −128, which octet does not write. */
export function codes(dtype: DType, shape: Shape): Tensor {
  const [low, high] = { qint8: [-127, 127], quint8: [0, 255], qint32: [-9000, 9000] }[dtype as string] as [
    number,
    number,
  ];
  return integers(dtype as Plain, shape, low, high);
}
