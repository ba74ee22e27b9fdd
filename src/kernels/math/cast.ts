import { type DType, dtypes, isBigInt, isFloat } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { type Tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { narrowed, widened } from './numeric.ts';

/** x86's cvttss2si: towards zero; what does not fit, and NaN, becomes the smallest integer. */
const toInt32 = (x: number): number => (x > -2147483649 && x < 2147483648 ? Math.trunc(x) : -2147483648);
const toInt64 = (x: number): bigint => (x >= -(2 ** 63) && x < 2 ** 63 ? BigInt(Math.trunc(x)) : -(2n ** 63n));
const toUint64 = (x: number): bigint => (x < 2 ** 63 ? toInt64(x) : toInt64(x - 2 ** 63) ^ (2n ** 63n));

/** How a float becomes an element of `to`; narrower integers keep the low bits of the wider conversion. */
function fromFloat(to: DType): (x: number) => number | bigint {
  if (to === 'bool') return (x) => (x !== 0 ? 1 : 0);
  if (to === 'int64') return toInt64;
  if (to === 'uint64') return toUint64;
  if (to === 'uint32') return (x) => Number(BigInt.asUintN(32, toInt64(x)));
  return isFloat(to) ? (x) => x : toInt32;
}

function fromInteger(to: DType, wide: boolean): (x: never) => number | bigint {
  // biome-ignore lint/suspicious/noDoubleEquals: 0 and 0n
  if (to === 'bool') return (x: number | bigint) => (x != 0 ? 1 : 0);
  if (isBigInt(to)) return wide ? (x: bigint) => x : (x: number) => BigInt(x);
  if (isFloat(to) || !wide) return (x: number | bigint) => Number(x);
  return (x: bigint) => Number(BigInt.asIntN(32, x));
}

/** `t` converted to `to` as TensorFlow's CPU kernel does on x86. Throws `UserError` for types that have no numbers. */
function cast(t: Tensor, to: DType): Tensor {
  if (t.dtype === to) return t;
  const isNumeric = (d: DType) => dtypes[d].bytes > 0;
  if (!isNumeric(t.dtype) || !isNumeric(to)) throw new UserError(`can't cast ${t.dtype} to ${to}`);
  if (t.dtype === 'complex64')
    return cast({ ...zeros('float32', t.shape), data: t.data.filter((_, i) => i % 2 === 0) }, to);
  if (to === 'complex64') {
    const out = zeros('complex64', t.shape);
    const real = cast(t, 'float32').data as Float32Array;
    real.forEach((x, i) => {
      out.data[2 * i] = x;
    });
    return out;
  }
  const source = widened(t);
  const half = to === 'float16' || to === 'bfloat16';
  const out = zeros(half ? 'float32' : to, t.shape) as Tensor;
  const convert = (isFloat(t.dtype) ? fromFloat(out.dtype) : fromInteger(out.dtype, isBigInt(t.dtype))) as (
    x: number,
  ) => number;
  const [src, dst] = [source.data as Float32Array, out.data as Float32Array];
  for (let i = 0; i < src.length; i++) dst[i] = convert(src[i]!);
  return narrowed(out, to);
}

export const castKernel: ReferenceKernel = ([x], node) => [cast(x!, readAttr(node, 'DstT', 'type'))];
