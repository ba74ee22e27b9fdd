import type { AttrInputs } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import { floatSumsOf } from '../graph/float-sums.ts';
import type { Node, Value } from '../graph/graph.ts';
import { op } from '../graph/pattern.ts';
import { type RewriteContext, type Rule, rule } from '../graph/rewrite.ts';
import { opAttr } from '../graph/signature.ts';
import { floatConv, roundedConv } from './internal-float-conv.ts';
import { internal } from './island.ts';

/** A quantized convolution with the nodes that make its sums float32: what files say of results that keep their precision. */
export type FloatConv = {
  /** The first four inputs of the internal forms. */
  readonly inputs: readonly Value[];
  readonly attrs: AttrInputs;
  readonly activation: '' | 'Relu' | 'Relu6';
};

const convolutions = ['QuantizedConv2DWithBias', 'QuantizedDepthwiseConv2DWithBias'] as const;
const activations = ['Relu', 'Relu6'] as const;

/**
 * The convolution whose float32 results `end` gives: [Relu](BiasAdd(Mul(Cast(Bitcast(conv)), m), b)), each read by the next
 * alone. With one declared scale for its filter TensorFlow's convolution gives the sums as they are; its own bias must be zero.
 */
export function floatConvAt(end: Node, context: RewriteContext): FloatConv | undefined {
  const { node: find, isPrivate } = context;
  const activation = activations.find((name) => name === end.op) ?? '';
  const own = (name: string): Node | undefined => {
    const node = context.find(name);
    return node !== undefined && isPrivate(node) ? node : undefined;
  };
  const biased = activation === '' ? end : own(end.inputs[0]!.node);
  const found = biased && floatSumsOf(biased, own);
  if (biased === undefined || found === undefined) return undefined;
  const { sums, cast } = found;
  const conv = find(sums.node);
  const [multipliers, bias] = [found.scaled.inputs[1]!, biased.inputs[1]!];
  const isPlain = opAttr(cast, 'DstT', 'type') === 'float32' && opAttr(cast, 'SrcT', 'type') === 'int32';
  if (!isPlain || opAttr(biased, 'data_format', 'string') !== 'NHWC' || sums.port !== 0) return undefined;
  if (!givesSums(conv, context) || context.uses({ node: conv.name, port: 0 }).length !== 1) return undefined;
  const channels = constTensor(find(bias.node))?.data.length;
  const isVector = [multipliers, bias].every((v) => {
    const tensor = constTensor(find(v.node));
    return tensor?.dtype === 'float32' && tensor.shape.length === 1 && tensor.data.length === channels;
  });
  if (!isVector) return undefined;
  const geometry = ['strides', 'padding', 'dilations', 'padding_list'].map((name) => [name, conv.attrs.get(name)]);
  return {
    inputs: [...conv.inputs.slice(0, 2), multipliers, bias],
    attrs: { ...Object.fromEntries(geometry), depthwise: conv.op.includes('Depthwise') },
    activation,
  };
}

/** Whether a convolution leaves exact sums: one scale for all of a constant int8 filter, and a bias of zeros. */
function givesSums(conv: Node, { node: find }: RewriteContext): boolean {
  if (!(convolutions as readonly string[]).includes(conv.op) || opAttr(conv, 'out_type', 'type') !== 'qint32')
    return false;
  const at = (i: number) => constTensor(find(conv.inputs[i]!.node));
  const [filter, bias, ...ends] = [1, 2, 5, 6].map(at);
  return (
    filter?.dtype === 'qint8' &&
    ends.every((end) => end?.data.length === 1) &&
    bias?.dtype === 'float32' &&
    bias.data.every((b) => b === 0)
  );
}

/** What becomes codes behind the convolution: a summand in codes of its own, and the attributes of the QuantizeV2. */
type Rounding = { readonly summand: readonly Value[]; readonly ends: readonly Value[]; readonly attrs: AttrInputs };

/** The form whose results are codes. */
export const roundedForm = (conv: FloatConv, { summand, ends, attrs }: Rounding, context: RewriteContext): Value =>
  context.add(internal(roundedConv), 'rounded', [...conv.inputs, ...ends, ...summand], { ...conv.attrs, ...attrs });

/** [Relu](BiasAdd(Mul(Cast(Bitcast(QuantizedConv2DWithBias(x))), m), b))  ⇒  _OctetFloatConv2D(x) */
export const floatConvRule: Rule = rule(
  'island-float-conv',
  op([...activations, 'BiasAdd']).as('end'),
  ({ end }: { readonly end: Node }, context) => {
    const conv = floatConvAt(end, context);
    return (
      conv && context.add(internal(floatConv), 'float', conv.inputs, { ...conv.attrs, activation: conv.activation })
    );
  },
);
