import { sizeOf } from '../../base/shape.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import { ints, readAttr, type } from '../../graph/attr.ts';
import type { Node, Value } from '../../graph/graph.ts';
import { any, type Constant, constant, op } from '../../graph/pattern.ts';
import { type RewriteContext, type Rule, rule } from '../../graph/rewrite.ts';
import { whyNot } from '../eligible.ts';
import { dequantized, isUnsigned, layerAttrs, quantized } from '../int8.ts';
import { isPerChannel, type QuantizeOptions } from '../options.ts';
import { requantized } from '../requantized.ts';
import { biasOf, quantizeWeights } from '../weights.ts';

const relus = ['Relu', 'Relu6'] as const;
const convs = ['Conv2D', 'DepthwiseConv2dNative'] as const;

type Matched = { readonly x: Value; readonly w: Constant; readonly conv: Node; readonly b?: Constant };

/**
 * Conv2D → BiasAdd → Relu  ⇒  QuantizeV2 → QuantizedConv2DWithBiasAndRelu → Requantize[PerChannel] → Dequantize (figure 1b),
 * and the same without bias, without relu, with Relu6, and depthwise.
 *
 * Needs constant fp32 weights and, for a depthwise convolution, an input that is never negative: TensorFlow has the
 * quantized depthwise forms for quint8 only. The Dequantize takes the root's name, so readers in fp32 stay as they are.
 */
export function convolutionRules(options: QuantizeOptions): readonly Rule[] {
  const convolution = op(convs, any('x'), constant('w')).as('conv');
  const biased = op('BiasAdd', convolution, constant('b'));
  const apply = (bound: Matched, context: RewriteContext) => quantizeConvolution(bound, context, options);
  return [
    rule('quantize-conv-bias-relu', op(relus, biased), apply),
    rule('quantize-conv-relu', op(relus, convolution), apply),
    rule('quantize-conv-bias', biased, apply),
    rule('quantize-conv', convolution, apply),
  ];
}

function quantizeConvolution({ x, w, conv, b }: Matched, context: RewriteContext, options: QuantizeOptions) {
  if (whyNot(conv, { node: context.find }, options) !== undefined) return undefined;
  const isDepthwise = conv.op === 'DepthwiseConv2dNative';
  const weights = w.tensor as Tensor<'float32'>;
  const channelAxes = isDepthwise ? 2 : 1;
  const channels = sizeOf(weights.shape.slice(-channelAxes));
  const bias = biasOf(conv, b?.tensor, channels, options);
  if (bias === undefined) return undefined;
  if (isDepthwise && !isUnsigned(x, context, options)) return undefined;
  const choice = options.weights?.get(conv.name);
  const { codes, limits } = quantizeWeights(weights, bias.data, {
    channelAxes,
    perChannel: isPerChannel(conv.name, options),
    choice,
  });
  const input = quantized(x, context, options);
  const isRelu = (relus as readonly string[]).includes(context.root.op);
  const { add } = context;
  const sum = add(
    `Quantized${isDepthwise ? 'DepthwiseConv2D' : 'Conv2D'}WithBias${isRelu ? 'AndRelu' : ''}`,
    'quantized',
    [
      input.codes,
      context.constant('weights', codes),
      context.constant('bias', bias),
      input.min,
      input.max,
      context.constant('weights/min', negated(limits)),
      context.constant('weights/max', limits),
    ],
    {
      Tinput: type(input.dtype),
      Tfilter: type('qint8'),
      out_type: type('qint32'),
      ...geometry(conv),
      ...layerAttrs(conv, context.root),
    },
  );
  const limit = context.root.op === 'Relu6' ? 6 : undefined;
  const perChannel = isPerChannel(conv.name, options) ? channels : undefined;
  return dequantized(
    requantized(sum, context, { dtype: isRelu ? 'quint8' : 'qint8', limit, channels: perChannel }),
    context,
  );
}

const negated = (t: Tensor<'float32'>): Tensor<'float32'> =>
  tensor(
    'float32',
    t.shape,
    t.data.map((v) => -v),
  );

/** As the quantized ops say it: explicit padding is `VALID` with a `padding_list` of (before, after) an axis. */
function geometry(conv: Node) {
  const padding = readAttr(conv, 'padding', 'string');
  const isExplicit = padding === 'EXPLICIT';
  return {
    strides: ints(readAttr(conv, 'strides', 'ints')),
    dilations: ints(readAttr(conv, 'dilations', 'ints', [1, 1, 1, 1])),
    padding: isExplicit ? 'VALID' : padding,
    padding_list: ints(isExplicit ? readAttr(conv, 'explicit_paddings', 'ints') : []),
  };
}
