import { type DType, dtypes, isBigInt } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { broadcastShapes, formatShape, normalizeAxis, type Shape, sizeOf } from '../../base/shape.ts';
import {
  bytesOf,
  numberOf,
  numbersOf,
  reshaped,
  type Tensor,
  tensorFromBytes,
  tensorOf,
  zeros,
} from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { narrowed, widened } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { copyOf, shapeOf } from './common.ts';

const identity: ReferenceKernel = (inputs) => inputs;

const integers = (node: Node, values: readonly number[], shape?: Shape): Tensor =>
  tensorOf(readAttr(node, 'out_type', 'type', 'int32') === 'int64' ? 'int64' : 'int32', values, shape);

/** One entry may be -1: what is left of the elements. */
const reshape: ReferenceKernel = ([t, shape]) => {
  const wanted = numbersOf(shape!);
  const open = wanted.indexOf(-1);
  if (wanted.some((dim, i) => dim < 0 && i !== open)) throw new UserError(`can't reshape into ${formatShape(wanted)}`);
  if (open === -1) return [reshaped(t!, wanted)];
  const rest = wanted.reduce((size, dim, i) => (i === open ? size : size * dim), 1);
  const size = sizeOf(t!.shape) / rest;
  if (!Number.isInteger(size))
    throw new UserError(`can't reshape ${formatShape(t!.shape)} into ${formatShape(wanted)}`);
  return [reshaped(t!, wanted.with(open, size))];
};

const squeeze: ReferenceKernel = ([t], node) => {
  const { shape } = t!;
  const axes = readAttr(node, 'squeeze_dims', 'ints', []).map((axis) => normalizeAxis(axis, shape.length));
  const bad = axes.find((axis) => shape[axis] !== 1);
  if (bad !== undefined) throw new UserError(`can't squeeze axis ${bad} of ${formatShape(shape)}`);
  const kept = shape.filter((dim, axis) => (axes.length === 0 ? dim !== 1 : !axes.includes(axis)));
  return [reshaped(t!, kept)];
};

const expandDims: ReferenceKernel = ([t, dim]) => {
  const axis = normalizeAxis(numberOf(dim!), t!.shape.length + 1);
  return [reshaped(t!, t!.shape.toSpliced(axis, 0, 1))];
};

const ensureShape: ReferenceKernel = ([t], node) => {
  const wanted = readAttr(node, 'shape', 'shape', null);
  const fits =
    wanted === null ||
    (wanted.length === t!.shape.length && wanted.every((dim, i) => dim === null || dim === t!.shape[i]));
  if (!fits) throw new UserError(`a tensor of shape ${formatShape(t!.shape)} where ${formatShape(wanted)} is wanted`);
  return [t!];
};

/** The same bytes as another type; a wider one takes in the last axis, a narrower one adds it. */
const bitcast: ReferenceKernel = ([t], node) => {
  const type: DType = readAttr(node, 'type', 'type');
  const [from, to] = [dtypes[t!.dtype].bytes, dtypes[type].bytes];
  if (from === to) return [tensorFromBytes(type, t!.shape, bytesOf(t!))];
  if (from > to) return [tensorFromBytes(type, [...t!.shape, from / to], bytesOf(t!))];
  if (t!.shape.at(-1) !== to / from)
    throw new UserError(`can't bitcast ${t!.dtype} of shape ${formatShape(t!.shape)} to ${type}`);
  return [tensorFromBytes(type, t!.shape.slice(0, -1), bytesOf(t!))];
};

const onesLike: ReferenceKernel = ([x]) => {
  const ones = zeros(x!.dtype === 'float16' || x!.dtype === 'bfloat16' ? 'float32' : x!.dtype, x!.shape) as Tensor;
  if (isBigInt(ones.dtype)) (ones.data as BigInt64Array).fill(1n);
  else if (ones.dtype === 'complex64')
    ones.data.forEach((_, i) => {
      if (i % 2 === 0) ones.data[i] = 1;
    });
  else (ones.data as Float32Array).fill(1);
  return [narrowed(ones, x!.dtype)];
};

const checkNumerics: ReferenceKernel = ([t], node) => {
  const data = widened(t!).data as Float32Array;
  if (data.every(Number.isFinite)) return [t!];
  const what = data.some(Number.isNaN) ? 'NaN' : 'infinite';
  throw new UserError(`${readAttr(node, 'message', 'string', '')}: the tensor has ${what} values`);
};

const sameKind = (t: Tensor, values: readonly number[], shape?: Shape) =>
  tensorOf(t.dtype === 'int64' ? 'int64' : 'int32', values, shape);

const broadcastArgs: ReferenceKernel = ([a, b]) => {
  const shape = broadcastShapes(numbersOf(a!), numbersOf(b!));
  if (shape === undefined) throw new UserError(`[${numbersOf(a!)}] and [${numbersOf(b!)}] can't be broadcast`);
  return [sameKind(a!, shape)];
};

/** The axes along which the gradients of a broadcast are summed. */
const broadcastGradientArgs: ReferenceKernel = ([a, b]) => {
  const [x, y] = [numbersOf(a!), numbersOf(b!)];
  const shape = broadcastShapes(x, y);
  if (shape === undefined) throw new UserError(`[${x}] and [${y}] can't be broadcast`);
  const axes = (dims: number[]) =>
    shape.flatMap((_, i) => {
      const [mine, other] = [dims, dims === x ? y : x].map((d) => d[d.length - shape.length + i]);
      return mine === undefined || (mine === 1 && other !== 1) || (mine === 1 && other === 1) ? [i] : [];
    });
  return [sameKind(a!, axes(x)), sameKind(a!, axes(y))];
};

const concatOffset: ReferenceKernel = ([dim, ...shapes]) => {
  const axis = normalizeAxis(numberOf(dim!), sizeOf(shapes[0]!.shape));
  let start = 0;
  return shapes.map((shape) => {
    const dims = numbersOf(shape);
    const offset = sameKind(
      shape,
      dims.map((_, i) => (i === axis ? start : 0)),
    );
    start += dims[axis]!;
    return offset;
  });
};

export const shapeKernels = {
  Bitcast: bitcast,
  BroadcastArgs: broadcastArgs,
  BroadcastGradientArgs: broadcastGradientArgs,
  CheckNumerics: checkNumerics,
  CheckNumericsV2: checkNumerics,
  ConcatOffset: concatOffset,
  Const: (_, node) => [constTensor(node)!],
  DebugGradientIdentity: identity,
  DeepCopy: ([x]) => [copyOf(x!)],
  Empty: ([shape], node) => [zeros(readAttr(node, 'dtype', 'type'), shapeOf(shape!)) as Tensor],
  EnsureShape: ensureShape,
  ExpandDims: expandDims,
  GuaranteeConst: identity,
  Identity: identity,
  IdentityN: identity,
  OnesLike: onesLike,
  PlaceholderWithDefault: identity,
  PreventGradient: identity,
  Rank: ([t]) => [tensorOf('int32', [t!.shape.length], [])],
  Reshape: reshape,
  Shape: ([t], node) => [integers(node, t!.shape)],
  ShapeN: (inputs, node) => inputs.map((t) => integers(node, t.shape)),
  Size: ([t], node) => [integers(node, [sizeOf(t!.shape)], [])],
  Snapshot: identity,
  Squeeze: squeeze,
  StopGradient: identity,
  ZerosLike: ([x]) => [zeros(x!.dtype, x!.shape) as Tensor],
} satisfies Partial<Record<OpName, ReferenceKernel>>;
