import { type Tensor, tensor } from '../base/tensor.ts';
import { type } from '../graph/attr.ts';
import { type Value, value } from '../graph/graph.ts';
import { op } from '../graph/pattern.ts';
import { type RewriteContext, rewrite, rule } from '../graph/rewrite.ts';
import { axesOf, readWindows, windowAxis } from '../graph/shapes/geometry.ts';
import { type Affine, affineOps, batchNormOps, type Channels, chainBack, composed, type Link } from './affine.ts';
import type { Pass } from './pass.ts';
import { scaledWeights, summedWeights, type Weighted, weighted, weightedOps } from './weighted.ts';

const T = { T: type('float32') };
const vector = (data: Float64Array): Tensor<'float32'> => tensor('float32', [data.length], Float32Array.from(data));

/**
 * conv → batch norm  ⇒  conv(w·s) → BiasAdd(t), for conv one of Conv2D, DepthwiseConv2dNative, MatMul, Conv2DBackpropInput.
 *
 * The batch norm is any chain of nodes that is affine per channel, y = x·s + t: FusedBatchNorm[V2,V3],
 * BatchNormWithGlobalNormalization, Mul, RealDiv, Add[V2], Sub, BiasAdd with constant expressions in any order, so also
 * what Keras and tf.nn.batch_normalization decompose it into: s = γ/√(σ²+ε), t = β − μ·s.
 * Needs: constant float32 weights; inference; nobody else reads the convolution or what is inside the chain.
 * Exact up to rounding: computed in float64, weights and bias rounded once.
 */
const foldBatchNorm = rule('fold-batch-norm', op(affineOps), (_, context) => {
  const links = chainBack(value(context.root.name), context, true);
  const conv = sourceOf(links, context);
  if (conv === undefined || !context.isPrivate(conv.node)) return undefined;
  const all = composed(links, conv.channels);
  return all?.scale && foldInto(conv, all, context);
});

function sourceOf(links: readonly Link[], context: RewriteContext): Weighted | undefined {
  const at = links.at(-1)?.input;
  return at?.port === 0 ? weighted(context.find(at.node), context) : undefined;
}

/** The convolution with `affine` in its weights and a BiasAdd behind it. */
function foldInto(conv: Weighted, { scale, offset }: Affine, context: RewriteContext): Value | undefined {
  const { node, input } = conv;
  const weights = scale && scaledWeights(conv.weights, conv.output, scale);
  if (scale !== undefined && weights === undefined) return undefined;
  const inputs = weights === undefined ? node.inputs : node.inputs.with(input, context.constant('weights', weights));
  const folded = context.become(node, { inputs });
  return offset === undefined ? folded : biasAdd(folded, offset, conv, context);
}

/** `x` + a number a channel, as the BiasAdd that the quantizer and every runtime know. */
export function biasAdd(
  x: Value,
  offset: Float64Array,
  { channels }: Weighted,
  { add, constant }: RewriteContext,
): Value {
  const isNchw = channels.rank === 4 && channels.axis === 1;
  const bias = constant('bias', vector(offset));
  return add('BiasAdd', 'biased', [x, bias], { ...T, data_format: isNchw ? 'NCHW' : 'NHWC' });
}

/**
 * batch norm → conv  ⇒  conv(w·s) → BiasAdd(Σ w·t), the batch norm being any chain as in `fold-batch-norm`.
 *
 * Needs: as there; and where t is not zero, a convolution that pads nothing, since zeros outside of the picture do not get
 * t. Of a chain in front of a padded convolution the last factors alone are folded. Exact up to rounding.
 */
const foldBatchNormInFront = rule('fold-batch-norm-in-front', op(weightedOps), (_, context) => {
  const conv = weighted(context.root, context);
  if (conv?.source === undefined) return undefined;
  const channels = { rank: conv.channels.rank, axis: conv.channels.axis, count: conv.source.count };
  const chain = chainBack(context.root.inputs[0]!, context, false);
  // A bias stays with the convolution in front of it.
  if (sourceOf(chain, context) !== undefined) return undefined;
  const mayShift = padsNothing(conv, context);
  const links = leading(chain, (link) => {
    const affine = link.at(channels);
    return affine !== undefined && (mayShift || affine.offset === undefined);
  });
  const first = links.at(-1);
  if (first === undefined || !hasChannels(first.input, channels, context)) return undefined;
  const affine = composed(links, channels);
  return affine && foldBehind(conv, affine, first.input, context);
});

/** The items before the first that does not fit. */
function leading<T>(items: readonly T[], fits: (item: T) => boolean): readonly T[] {
  const end = items.findIndex((item) => !fits(item));
  return end < 0 ? items : items.slice(0, end);
}

function foldBehind(conv: Weighted, { scale, offset }: Affine, x: Value, context: RewriteContext): Value | undefined {
  const { node } = conv;
  const sums = offset && summedWeights(conv, offset);
  const weights = scale ? scaledWeights(conv.weights, conv.source!, scale) : conv.weights;
  if (weights === undefined || sums?.some((sum) => !Number.isFinite(Math.fround(sum)))) return undefined;
  const inputs = [x, scale ? context.constant('weights', weights) : node.inputs[1]!];
  const folded = context.add(node.op as 'Conv2D', 'folded', inputs, node.attrs);
  return sums === undefined ? folded : biasAdd(folded, sums, conv, context);
}

/** Broadcasting could have made the channels, so the type must say that they were there before. */
const hasChannels = (x: Value, { rank, axis, count }: Channels, { type: typeOf }: RewriteContext): boolean => {
  const { shape } = typeOf(x);
  return shape?.length === rank && shape[axis] === count;
};

/** Whether the window never leaves the picture; where its size is not known, only a window of one is sure not to. */
function padsNothing({ node, weights }: Weighted, { type: typeOf }: RewriteContext): boolean {
  if (node.op === 'MatMul') return true;
  const windows = readWindows(node);
  const { shape } = typeOf(node.inputs[0]!);
  const axes = axesOf[windows.layout];
  const isInside = (side: 'h' | 'w', kernel: number): boolean => {
    const stepping = windows[side];
    if (stepping.padding === 'VALID') return true;
    if (stepping.padding !== 'SAME') return stepping.padding.before === 0 && stepping.padding.after === 0;
    const size = shape?.[axes[side]];
    if (size == null) return kernel === 1;
    const { before, after } = windowAxis(size, kernel, stepping);
    return before === 0 && after === 0;
  };
  return isInside('h', weights.shape[0]!) && isInside('w', weights.shape[1]!);
}

/**
 * batch norm  ⇒  Mul(s) → AddV2(t), where no convolution stands in front to take it: after a concat, a residual add, an input.
 *
 * For the chains of `fold-batch-norm`; one without a FusedBatchNorm must get shorter by it. Exact up to rounding.
 */
const batchNormToMulAdd = rule('batch-norm-to-mul-add', op(affineOps), (_, context) => {
  const links = chainBack(value(context.root.name), context, true);
  const channels = channelsOf(links, context);
  const all = channels && composed(links, channels);
  if (all === undefined || channels === undefined) return undefined;
  const count = Number(all.scale !== undefined) + Number(all.offset !== undefined);
  const hasBatchNorm = links.some(({ node }) => (batchNormOps as readonly string[]).includes(node.op));
  if (!hasBatchNorm && count >= links.length) return undefined;
  return mulAdd(links.at(-1)!.input, all, channels, context);
});

function mulAdd(
  x: Value,
  { scale, offset }: Affine,
  { rank, axis }: Channels,
  { add, constant }: RewriteContext,
): Value {
  const shaped = (data: Float64Array): Tensor => {
    if (data.every((v) => v === data[0])) return tensor('float32', [], Float32Array.of(data[0]!));
    const shape =
      axis === rank - 1 ? [data.length] : Array.from({ length: rank }, (_, i) => (i === axis ? data.length : 1));
    return { ...vector(data), shape };
  };
  const scaled = scale === undefined ? x : add('Mul', 'scaled', [x, constant('scale', shaped(scale))], T);
  return offset === undefined ? scaled : add('AddV2', 'shifted', [scaled, constant('offset', shaped(offset))], T);
}

/** The channels that a chain's constants agree on: the last axis, unless a batch norm says NCHW. */
function channelsOf(links: readonly Link[], { type: typeOf }: RewriteContext): Channels | undefined {
  const first = links.at(-1);
  if (first === undefined) return undefined;
  const along = links.find((link) => link.channelAxis !== undefined)?.channelAxis ?? -1;
  const isFixed = links.some((link) => link.channelAxis !== undefined);
  const { shape } = typeOf(first.input);
  const rank = shape?.length ?? (isFixed ? 4 : undefined);
  if (rank === undefined || rank === 0) return undefined;
  const count = Math.max(...links.flatMap((link) => link.constants.map(({ data }) => data.length)));
  const axis = along < 0 ? rank + along : along;
  // Without an op that fixes them, broadcasting could have made the channels.
  return isFixed || count === 1 || shape?.[axis] === count ? { rank, axis, count } : undefined;
}

export const foldBatchNorms: Pass = {
  name: 'fold-batch-norms',
  // The last node of a chain first, so that the whole of it is folded at once; behind convolutions before in front of them.
  run: (graph, { keep, trace }) =>
    [foldBatchNorm, foldBatchNormInFront, batchNormToMulAdd].reduce(
      (before, each) => rewrite(before, [each], { keep, trace, order: 'outputs-first' }),
      graph,
    ),
};
