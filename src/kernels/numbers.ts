import { type DType, dtypes } from '../base/dtype.ts';
import { UserError } from '../base/errors.ts';
import { narrowToHalf, widenHalf } from '../base/half.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import { type Tensor, tensor } from '../base/tensor.ts';
import { axesOf, type Layout } from '../graph/shapes/geometry.ts';
import { materialize, permuted, view } from './array/view.ts';
import type { Numbers } from './conv/convolve.ts';

/** The elements of a tensor of numbers to compute with: half-width floats widened, 64-bit integers as float64. */
export function numbers(t: Tensor): Numbers {
  switch (t.dtype) {
    case 'float16':
    case 'bfloat16':
      return widenHalf(t.dtype, t.data);
    case 'int64':
    case 'uint64':
      return Float64Array.from(t.data, Number);
    case 'uint32':
      return Float64Array.from(t.data);
    case 'string':
    case 'resource':
    case 'variant':
    case 'complex64':
      throw new UserError(`can't compute with ${t.dtype}`);
    default:
      return t.data;
  }
}

/** A tensor of `dtype` of computed numbers, rounded once; integers are cut off and wrap as in C. */
export function tensorOfNumbers<D extends DType>(dtype: D, shape: Shape, values: Numbers): Tensor<D> {
  const data =
    dtype === 'float16' || dtype === 'bfloat16'
      ? narrowToHalf(dtype, values)
      : dtype === 'int64' || dtype === 'uint64'
        ? (dtypes[dtype].array as BigInt64ArrayConstructor).from(Array.from(values, (x) => BigInt(Math.trunc(x))))
        : (dtypes[dtype].array as Float32ArrayConstructor).from(values);
  return tensor(dtype, shape, data as never);
}

/** The pictures of `t` with their channels last. */
export function channelsLast<T extends Tensor>(t: T, layout: Layout): T {
  if (t.shape.length !== 4) throw new UserError(`expected 4-D pictures, found ${formatShape(t.shape)}`);
  const { n, h, w, c } = axesOf[layout];
  return layout === 'NHWC' ? t : materialize(permuted(view(t), [n, h, w, c]), t);
}

/** Pictures with their channels last, in the order of `layout`. */
export const inLayout = <T extends Tensor>(t: T, layout: Layout): T =>
  layout === 'NHWC' ? t : materialize(permuted(view(t), [0, 3, 1, 2]), t);

/** A vector of `size` elements, or an error that names it. */
export function vector(t: Tensor | undefined, size: number, what: string): Numbers {
  if (t === undefined || t.data.length !== size)
    throw new UserError(
      `${what} should have ${size} elements, found ${t === undefined ? 'none' : formatShape(t.shape)}`,
    );
  return numbers(t);
}

/** Input `i` of a node, which its signature promises. */
export function inputAt(inputs: readonly Tensor[], i: number): Tensor {
  const found = inputs[i];
  if (found === undefined) throw new UserError(`input ${i} is missing`);
  return found;
}
