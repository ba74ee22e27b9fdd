import { dtypes } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, type PartialShape } from '../../base/shape.ts';
import { constTensor } from '../constant.ts';
import type { InferContext, ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { opAttr } from '../signature.ts';
import { blockShapes } from './blocks.ts';
import {
  asInput,
  asScalar,
  checkedAxis,
  type Dim,
  inputShape,
  merged,
  numberFrom,
  ofRank,
  plus,
  product,
  shapeFrom,
} from './dims.ts';
import { resolveStridedSlice } from './strided-slice.ts';

const reshape: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  const wanted = context.elements(1);
  if (wanted === undefined) return [shapeFrom(context, 1)];
  const open = wanted.flatMap((dim, i) => (dim === -1 || dim === null ? [i] : []));
  const shape = wanted.map((dim) => (dim === -1 ? null : dim));
  const total = input === null ? null : product(input);
  if (total === null || open.length > 1) return [shape];
  const rest = product(shape.filter((_, i) => i !== open[0]))!;
  if (open.length === 0) {
    if (rest !== total) throw new UserError(`can't reshape ${formatShape(input)} into ${formatShape(shape)}`);
    return [shape];
  }
  if (rest === 0) return [shape];
  if (total % rest !== 0) throw new UserError(`can't reshape ${formatShape(input)} into ${formatShape(wanted)}`);
  return [shape.with(open[0]!, total / rest)];
};

const squeeze: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  if (input === null) return [null];
  const axes = opAttr(context.node, 'squeeze_dims', 'ints').map((axis) => checkedAxis(axis, input.length));
  if (axes.length === 0) return [input.includes(null) ? null : input.filter((dim) => dim !== 1)];
  const bad = axes.find((axis) => input[axis] !== null && input[axis] !== 1);
  if (bad !== undefined) throw new UserError(`can't squeeze axis ${bad} of ${formatShape(input)}`);
  return [input.filter((_, axis) => !axes.includes(axis))];
};

const expandDims: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  if (input === null) return [null];
  const axis = numberFrom(context, 1);
  if (axis === null) return [ofRank(input.length + 1)];
  return [input.toSpliced(checkedAxis(axis, input.length + 1), 0, 1)];
};

const transpose: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  const perm = context.elements(1);
  if (input === null) return [perm === undefined ? shapeRank(context, 1) : ofRank(perm.length)];
  if (perm === undefined || perm.includes(null)) return [ofRank(input.length)];
  if (perm.length !== input.length)
    throw new UserError(`[${perm}] is not a permutation of the axes of ${formatShape(input)}`);
  return [(perm as number[]).map((axis) => input[checkedAxis(axis, input.length)]!)];
};

/** A shape of unknown sizes with as many axes as vector input `i` has elements. */
const shapeRank = (context: InferContext, i: number): PartialShape => {
  const length = inputShape(context, i)?.[0];
  return length == null ? null : ofRank(length);
};

/** The values of a concatenation: alike but for `axis`, where they add up. */
function concatenated(shapes: readonly PartialShape[], axis: number | null): PartialShape {
  const rank = shapes.find((shape) => shape !== null)?.length;
  if (rank === undefined) return null;
  if (axis === null) return ofRank(rank);
  const at = checkedAxis(axis, rank);
  let together: PartialShape = null;
  let total: Dim = 0;
  for (const shape of shapes) {
    total = plus(total, shape?.[at] ?? null);
    if (shape === null) continue;
    if (shape.length !== rank) throw new UserError(`concatenates values of ${rank} and of ${shape.length} axes`);
    together = merged(together, shape.with(at, null));
  }
  return together!.with(at, total);
}

const split =
  (value: number, dim: number): ShapeRule =>
  (context) => {
    const input = inputShape(context, value);
    const axis = numberFrom(context, dim);
    if (input === null) return new Array(context.outputs).fill(null);
    if (axis === null) return new Array(context.outputs).fill(ofRank(input.length));
    const at = checkedAxis(axis, input.length);
    const size = input[at]!;
    if (context.node.op === 'Split') {
      if (size !== null && size % context.outputs !== 0)
        throw new UserError(`an axis of size ${size} can't be split into ${context.outputs}`);
      return new Array(context.outputs).fill(input.with(at, size === null ? null : size / context.outputs));
    }
    const given = context.elements(1);
    const rest = given?.includes(null) ? null : given?.reduce((sum: Dim, s) => (s === -1 ? sum : plus(sum, s)), 0);
    return Array.from({ length: context.outputs }, (_, i) => {
      const part = given?.[i] ?? null;
      return input.with(at, part === -1 ? (size === null || rest == null ? null : size - rest) : part);
    });
  };

const slice: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  const [begin, size] = [context.elements(1), context.elements(2)];
  const rank = input?.length ?? begin?.length ?? size?.length;
  if (rank === undefined) return [shapeRank(context, 1)];
  return [
    Array.from({ length: rank }, (_, axis) => {
      const [start, count, dim] = [begin?.[axis] ?? null, size?.[axis] ?? null, input?.[axis] ?? null];
      if (count !== -1) return count;
      return dim === null || start === null ? null : dim - start;
    }),
  ];
};

const stridedSlice: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  const length = [1, 2, 3].map((i) => inputShape(context, i)?.[0]).find((n) => n != null);
  if (input === null || length === undefined) return [null];
  const bounds = (i: number) => context.elements(i) ?? ofRank(length)!;
  const { axes, kept } = resolveStridedSlice(context.node, input, bounds(1), bounds(2), bounds(3));
  return [kept.map((axis) => (axis === 'new' ? 1 : axes[axis]!.size))];
};

const gather: ShapeRule = (context) => {
  const [params, indices] = [inputShape(context, 0), inputShape(context, 1)];
  const axis = context.node.op === 'Gather' ? 0 : numberFrom(context, 2);
  if (params === null || indices === null) return [null];
  const given = context.node.op === 'Gather' ? 0 : opAttr(context.node, 'batch_dims', 'int');
  const batch = given < 0 ? given + indices.length : given;
  if (axis === null) return [ofRank(params.length + indices.length - 1 - batch)];
  const at = checkedAxis(axis, params.length);
  return [[...params.slice(0, at), ...indices.slice(batch), ...params.slice(at + 1)]];
};

const gatherNd: ShapeRule = (context) => {
  const [params, indices] = [inputShape(context, 0), inputShape(context, 1)];
  const depth = indices?.at(-1);
  if (params === null || indices === null || depth == null) return [null];
  if (depth > params.length) throw new UserError(`indices ${formatShape(indices)} into ${formatShape(params)}`);
  return [[...indices.slice(0, -1), ...params.slice(depth)]];
};

const pad: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  const paddings = context.elements(1);
  if (input === null) {
    const rank = inputShape(context, 1)?.[0];
    return [rank == null ? null : ofRank(rank)];
  }
  if (paddings === undefined) return [ofRank(input.length)];
  if (paddings.length !== input.length * 2)
    throw new UserError(`${paddings.length / 2} pairs of paddings for ${formatShape(input)}`);
  return [input.map((dim, i) => plus(dim, plus(paddings[2 * i]!, paddings[2 * i + 1]!)))];
};

const tile: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  const times = context.elements(1);
  if (input === null) return [shapeRank(context, 1)];
  if (times === undefined) return [ofRank(input.length)];
  return [input.map((dim, i) => product([dim, times[i] ?? null]))];
};

const pack: ShapeRule = ({ node, inputs }) => {
  const shape = inputs.map((input) => input.shape).reduce(merged, null);
  if (shape === null) return [null];
  return [shape.toSpliced(checkedAxis(opAttr(node, 'axis', 'int'), shape.length + 1), 0, inputs.length)];
};

const unpack: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  if (input === null) return new Array(context.outputs).fill(null);
  const axis = checkedAxis(opAttr(context.node, 'axis', 'int'), input.length);
  return new Array(context.outputs).fill(input.toSpliced(axis, 1));
};

const oneHot: ShapeRule = (context) => {
  const indices = inputShape(context, 0);
  if (indices === null) return [null];
  const axis = checkedAxis(opAttr(context.node, 'axis', 'int'), indices.length + 1);
  return [indices.toSpliced(axis, 0, numberFrom(context, 1))];
};

/** Outputs as long as they happen to be. */
const unique: ShapeRule = (context) => {
  const x = inputShape(context, 0) ?? (context.node.op.endsWith('V2') ? null : [null]);
  const given = context.node.op.endsWith('V2') ? numberFrom(context, 1) : 0;
  const axis = x === null || given === null ? null : checkedAxis(given, x.length);
  const index: PartialShape = [axis === null ? null : x![axis]!];
  const y = x === null ? null : x.map((dim, i) => (axis === null || i === axis ? null : dim));
  return [y, index, [null]].slice(0, context.outputs);
};

const bitcast: ShapeRule = (context) => {
  const input = inputShape(context, 0);
  const [from, to] = [context.inputs[0]?.dtype, opAttr(context.node, 'type', 'type')];
  if (input === null || from === undefined) return [null];
  const ratio = dtypes[from].bytes / dtypes[to].bytes;
  return [ratio === 1 ? input : ratio > 1 ? [...input, ratio] : input.slice(0, -1)];
};

const dynamicStitch: ShapeRule = ({ inputs }) => {
  const half = inputs.length / 2;
  const rest = inputs.slice(half).map(({ shape }, i) => {
    const indices = inputs[i]!.shape;
    return shape === null || indices === null ? null : shape.slice(indices.length);
  });
  const together = rest.reduce(merged, null);
  return [together === null ? null : [null, ...together]];
};

const ensured: ShapeRule = (context) => [merged(inputShape(context, 0), opAttr(context.node, 'shape', 'shape'))];

const fromAttr: ShapeRule = ({ node }) => [opAttr(node, 'shape', 'shape')];
const held =
  (i: number): ShapeRule =>
  (context) => [shapeFrom(context, i)];

/** Shapes of constants and of what moves elements about. */
export const arrayShapes = {
  ...blockShapes,
  Bitcast: bitcast,
  BroadcastArgs: (context) => {
    const [a, b] = [inputShape(context, 0)?.[0], inputShape(context, 1)?.[0]];
    return [[a == null || b == null ? null : Math.max(a, b)]];
  },
  BroadcastGradientArgs: () => [[null], [null]],
  BroadcastTo: held(1),
  CheckNumerics: asInput,
  CheckNumericsV2: asInput,
  Concat: (context) => [
    concatenated(
      context.inputs.slice(1).map((input) => input.shape),
      numberFrom(context, 0),
    ),
  ],
  ConcatOffset: ({ inputs }) => inputs.slice(1).map((input) => input.shape),
  ConcatV2: (context) => [
    concatenated(
      context.inputs.slice(0, -1).map((input) => input.shape),
      numberFrom(context, context.inputs.length - 1),
    ),
  ],
  Const: ({ node }) => [constTensor(node)?.shape ?? null],
  DebugGradientIdentity: asInput,
  DeepCopy: asInput,
  Diag: (context) => {
    const shape = inputShape(context, 0);
    return [shape && [...shape, ...shape]];
  },
  DiagPart: (context) => {
    const shape = inputShape(context, 0);
    return [shape && merged(shape.slice(0, shape.length / 2), shape.slice(shape.length / 2))];
  },
  DynamicPartition: (context) => {
    const [data, partitions] = [inputShape(context, 0), inputShape(context, 1)];
    const shape = data === null || partitions === null ? null : [null, ...data.slice(partitions.length)];
    return new Array(context.outputs).fill(shape);
  },
  DynamicStitch: dynamicStitch,
  EditDistance: () => [null],
  Empty: held(0),
  EnsureShape: ensured,
  ExpandDims: expandDims,
  FakeQuantWithMinMaxArgs: asInput,
  FakeQuantWithMinMaxVars: asInput,
  FakeQuantWithMinMaxVarsPerChannel: asInput,
  Fill: held(0),
  Gather: gather,
  GatherNd: gatherNd,
  GatherV2: gather,
  GuaranteeConst: asInput,
  Identity: asInput,
  IdentityN: ({ inputs }) => inputs.map((input) => input.shape),
  ImmutableConst: fromAttr,
  InplaceAdd: asInput,
  InplaceSub: asInput,
  InplaceUpdate: asInput,
  InvertPermutation: asInput,
  ListDiff: () => [[null], [null]],
  LowerBound: (context) => [inputShape(context, 1)],
  MatrixBandPart: asInput,
  MatrixDiag: (context) => {
    const shape = inputShape(context, 0);
    return [shape && [...shape, shape.at(-1)!]];
  },
  MatrixDiagPart: (context) => {
    const shape = inputShape(context, 0);
    const [rows, columns] = shape?.slice(-2) ?? [];
    return [shape && [...shape.slice(0, -2), rows == null || columns == null ? null : Math.min(rows, columns)]];
  },
  MatrixInverse: asInput,
  MatrixSetDiag: asInput,
  MatrixSetDiagV2: asInput,
  MatrixSetDiagV3: asInput,
  MirrorPad: pad,
  OneHot: oneHot,
  OnesLike: asInput,
  Pack: pack,
  Pad: pad,
  PadV2: pad,
  ParallelConcat: fromAttr,
  ParallelDynamicStitch: dynamicStitch,
  Placeholder: fromAttr,
  PlaceholderV2: fromAttr,
  PlaceholderWithDefault: fromAttr,
  PreventGradient: asInput,
  Rank: asScalar,
  Reshape: reshape,
  Reverse: asInput,
  ReverseSequence: asInput,
  ReverseV2: asInput,
  Roll: asInput,
  ScatterNd: held(2),
  ScatterNdNonAliasingAdd: asInput,
  Shape: (context) => [[inputShape(context, 0)?.length ?? null]],
  ShapeN: ({ inputs }) => inputs.map((input) => [input.shape?.length ?? null]),
  Size: asScalar,
  Slice: slice,
  Snapshot: asInput,
  Split: split(1, 0),
  SplitV: split(0, 2),
  Squeeze: squeeze,
  StopGradient: asInput,
  StridedSlice: stridedSlice,
  TensorScatterAdd: asInput,
  TensorScatterMax: asInput,
  TensorScatterMin: asInput,
  TensorScatterSub: asInput,
  TensorScatterUpdate: asInput,
  TensorStridedSliceUpdate: asInput,
  Tile: tile,
  Transpose: transpose,
  ConjugateTranspose: transpose,
  Unique: unique,
  UniqueV2: unique,
  UniqueWithCounts: unique,
  UniqueWithCountsV2: unique,
  Unpack: unpack,
  UnravelIndex: (context) => {
    const [indices, dims] = [inputShape(context, 0), inputShape(context, 1)];
    return [indices === null || dims === null ? null : [dims[0] ?? null, ...indices]];
  },
  UpperBound: (context) => [inputShape(context, 1)],
  Where: (context) => [[null, inputShape(context, 0)?.length ?? null]],
  ZerosLike: asInput,
} satisfies Partial<Record<OpName, ShapeRule>>;
