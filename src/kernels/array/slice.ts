import { UserError } from '../../base/errors.ts';
import { formatShape } from '../../base/shape.ts';
import { numbersOf, reshaped, type Tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { resolveStridedSlice } from '../../graph/shapes/strided-slice.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { axisOf, copyOf } from './common.ts';
import { copy, materialize, type View, view, window } from './view.ts';

const slice: ReferenceKernel = ([input, begin, size]) => {
  const sizes = numbersOf(size!);
  const starts = numbersOf(begin!);
  if (starts.length !== input!.shape.length || sizes.length !== input!.shape.length)
    throw new UserError(
      `begin and size of a slice of ${formatShape(input!.shape)} need ${input!.shape.length} entries`,
    );
  let part = view(input!);
  for (const [axis, start] of starts.entries()) {
    const dim = input!.shape[axis]!;
    const count = sizes[axis] === -1 ? dim - start : sizes[axis]!;
    if (start < 0 || count < 0 || start + count > dim)
      throw new UserError(`a slice of ${count} from ${start} is outside of axis ${axis}, of size ${dim}`);
    part = window(part, axis, start, count);
  }
  return [materialize(part, input!)];
};

/** The window that a StridedSlice's inputs 1 to 3 describe, and the shape of the output. */
function stridedWindow(t: Tensor, inputs: readonly Tensor[], node: Node): { part: View; shape: number[] } {
  const [begin, end, strides] = inputs.slice(1, 4).map(numbersOf) as [number[], number[], number[]];
  if (begin.length !== end.length || begin.length !== strides.length)
    throw new UserError('begin, end and strides of a slice differ in length');
  const { axes, kept } = resolveStridedSlice(node, t.shape, begin, end, strides);
  let part = view(t);
  for (const [axis, { start, size, step }] of axes.entries()) part = window(part, axis, start, size!, step);
  return { part, shape: kept.map((axis) => (axis === 'new' ? 1 : axes[axis]!.size!)) };
}

const stridedSlice: ReferenceKernel = (inputs, node) => {
  const { part, shape } = stridedWindow(inputs[0]!, inputs, node);
  return [materialize(part, inputs[0]!, shape)];
};

const stridedSliceUpdate: ReferenceKernel = (inputs, node) => {
  const out = copyOf(inputs[0]!);
  const { part, shape } = stridedWindow(out, inputs, node);
  const value = inputs[4]!;
  if (formatShape(value.shape) !== formatShape(shape))
    throw new UserError(`a value of shape ${formatShape(value.shape)} for a slice of shape ${formatShape(shape)}`);
  copy(view(reshaped(value, part.shape)), part);
  return [out];
};

/** The parts of `t` along `axis` that have the given sizes, one after another. */
function parts(t: Tensor, axis: number, sizes: readonly number[]): Tensor[] {
  let start = 0;
  return sizes.map((size) => {
    const part = materialize(window(view(t), axis, start, size), t);
    start += size;
    return part;
  });
}

const split: ReferenceKernel = ([dim, value], node) => {
  const count = readAttr(node, 'num_split', 'int');
  const axis = axisOf(dim!, value!.shape.length);
  const size = value!.shape[axis]!;
  if (count < 1 || size % count !== 0) throw new UserError(`an axis of size ${size} can't be split into ${count}`);
  return parts(value!, axis, new Array(count).fill(size / count));
};

const splitV: ReferenceKernel = ([value, sizeSplits, dim]) => {
  const axis = axisOf(dim!, value!.shape.length);
  const size = value!.shape[axis]!;
  const given = numbersOf(sizeSplits!);
  const rest = size - given.filter((s) => s !== -1).reduce((sum, s) => sum + s, 0);
  const sizes = given.map((s) => (s === -1 ? rest : s));
  const total = sizes.reduce((sum, s) => sum + s, 0);
  if (total !== size || sizes.some((s) => s < 0) || given.filter((s) => s === -1).length > 1)
    throw new UserError(`an axis of size ${size} can't be split into ${given.join(', ')}`);
  return parts(value!, axis, sizes);
};

export const sliceKernels = {
  Slice: slice,
  Split: split,
  SplitV: splitV,
  StridedSlice: stridedSlice,
  TensorStridedSliceUpdate: stridedSliceUpdate,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
