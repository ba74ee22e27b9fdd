import type { DType } from '../base/dtype.ts';
import { numberOf, numbersOf } from '../base/tensor.ts';
import { type AttrInputs, float, type } from '../graph/attr.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import { any, type Constant, constant, op } from '../graph/pattern.ts';
import { type RewriteContext, type Rule, rewrite, rule, type TraceEntry } from '../graph/rewrite.ts';
import { opAttr } from '../graph/signature.ts';
import type { ReferenceKernel } from '../kernels/reference-kernel.ts';
import { roundsAsTensorFlow } from '../kernels/requantize/rounding.ts';
import { constantRanges } from './constant-ranges.ts';
import { floatConvAt, floatConvRule, roundedForm } from './float-conv.ts';
import { sumConv } from './internal-conv.ts';
import { endsIsland, internal, isPlainDequantize } from './island.ts';
import { requantizedRule } from './requantized.ts';
import { tableRule } from './tables.ts';

/**
 * Islands: what TensorFlow has no int8 op for stands in its files as `Dequantize → op → QuantizeV2`, or as sums that become
 * float32 step by step. These rules put single ops in the place of all that, with a definition of their own (internal.ts), so
 * that every backend computes the same. Files are never written with them.
 */
export type IslandOptions = {
  /** Nodes that must stay: the model's ends and what is fetched. */
  readonly keep: ReadonlySet<string>;
  readonly reference: (op: string) => ReferenceKernel | undefined;
  readonly trace?: (entry: TraceEntry) => void;
};

export function rewriteIslands(graph: Graph, { keep, reference, trace }: IslandOptions): Graph {
  const rules = [sumRule, roundRule, tableRule(reference), meanRule, floatConvRule, requantizedRule];
  return rewrite(constantRanges(graph, reference), rules, { keep, order: 'outputs-first', ...(trace && { trace }) });
}

const relus = ['Relu', 'Relu6'] as const;

type Ends = { readonly min: Constant; readonly max: Constant };

const codes = ({ inputs }: Node): readonly [Value, Value, Value] => inputs as never;
const outputs = ({ node }: Value): readonly Value[] => [0, 1, 2].map((port) => ({ node, port }));

/** The largest code stands for at most 6, so that saturating is cutting off. */
const fitsRelu6 = (relu: string | undefined, max: Constant): boolean => relu !== 'Relu6' || numberOf(max.tensor) <= 6;

/** What the QuantizeV2 at the end of a sum says. */
const sumAttrs = (end: Node, dtype: DType, relu: boolean): AttrInputs => ({
  out_type: type(dtype),
  relu,
  narrow_range: opAttr(end, 'narrow_range', 'bool'),
  ensure_minimum_range: float(opAttr(end, 'ensure_minimum_range', 'float')),
});

const convAttrs = (conv: Node): AttrInputs => ({
  ...Object.fromEntries(
    ['strides', 'padding', 'dilations', 'padding_list'].map((name) => [name, conv.attrs.get(name)]),
  ),
  own_type: type(opAttr(conv, 'out_type', 'type')),
});

/**
 * QuantizeV2(AddV2(Dequantize(QuantizedConv2DWithBiasAndRequantize(x)), Dequantize(z)))  ⇒  _OctetConv2DSum(x, z)
 * QuantizeV2(AddV2(<float32 convolution of x>, Dequantize(z)))                           ⇒  _OctetRoundedConv2D(x, z)
 * QuantizeV2(AddV2(Dequantize(a), Dequantize(b)))                                        ⇒  _OctetAdd(a, b)
 *
 * and the same with relu behind the sum. A residual add goes into the epilogue of a convolution that nobody else reads. Both
 * compute what the file says, bit for bit (internal-sum.ts). Needs one shape and constant ranges.
 */
const sumRule: Rule = rule(
  'island-sum',
  op('QuantizeV2', any('source'), constant('min'), constant('max')).as('end'),
  ({ source, min, max, end }: Ends & { readonly source: Value; readonly end: Node }, context) => {
    const dtype = endsIsland(end);
    const last = context.node(source.node);
    const relu = relus.find((name) => name === last.op);
    const sum = relu === undefined ? last : context.node(last.inputs[0]!.node);
    if (dtype === undefined || !['Add', 'AddV2'].includes(sum.op) || !fitsRelu6(relu, max)) return undefined;
    const froms = sum.inputs.map((v) => context.node(v.node));
    if (!isSameShape(sum, context)) return undefined;
    const isOwn = [last, sum].every(context.isPrivate);
    const isPlain = (from: Node) => from.op === 'Dequantize' && isPlainDequantize(from, context);
    const [first, second] = froms as [Node, Node];
    const ends = [min.value, max.value];
    const attrs = sumAttrs(end, dtype, relu !== undefined);
    if (isPlain(first) !== isPlain(second) && isOwn) {
      const [z, other] = isPlain(first) ? [first, second] : [second, first];
      const real = context.isPrivate(other) ? floatConvAt(other, context) : undefined;
      if (real?.activation !== '') return undefined;
      return outputs(roundedForm(real, { summand: codes(z), ends, attrs }, context));
    }
    if (!froms.every(isPlain)) return undefined;
    const conv = isOwn ? [second, first].find((from) => isFoldable(from, context)) : undefined;
    if (conv === undefined) {
      const [[a, ...aRange], [b, ...bRange]] = [codes(first), codes(second)];
      const inputs = [a, b, ...aRange, ...bRange, ...ends];
      return outputs(context.add(internal('_OctetAdd'), 'add', inputs, attrs));
    }
    const convolution = context.node(codes(conv)[0].node);
    const inputs = [...convolution.inputs.slice(0, 9), ...codes(conv === first ? second : first), ...ends];
    return outputs(context.add(internal(sumConv), 'sum', inputs, { ...attrs, ...convAttrs(convolution) }));
  },
);

/**
 * QuantizeV2([Relu](BiasAdd(Mul(Cast(Bitcast(QuantizedConv2DWithBias(x))), m), b)))  ⇒  _OctetRoundedConv2D(x), where nobody
 * else reads the float32 results.
 */
const roundRule: Rule = rule(
  'island-rounded-conv',
  op('QuantizeV2', any('source'), constant('min'), constant('max')).as('end'),
  ({ source, min, max, end }: Ends & { readonly source: Value; readonly end: Node }, context) => {
    const dtype = endsIsland(end);
    const last = context.node(source.node);
    const conv = context.isPrivate(last) ? floatConvAt(last, context) : undefined;
    if (dtype === undefined || conv === undefined || !fitsRelu6(conv.activation, max)) return undefined;
    const rounding = { summand: [], ends: [min.value, max.value], attrs: sumAttrs(end, dtype, conv.activation !== '') };
    return outputs(roundedForm(conv, rounding, context));
  },
);

/** Whether a Dequantize is the only reader of a convolution that can take a summand. */
function isFoldable(from: Node, context: RewriteContext): boolean {
  const conv = context.node(codes(from)[0].node);
  if (conv.op !== 'QuantizedConv2DWithBiasAndRequantize' || !context.isPrivate(from)) return false;
  // sumConv rounds as the contract does.
  if (roundsAsTensorFlow(conv)) return false;
  return opAttr(conv, 'Tbias', 'type') === 'qint32' && context.uses({ node: conv.name, port: 0 }).length === 1;
}

function isSameShape(sum: Node, context: RewriteContext): boolean {
  const [a, b] = sum.inputs.map((v) => context.type(v).shape);
  return a != null && b != null && a.length === b.length && a.every((dim, i) => dim === b[i]);
}

/** Mean(Dequantize(q), [1, 2])  ⇒  _OctetMean(q): the exact sum of codes, times a factor. */
const meanRule = rule(
  'island-mean',
  op('Mean', op('Dequantize').as('from').shared(), constant('axes')).as('mean'),
  ({ from, axes, mean }: { readonly from: Node; readonly axes: Constant; readonly mean: Node }, context) => {
    const shape = context.type({ node: from.name, port: 0 }).shape;
    const over = numbersOf(axes.tensor).map((axis) => (axis < 0 ? axis + 4 : axis));
    const isOverPixels = over.length === 2 && over.includes(1) && over.includes(2);
    if (shape?.length !== 4 || !isOverPixels || !isPlainDequantize(from, context)) return undefined;
    return context.add(internal('_OctetMean'), 'mean', codes(from), { keep_dims: opAttr(mean, 'keep_dims', 'bool') });
  },
);
