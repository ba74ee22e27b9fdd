import type { PartialShape } from '../../base/shape.ts';
import { readAttr } from '../attr.ts';
import type { InferContext, ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { type Dim, inputShape } from './dims.ts';

const dimAt = (shape: PartialShape, i: number): Dim => shape?.[i] ?? null;
/** How many axes a sparse tensor has, by its shape tensor, input `i`. */
const rankOf = (context: InferContext, i: number): Dim => dimAt(inputShape(context, i), 0);

/** The elements of a shape tensor: sizes as far as known, or only their number. */
function shapeFrom(context: InferContext, i: number): PartialShape {
  const known = context.elements(i);
  if (known !== undefined) return known.map((dim) => (dim === null || dim < 0 ? null : dim));
  const rank = rankOf(context, i);
  return rank === null ? null : new Array<Dim>(rank).fill(null);
}

/** As many entries as there will be: indices, values, and the shape as input `i` has it. */
const entries =
  (i: number): ShapeRule =>
  (context) => {
    const rank = rankOf(context, i);
    return [[null, rank], [null], [rank]].slice(0, context.outputs);
  };

const fillEmptyRows: ShapeRule = (context) => [
  [null, rankOf(context, 2)],
  [null],
  [context.elements(2)?.[0] ?? null],
  [dimAt(inputShape(context, 0), 0)],
];

const segments: ShapeRule = (context) => {
  const data = inputShape(context, 0);
  return [data && [context.elements(3)?.[0] ?? null, ...data.slice(1)]];
};

const matMul: ShapeRule = (context) => {
  const [a, b] = [shapeFrom(context, 2), inputShape(context, 3)];
  const flips = (name: string) => readAttr(context.node, name, 'bool', false);
  return [[dimAt(a, flips('adjoint_a') ? 1 : 0), dimAt(b, flips('adjoint_b') ? 0 : 1)]];
};

const reshape: ShapeRule = (context) => [[dimAt(inputShape(context, 0), 0), rankOf(context, 2)], [rankOf(context, 2)]];

const asValues: ShapeRule = (context) => [inputShape(context, 1)];

/** Shapes of sparse tensors: how many entries there are is known only when they have been counted. */
export const sparseShapes = {
  SparseAdd: entries(2),
  SparseConcat: (context) => entries(context.inputs.length - 1)(context),
  SparseDenseCwiseAdd: asValues,
  SparseDenseCwiseDiv: asValues,
  SparseDenseCwiseMul: asValues,
  SparseFillEmptyRows: fillEmptyRows,
  SparseReorder: (context) => [inputShape(context, 0), inputShape(context, 1)],
  SparseReshape: reshape,
  SparseSegmentMean: segments,
  SparseSegmentMeanWithNumSegments: segments,
  SparseSegmentSqrtN: segments,
  SparseSegmentSqrtNWithNumSegments: segments,
  SparseSegmentSum: segments,
  SparseSegmentSumWithNumSegments: segments,
  SparseSlice: entries(2),
  SparseSoftmax: asValues,
  SparseTensorDenseAdd: (context) => [inputShape(context, 3)],
  SparseTensorDenseMatMul: matMul,
  SparseToDense: (context) => [shapeFrom(context, 1)],
} satisfies Partial<Record<OpName, ShapeRule>>;
