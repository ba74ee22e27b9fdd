import { sizeOf } from '../../base/shape.ts';
import { scalar, type Tensor, tensor, zeros } from '../../base/tensor.ts';
import { ints, readAttr, type } from '../../graph/attr.ts';
import type { Node, Value } from '../../graph/graph.ts';
import { any, type Constant, constant, op } from '../../graph/pattern.ts';
import { type RewriteContext, type Rule, rule } from '../../graph/rewrite.ts';
import { isAdded } from '../added.ts';
import { whyNot } from '../eligible.ts';
import { floatResult, isReadAsFloat, unitRange } from '../float-result.ts';
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
 *
 * A result that is only read in fp32 is not rounded to 8 bits (float-result.ts), nor is that of a depthwise convolution
 * without relu, for which TensorFlow has no fused form: a reader in int8 then rounds it for itself.
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
  const isFloat =
    (isDepthwise && !isRelu) ||
    isReadAsFloat(context.root, isRelu, context) ||
    (options.floatSums === true && isAdded(context.root, context));
  const { add } = context;
  const declared = isFloat ? scalar('float32', unitRange) : limits;
  const sum = add(
    `Quantized${isDepthwise ? 'DepthwiseConv2D' : 'Conv2D'}WithBias${isRelu && !isFloat ? 'AndRelu' : ''}`,
    'quantized',
    [
      input.codes,
      context.constant('weights', codes),
      isFloat ? context.constant('no_bias', zeros('float32', [channels])) : context.constant('bias', bias),
      input.min,
      input.max,
      context.constant('weights/min', negated(declared)),
      context.constant('weights/max', declared),
    ],
    {
      Tinput: type(input.dtype),
      Tfilter: type('qint8'),
      out_type: type('qint32'),
      ...geometry(conv),
      ...layerAttrs(conv, context.root),
    },
  );
  if (isFloat) {
    const result = floatResult({ sum, input, channels }, limits, bias, context);
    return isRelu ? add(context.root.op as (typeof relus)[number], 'relu', [result], { T: type('float32') }) : result;
  }
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
