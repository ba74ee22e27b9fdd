import { type DType, isBigInt, isPlain } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { narrowToHalf, widenHalf } from '../../base/half.ts';
import type { Shape } from '../../base/shape.ts';
import { type Tensor, tensor, zeros } from '../../base/tensor.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

/** Elements to compute with: bigint for 64-bit integers, else numbers. */
export type Numbers = { length: number; [i: number]: number };
export type BigInts = { length: number; [i: number]: bigint };

const isHalf = (dtype: DType): dtype is 'float16' | 'bfloat16' => dtype === 'float16' || dtype === 'bfloat16';

/** float16 and bfloat16 as float32; everything else as it is. */
export function widened(t: Tensor): Tensor {
  if (!isHalf(t.dtype)) return t;
  return tensor('float32', t.shape, widenHalf(t.dtype, t.data as Uint16Array<ArrayBuffer>));
}

/** A float32 tensor as `dtype`, where that is float16 or bfloat16. */
export function narrowed(t: Tensor, dtype: DType): Tensor {
  if (!isHalf(dtype) || t.dtype !== 'float32') return t;
  return { dtype, shape: t.shape, data: narrowToHalf(dtype, t.data) } as Tensor;
}

/**
 * Runs a kernel written for float32 on the 16-bit floats too: TensorFlow's CPU kernels compute them in float32 and round
 * the result. float32 outputs of such a node are of its inputs' type.
 */
export const throughFloat32 =
  (kernel: ReferenceKernel): ReferenceKernel =>
  (inputs, node, resources) => {
    const half = inputs.find((t) => isHalf(t.dtype))?.dtype;
    if (half === undefined) return kernel(inputs, node, resources);
    return kernel(inputs.map(widened), node, resources).map((t) => narrowed(t, half));
  };

/** The elements of a tensor of numbers, int64 excluded, to read by index. Throws `UserError` on other types. */
export function numberData(t: Tensor): Numbers {
  if (isBigInt(t.dtype) || !isPlain(t.dtype) || t.dtype === 'complex64')
    throw new UserError(`octet can't compute this on ${t.dtype}`);
  return t.data as unknown as Numbers;
}

export const bigIntData = (t: Tensor): BigInts => t.data as unknown as BigInts;

/** A tensor of `values`, each converted to `dtype` as a typed array does. */
export function fromNumbers(dtype: DType, shape: Shape, values: ArrayLike<number>): Tensor {
  const out = zeros(dtype, shape);
  (out.data as Float32Array).set(values as Float32Array);
  return out;
}

/** Math.max and Math.min of 64-bit integers. */
export const largerOf = (x: bigint, y: bigint): bigint => [x, y][Number(y > x)]!;
export const smallerOf = (x: bigint, y: bigint): bigint => [x, y][Number(y < x)]!;
