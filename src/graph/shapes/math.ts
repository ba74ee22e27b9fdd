import { UserError } from '../../base/errors.ts';
import { broadcastShapes, isFullShape, type PartialShape } from '../../base/shape.ts';
import type { ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { opAttr } from '../signature.ts';
import {
  asInput,
  asScalar,
  broadcastPartial,
  checkedAxis,
  type Dim,
  inputShape,
  merged,
  numberFrom,
  ofRank,
  product,
} from './dims.ts';
import { parseEinsum } from './einsum.ts';

const elementwise: ShapeRule = (context) => [broadcastPartial(inputShape(context, 0), inputShape(context, 1))];

/** Without the error, shapes that do not fit give one false. */
const equality: ShapeRule = (context) => {
  if (opAttr(context.node, 'incompatible_shape_error', 'bool')) return elementwise(context);
  const [a, b] = [inputShape(context, 0), inputShape(context, 1)];
  if (!isFullShape(a) || !isFullShape(b)) return [null];
  return [broadcastShapes(a, b) ?? []];
};

const rulesFor = <N extends OpName>(rule: ShapeRule, names: readonly N[]) =>
  Object.fromEntries(names.map((name) => [name, rule])) as unknown as Readonly<Record<N, ShapeRule>>;

const reduction: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  const axes = context.elements(1);
  const keep = opAttr(context.node, 'keep_dims', 'bool');
  if (input === null) return [null];
  if (axes === undefined || axes.includes(null)) {
    if (keep) return [ofRank(input.length)];
    const count = product(inputShape(context, 1) ?? [null]);
    return [count === null ? null : ofRank(Math.max(0, input.length - count))];
  }
  const reduced = (axes as number[]).map((axis) => checkedAxis(axis, input.length));
  if (keep) return [input.map((dim, axis) => (reduced.includes(axis) ? 1 : dim))];
  return [input.filter((_, axis) => !reduced.includes(axis))];
};

const argReduction: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  const axis = numberFrom(context, 1);
  if (input === null) return [null];
  if (axis === null) return [ofRank(Math.max(0, input.length - 1))];
  return [input.toSpliced(checkedAxis(axis, input.length), 1)];
};

function sameDim(a: Dim, b: Dim): Dim {
  if (a !== null && b !== null && a !== b) throw new UserError(`inner sizes ${a} and ${b} of a product differ`);
  return a ?? b;
}

const matMul: ShapeRule = (context) => {
  const { node } = context;
  const [ta, tb] =
    node.op === 'MatMul' || node.op === 'SparseMatMul' ? ['transpose_a', 'transpose_b'] : ['adj_x', 'adj_y'];
  const oriented = (shape: PartialShape, flip: boolean): [Dim, Dim] => {
    const [rows, columns] = shape?.slice(-2) ?? [null, null];
    return (flip ? [columns, rows] : [rows, columns]) as [Dim, Dim];
  };
  const [a, b] = [inputShape(context, 0), inputShape(context, 1)];
  const [rows, inner] = oriented(a, opAttr(node, ta!, 'bool'));
  const [inner2, columns] = oriented(b, opAttr(node, tb!, 'bool'));
  sameDim(inner, inner2);
  if (node.op === 'MatMul' || node.op === 'SparseMatMul') return [[rows, columns]];
  const batch = broadcastPartial(a?.slice(0, -2) ?? null, b?.slice(0, -2) ?? null);
  return [batch === null ? null : [...batch, rows, columns]];
};

const einsum: ShapeRule = ({ node, inputs }) => {
  const shapes = inputs.map((input) => input.shape);
  if (shapes.includes(null)) return [null];
  const { operands, output } = parseEinsum(
    opAttr(node, 'equation', 'string'),
    shapes.map((shape) => shape!.length),
  );
  const sizes = new Map<string, Dim>();
  operands.forEach((labels, n) => {
    labels.forEach((label, i) => {
      const [joined] = broadcastPartial([sizes.get(label) ?? (sizes.has(label) ? null : 1)], [shapes[n]![i]!])!;
      sizes.set(label, sizes.has(label) ? joined! : shapes[n]![i]!);
    });
  });
  return [output.map((label) => sizes.get(label) ?? null)];
};

/** Select's condition is a scalar, a vector of rows, or as its branches; SelectV2's is broadcast with them. */
const select: ShapeRule = (context) => [merged(inputShape(context, 1), inputShape(context, 2))];
const selectV2: ShapeRule = (context) => [
  broadcastPartial(inputShape(context, 0), broadcastPartial(inputShape(context, 1), inputShape(context, 2))),
];

const range: ShapeRule = (context) => {
  const [start, limit, delta] = [0, 1, 2].map((i) => numberFrom(context, i));
  if (start == null || limit == null || delta == null) return [[null]];
  if (delta === 0) throw new UserError('the step of a range is zero');
  return [[Math.max(0, Math.ceil((limit - start) / delta))]];
};

/** Rows by segment: `count` of them, if that is known. */
const segments =
  (rank: 1 | 'ids'): ShapeRule =>
  (context) => {
    const [data, ids] = [inputShape(context, 0), inputShape(context, 1)];
    if (data === null || (rank === 'ids' && ids === null)) return [null];
    const count = rank === 'ids' ? numberFrom(context, 2) : null;
    return [[count, ...data.slice(rank === 'ids' ? ids!.length : 1)]];
  };

const bincount: ShapeRule = (context) => {
  const size = numberFrom(context, 1);
  const input = inputShape(context, 0);
  if (context.node.op === 'Bincount') return [[size]];
  return [input === null ? null : input.length === 2 ? [input[0]!, size] : [size]];
};

const together: ShapeRule = ({ inputs }) => [inputs.map((input) => input.shape).reduce(merged, null)];

/** Shapes of arithmetic, comparison and reduction. */
export const mathShapes = {
  ...rulesFor(asInput, [
    ...(['Abs', 'Acos', 'Acosh', 'Angle', 'Asin', 'Asinh', 'Atan', 'Atanh', 'BesselI0e', 'BesselI1e'] as const),
    ...(['Bucketize', 'Cast', 'Ceil', 'ClipByValue', 'ComplexAbs', 'Conj', 'Cos', 'Cosh', 'Cumprod'] as const),
    ...(['Cumsum', 'CumulativeLogsumexp', 'Digamma', 'Erf', 'Erfc', 'Erfinv', 'Exp', 'Expm1', 'FFT'] as const),
    ...(['FFT2D', 'Floor', 'IFFT', 'IFFT2D', 'Imag', 'Inv', 'Invert', 'IsFinite', 'IsInf', 'IsNan'] as const),
    ...(['Lgamma', 'Log', 'Log1p', 'LogicalNot', 'Ndtri', 'Neg', 'PopulationCount', 'Real'] as const),
    ...(['Reciprocal', 'Rint', 'Round', 'Rsqrt', 'Sigmoid', 'Sign', 'Sin', 'Sinh', 'Sqrt', 'Square'] as const),
    ...(['Tan', 'Tanh'] as const),
  ]),
  ...rulesFor(elementwise, [
    ...(['Add', 'AddV2', 'Atan2', 'BitwiseAnd', 'BitwiseOr', 'BitwiseXor', 'Complex', 'Div', 'DivNoNan'] as const),
    ...(['FloorDiv', 'FloorMod', 'Greater', 'GreaterEqual', 'Igamma', 'Igammac', 'LeftShift'] as const),
    ...(['Less', 'LessEqual', 'LogicalAnd', 'LogicalOr', 'Maximum', 'Minimum', 'Mod', 'Mul'] as const),
    ...(['MulNoNan', 'NextAfter', 'Polygamma', 'Pow', 'RealDiv', 'RightShift'] as const),
    ...(['SquaredDifference', 'Sub', 'TruncateDiv', 'TruncateMod', 'Xdivy', 'Xlog1py', 'Xlogy', 'Zeta'] as const),
  ]),
  ...rulesFor(reduction, ['All', 'Any', 'EuclideanNorm', 'Max', 'Mean', 'Min', 'Prod', 'Sum']),
  ...rulesFor(segments(1), ['SegmentMax', 'SegmentMean', 'SegmentMin', 'SegmentProd', 'SegmentSum']),
  ...rulesFor(segments('ids'), [
    'UnsortedSegmentMax',
    'UnsortedSegmentMin',
    'UnsortedSegmentProd',
    'UnsortedSegmentSum',
  ]),
  ...rulesFor(matMul, ['BatchMatMul', 'BatchMatMulV2', 'BatchMatMulV3', 'MatMul', 'SparseMatMul']),
  AccumulateNV2: together,
  AddN: together,
  ApproximateEqual: (context) => [merged(inputShape(context, 0), inputShape(context, 1))],
  ArgMax: argReduction,
  ArgMin: argReduction,
  Bincount: bincount,
  Cross: asInput,
  DenseBincount: bincount,
  Einsum: einsum,
  Equal: equality,
  HistogramFixedWidth: (context) => [[numberFrom(context, 2)]],
  L2Loss: asScalar,
  LinSpace: (context) => [[numberFrom(context, 2)]],
  NotEqual: equality,
  Range: range,
  Select: select,
  SelectV2: selectV2,
} satisfies Partial<Record<OpName, ShapeRule>>;
