import { normalizeAxis, type Shape, sameShape, stridesOf } from '../base/shape.ts';
import { numbersOf, type Tensor, tensor, tensorOf } from '../base/tensor.ts';
import { type Attr, type Attrs, attrValue, ints, type } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import { type Node, type Value, value } from '../graph/graph.ts';
import type { OpName } from '../graph/ops/index.ts';
import { any, constant, op } from '../graph/pattern.ts';
import { type RewriteContext, rule } from '../graph/rewrite.ts';
import { readLayout } from '../graph/shapes/geometry.ts';
import { opAttr } from '../graph/signature.ts';
import { rulePass } from './pass.ts';

type Perm = readonly number[];
const toNhwc: Perm = [0, 2, 3, 1];
const toNchw: Perm = [0, 3, 1, 2];
const samePerm = (a: Perm, b: Perm): boolean => a.length === b.length && a.every((x, i) => x === b[i]);

const permOf = (t: Tensor): Perm | undefined => {
  const perm = numbersOf(t);
  const isPermutation = [...perm].sort((a, b) => a - b).every((axis, i) => axis === i);
  return isPermutation ? perm : undefined;
};

function transposed(x: Value, perm: Perm, T: Attr, suffix: string, { add, constant: put }: RewriteContext): Value {
  const attrs = { T, Tperm: type('int32') };
  return add('Transpose', suffix, [x, put(`${suffix}/perm`, tensorOf('int32', perm))], attrs);
}

const typeAttr = (node: Node): Attr => type(opAttr(node, 'T', 'type'));

/** Transpose(x, [0, 1, …])  ⇒  x. Exact. */
const dropTranspose = rule('drop-transpose', op('Transpose', any('x'), constant('perm')), ({ x, perm }) =>
  permOf(perm.tensor)?.every((axis, i) => axis === i) ? x : undefined,
);

/** Transpose(Transpose(x, p), q)  ⇒  Transpose(x, p∘q), or x where they cancel. The inner one may have other readers. Exact. */
const mergeTransposes = rule(
  'merge-transposes',
  op('Transpose', op('Transpose', any('x'), constant('p')).shared(), constant('q')).as('outer'),
  ({ x, p, q, outer }, context) => {
    const [first, second] = [permOf(p.tensor), permOf(q.tensor)];
    if (first === undefined || first.length !== second?.length) return undefined;
    const both = second.map((axis) => first[axis]!);
    return both.every((axis, i) => axis === i) ? x : transposed(x, both, typeAttr(outer), 'merged', context);
  },
);

const nchwOps = [
  'Conv2D',
  'DepthwiseConv2dNative',
  'MaxPool',
  'AvgPool',
  'BiasAdd',
  'FusedBatchNorm',
  'FusedBatchNormV2',
  'FusedBatchNormV3',
] as const;

/**
 * f(x) in NCHW  ⇒  Transpose → f in NHWC → Transpose, for convolutions, poolings, BiasAdd and batch norms.
 *
 * Needs: nobody reads a batch norm's statistics. Exact up to the order of sums. `sink-transpose` then takes the transposes
 * away between one of these and the next.
 */
const nchwToNhwc = rule('nchw-to-nhwc', op(nchwOps).as('node'), ({ node }, context) => {
  if (readLayout(node) !== 'NCHW') return undefined;
  if ([1, 2, 3, 4, 5].some((port) => context.uses(value(node.name, port)).length > 0)) return undefined;
  // A BiasAdd or batch norm may be of another rank.
  const isWindowed = node.attrs.has('strides');
  if (!isWindowed && context.type(node.inputs[0]!).shape?.length !== 4) return undefined;
  const T = typeAttr(node);
  const x = transposed(node.inputs[0]!, toNhwc, T, 'nhwc', context);
  const moved = context.add(node.op as OpName, 'in_nhwc', [x, ...node.inputs.slice(1)], nhwcAttrs(node));
  return transposed(moved, toNchw, T, 'nchw', context);
});

function nhwcAttrs(node: Node): Attrs {
  const attrs = new Map(node.attrs);
  attrs.set('data_format', { string: 'NHWC' });
  for (const name of ['strides', 'dilations', 'ksize', 'explicit_paddings']) {
    const list = attrs.get(name) && attrValue(attrs.get(name)!, 'ints');
    if (list === undefined || list.length === 0) continue;
    const each = list.length / 4;
    attrs.set(name, ints(toNhwc.flatMap((axis) => list.slice(axis * each, (axis + 1) * each))));
  }
  return attrs;
}

/** Ops that work on each element by itself: one input, or several that broadcast. */
// biome-ignore format: a list of names
const elementwise = [
  'Relu', 'Relu6', 'LeakyRelu', 'Elu', 'Selu', 'Softplus', 'Softsign', 'Sigmoid', 'Tanh', 'Abs', 'Neg', 'Exp', 'Log',
  'Sqrt', 'Rsqrt', 'Square', 'Erf', 'Identity', 'Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Maximum', 'Minimum',
  'SquaredDifference', 'ConcatV2', 'Pad',
] as const;

/**
 * f(Transpose(x), …)  ⇒  Transpose(f(x, …)), for f elementwise, a concat or a pad, and the transpose NHWC → NCHW.
 *
 * Needs: every input transposed alike or a constant, which is transposed here; a constant axis or paddings. Exact. So
 * transposes sink until they meet their inverse.
 */
const sinkTranspose = rule('sink-transpose', op(elementwise).as('node'), ({ node }, context) => {
  const data =
    node.op === 'ConcatV2' ? node.inputs.slice(0, -1) : node.op === 'Pad' ? node.inputs.slice(0, 1) : node.inputs;
  const moved = data.map((v) => beforeTranspose(v, context));
  if (!moved.some((from) => from !== undefined && 'value' in from) || !moved.every((from) => from !== undefined))
    return undefined;
  const control = node.inputs.slice(data.length).map((v) => constTensor(context.node(v.node)));
  if (!control.every((t) => t !== undefined)) return undefined;
  if (node.op === 'Pad' && !sameShape(control[0]!.shape, [4, 2])) return undefined;
  const inputs = moved.map((from, i) => ('value' in from ? from.value : context.constant(`nhwc_${i}`, from.tensor)));
  const rest = control.map((t) => context.constant('nhwc', node.op === 'Pad' ? nhwcPaddings(t) : nhwcAxis(t)));
  const attrs = new Map(node.attrs);
  if (node.op === 'Pad') attrs.set('Tpaddings', type('int32'));
  if (node.op === 'ConcatV2') attrs.set('Tidx', type('int32'));
  const result = context.add(node.op as OpName, 'in_nhwc', [...inputs, ...rest], attrs);
  return transposed(result, toNchw, typeAttr(node), 'nchw', context);
});

const nhwcAxis = (axis: Tensor): Tensor =>
  tensorOf('int32', [toNchw[normalizeAxis(numbersOf(axis)[0]!, 4)]!], axis.shape);
const nhwcPaddings = (paddings: Tensor): Tensor => {
  const flat = numbersOf(paddings);
  return tensorOf(
    'int32',
    toNhwc.flatMap((axis) => flat.slice(2 * axis, 2 * axis + 2)),
    [4, 2],
  );
};

/** What a value is before it was transposed to NCHW; a constant is transposed back. */
function beforeTranspose(v: Value, { find }: RewriteContext): { value: Value } | { tensor: Tensor } | undefined {
  const node = find(v.node);
  if (node === undefined || v.port !== 0) return undefined;
  const tensorHere = constTensor(node);
  if (tensorHere !== undefined) {
    const turned = nhwcConstant(tensorHere);
    return turned && { tensor: turned };
  }
  const perm = node.op === 'Transpose' ? constTensor(find(node.inputs[1]!.node)!) : undefined;
  const found = perm && permOf(perm);
  return found !== undefined && samePerm(found, toNchw) ? { value: node.inputs[0]! } : undefined;
}

/** A float32 constant that broadcasts against NCHW as one that broadcasts against NHWC. */
function nhwcConstant(t: Tensor): Tensor | undefined {
  if (t.dtype !== 'float32' || t.shape.length > 4) return undefined;
  if (t.data.length === 1) return tensor('float32', [], t.data);
  const wide = [...new Array<number>(4 - t.shape.length).fill(1), ...t.shape];
  const shape: Shape = toNhwc.map((axis) => wide[axis]!);
  const [from, to] = [stridesOf(wide), stridesOf(shape)];
  const data = new Float32Array(t.data.length);
  for (let i = 0; i < data.length; i++) {
    let at = 0;
    for (let axis = 0; axis < 4; axis++) at += (Math.floor(i / to[axis]!) % shape[axis]!) * from[toNhwc[axis]!]!;
    data[i] = t.data[at]!;
  }
  return tensor('float32', shape, data);
}

/**
 * Mean, Max, Sum over axes of Transpose(x), height and width among them  ⇒  the same over x's axes; no transpose is left
 * where the kept axes are in their old order.
 *
 * Needs: constant axes; the transpose NHWC → NCHW. Exact up to the order of sums.
 */
const reduceTransposed = rule(
  'reduce-transposed',
  op(['Mean', 'Max', 'Min', 'Sum'], op('Transpose', any('x'), constant('perm')).shared(), constant('axes')).as('node'),
  ({ x, perm, axes, node }, context) => {
    const found = permOf(perm.tensor);
    if (found === undefined || !samePerm(found, toNchw)) return undefined;
    const reduced = numbersOf(axes.tensor).map((axis) => toNchw[normalizeAxis(axis, 4)]!);
    const keepsDims = opAttr(node, 'keep_dims', 'bool');
    const kept = toNchw.filter((axis) => !reduced.includes(axis));
    const isInOrder = kept.every((axis, i) => i === 0 || kept[i - 1]! < axis);
    if (!keepsDims && !isInOrder) return undefined;
    const attrs = new Map(node.attrs).set('Tidx', type('int32'));
    const inputs = [x, context.constant('axes', tensorOf('int32', reduced))];
    const result = context.add(node.op as 'Mean', 'reduced', inputs, attrs);
    return keepsDims ? transposed(result, toNchw, typeAttr(node), 'nchw', context) : result;
  },
);

export const transpose = rulePass('transpose', [
  dropTranspose,
  mergeTransposes,
  nchwToNhwc,
  sinkTranspose,
  reduceTransposed,
]);
