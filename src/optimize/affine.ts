import { type Node, type Value, value } from '../graph/graph.ts';
import type { RewriteContext } from '../graph/rewrite.ts';
import { readLayout } from '../graph/shapes/geometry.ts';
import { opAttr } from '../graph/signature.ts';
import { constantExpression, type Expression } from './constant-expression.ts';

/** Where the channels of a tensor are. */
export type Channels = { readonly rank: number; readonly axis: number; readonly count: number };

/** y = x·scale + offset, a number a channel; an absent factor is 1, an absent summand 0. */
export type Affine = { readonly scale?: Float64Array; readonly offset?: Float64Array };

/** One node that is affine in `input`, all else being constant. `at` gives its numbers, or undefined where they are not per channel. */
export type Link = {
  readonly node: Node;
  readonly input: Value;
  readonly at: (channels: Channels) => Affine | undefined;
  /** The constants that the link is made of, and their layout where it fixes one. */
  readonly constants: readonly Expression[];
  readonly channelAxis: number | undefined;
};

type Context = Pick<RewriteContext, 'find' | 'uses' | 'isPrivate'>;

export const batchNormOps = [
  'FusedBatchNorm',
  'FusedBatchNormV2',
  'FusedBatchNormV3',
  'BatchNormWithGlobalNormalization',
] as const;
export const affineOps = [
  'Mul',
  'RealDiv',
  'Div',
  'Add',
  'AddV2',
  'Sub',
  'BiasAdd',
  'BiasAddV1',
  ...batchNormOps,
] as const;

/** `node` as an affine function of one of its inputs, or undefined. */
function linkOf(node: Node, context: Context): Link | undefined {
  if (isOneOf(batchNormOps, node.op)) return batchNormLink(node, context);
  if (!isOneOf(affineOps, node.op)) return undefined;
  const [left, right] = node.inputs as readonly [Value, Value];
  const b = constantExpression(right, context.find);
  const a = b === undefined ? constantExpression(left, context.find) : undefined;
  const constant = b ?? a;
  if (constant === undefined) return undefined;
  const isBias = node.op === 'BiasAdd' || node.op === 'BiasAddV1';
  if (isBias && b === undefined) return undefined;
  const make = arithmetic[b === undefined ? 'constantFirst' : 'constantLast'][node.op];
  if (make === undefined) return undefined;
  const channelAxis = isBias && node.op === 'BiasAdd' && readLayout(node) === 'NCHW' ? 1 : isBias ? -1 : undefined;
  return {
    node,
    input: b === undefined ? right : left,
    constants: [constant],
    channelAxis,
    at: (channels) => {
      const vector = isBias ? vectorAt(constant, channels, channelAxis!) : perChannel(constant, channels);
      return vector && make(vector);
    },
  };
}

const isOneOf = <T extends string>(list: readonly T[], op: string): op is T => (list as readonly string[]).includes(op);

const plus = (c: Float64Array): Affine => ({ offset: c });
const times = (c: Float64Array): Affine => ({ scale: c });
const dividedBy = (c: Float64Array): Affine => ({ scale: c.map((x) => 1 / x) });

/** What `x ∘ c` and `c ∘ x` are. */
const arithmetic: Readonly<
  Record<'constantFirst' | 'constantLast', Readonly<Record<string, ((c: Float64Array) => Affine) | undefined>>>
> = {
  constantLast: {
    Mul: times,
    RealDiv: dividedBy,
    Div: dividedBy,
    Add: plus,
    AddV2: plus,
    Sub: (c) => ({ offset: c.map((x) => -x) }),
    BiasAdd: plus,
    BiasAddV1: plus,
  },
  constantFirst: {
    Mul: times,
    Add: plus,
    AddV2: plus,
    Sub: (c) => ({ scale: c.map(() => -1), offset: c }),
  },
};

/** The elements of a constant that broadcasting spreads over all axes but the channels'. */
function perChannel({ shape, data }: Expression, { rank, axis, count }: Channels): Float64Array | undefined {
  const lead = rank - shape.length;
  if (lead < 0) return undefined;
  const own = shape[axis - lead] ?? 1;
  const isElsewhere = shape.some((dim, i) => dim !== 1 && i + lead !== axis);
  if (isElsewhere || (own !== 1 && own !== count)) return undefined;
  return own === count ? data : new Float64Array(count).fill(data[0]!);
}

/** A vector that an op itself lays along `axis`. */
function vectorAt({ shape, data }: Expression, { rank, axis, count }: Channels, along: number) {
  const isThere = (along < 0 ? along + rank : along) === axis;
  return isThere && shape.length === 1 && shape[0] === count ? data : undefined;
}

/**
 * FusedBatchNorm[V2,V3](x, γ, β, μ, σ²) and BatchNormWithGlobalNormalization(x, μ, σ², β, γ) in inference:
 * scale = γ/√(σ²+ε), offset = β − μ·scale. In training, or where the batch's statistics are read, there is no link.
 */
function batchNormLink(node: Node, context: Context): Link | undefined {
  const isOld = node.op === 'BatchNormWithGlobalNormalization';
  if (!isOld && (opAttr(node, 'is_training', 'bool') || readsStatistics(node, context))) return undefined;
  const vectors = node.inputs.slice(1).map((input) => constantExpression(input, context.find));
  if (vectors.length !== 4 || !vectors.every((v) => v !== undefined)) return undefined;
  const constants = vectors as readonly Expression[];
  const [gamma, beta, mean, variance] = (isOld ? [3, 2, 0, 1] : [0, 1, 2, 3]).map((i) => constants[i]!) as [
    Expression,
    Expression,
    Expression,
    Expression,
  ];
  const epsilon = Math.fround(opAttr(node, isOld ? 'variance_epsilon' : 'epsilon', 'float'));
  const isScaled = !isOld || opAttr(node, 'scale_after_normalization', 'bool');
  const along = !isOld && readLayout(node) === 'NCHW' ? 1 : -1;
  return {
    node,
    input: node.inputs[0]!,
    constants,
    channelAxis: along,
    at: (channels) => {
      const [g, b, m, v] = [gamma, beta, mean, variance].map((e) => vectorAt(e, channels, along));
      if (g === undefined || b === undefined || m === undefined || v === undefined) return undefined;
      const scale = v.map((x, c) => (isScaled ? g[c]! : 1) / Math.sqrt(x + epsilon));
      return { scale, offset: scale.map((s, c) => b[c]! - m[c]! * s) };
    },
  };
}

const readsStatistics = (node: Node, { uses }: Context): boolean =>
  [1, 2, 3, 4, 5].some((port) => uses(value(node.name, port)).length > 0);

/** The links from `last` back towards its input, nearest first, as long as the nodes are read by nobody else. */
export function chainBack(last: Value, context: Context, isRoot: boolean): readonly Link[] {
  const links: Link[] = [];
  for (let at = last; at.port === 0; ) {
    const node = context.find(at.node);
    if (node === undefined || !((isRoot && links.length === 0) || context.isPrivate(node))) break;
    const link = linkOf(node, context);
    if (link === undefined) break;
    links.push(link);
    at = link.input;
  }
  return links;
}

/** `outer` after `inner`: (x·s₁ + t₁)·s₂ + t₂. */
function compose(inner: Affine, outer: Affine): Affine {
  const { scale: s2, offset: t2 } = outer;
  const scaled = (v: Float64Array | undefined) =>
    v === undefined || s2 === undefined ? v : v.map((x, c) => x * s2[c]!);
  const scale = inner.scale === undefined ? s2 : scaled(inner.scale);
  const moved = scaled(inner.offset);
  const offset = moved === undefined || t2 === undefined ? (moved ?? t2) : moved.map((x, c) => x + t2[c]!);
  return { ...(scale === undefined ? {} : { scale }), ...(offset === undefined ? {} : { offset }) };
}

/** All of `links` (nearest the output first) as one function, or undefined where one is not per channel or not finite. */
export function composed(links: readonly Link[], channels: Channels): Affine | undefined {
  let all: Affine = {};
  for (const link of [...links].reverse()) {
    const one = link.at(channels);
    if (one === undefined) return undefined;
    all = compose(all, one);
  }
  const holds = [all.scale, all.offset].every((v) => v?.every((x) => Number.isFinite(Math.fround(x))) ?? true);
  return holds ? all : undefined;
}
