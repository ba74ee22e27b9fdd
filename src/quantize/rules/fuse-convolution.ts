import type { DType } from '../../base/dtype.ts';
import { roundHalfEven } from '../../base/round.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import { readAttr, type } from '../../graph/attr.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Node, Value } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { any, commutative, constant, op } from '../../graph/pattern.ts';
import { type RewriteContext, type Rule, rule } from '../../graph/rewrite.ts';
import { frozenScale } from '../frozen.ts';
import { int8Behind, isScaled, layerAttr, layerKeyAttr, rangeKey } from '../int8.ts';

const requantizes = ['Requantize', 'RequantizePerChannel'] as const;

/** The fused op that takes the place of a quantized convolution and its Requantize. Depthwise without relu has none. */
const fusedOps: ReadonlyMap<string, OpName> = new Map([
  ['QuantizedConv2DWithBias', 'QuantizedConv2DWithBiasAndRequantize'],
  ['QuantizedConv2DWithBiasAndRelu', 'QuantizedConv2DWithBiasAndReluAndRequantize'],
  ['QuantizedDepthwiseConv2DWithBiasAndRelu', 'QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize'],
]);

const convolution = op([...fusedOps.keys()] as OpName[])
  .as('conv')
  .shared();
const requantized = op(requantizes, convolution, any('low'), any('high'), constant('min'), constant('max'));

/**
 * QuantizedConv2DWithBias[AndRelu] → Requantize[PerChannel]  ⇒  QuantizedConv2DWithBias[AndRelu]AndRequantize with frozen
 * ranges and a qint32 bias (figure 1c): b_q = rne(b / (s_x · s_w[c])). With an integer bias stock TensorFlow's bytes are
 * those of octet's arithmetic.
 */
const fuseRequantize = rule('fuse-conv-requantize', requantized, ({ conv, min, max }, context) => {
  const fused = fusedOps.get(conv.op);
  const bias = fused && integerBias(conv, context);
  if (fused === undefined || bias === undefined) return undefined;
  const dtype = readAttr(context.root, 'out_type', 'type', 'quint8');
  const inputs = [...fusedInputs(conv, bias, context), min.value, max.value];
  return outputs(context.add(fused, 'fused', inputs, fusedAttrs(conv, context.root, dtype)));
});

/**
 * QuantizeV2(Relu(AddV2(Dequantize(Requantize(QuantizedConv2DWithBias)), Dequantize(z))))
 *   ⇒  QuantizedConv2DWithBias[Signed]SumAndReluAndRequantize(…, z): the residual add in the convolution's epilogue.
 *
 * Needs a quint8 input, as TensorFlow's kernels do, and a summand that is neither a constant nor the convolution's own
 * input: TensorFlow writes the result over the summand, and crashes on those.
 */
function fuseResidual(sumOp: 'AddV2' | 'Add', relu: 'Relu' | 'Relu6'): Rule {
  const convolved = op('Dequantize', requantizedOnce, any('c'), any('d'));
  const sum = commutative(sumOp, convolved, op('Dequantize').as('z').shared());
  const pattern = op('QuantizeV2', op(relu, sum), constant('min'), constant('max'));
  return rule(`fuse-residual-${sumOp}-${relu}`.toLowerCase(), pattern, ({ conv, requantize, z, min, max }, context) => {
    if (context.uses({ node: requantize.name, port: 0 }).length > 1) return undefined;
    const summand = int8Behind(z);
    const isUnsigned = readAttr(conv, 'Tinput', 'type') === 'quint8';
    if (conv.inputs[0]!.node === summand.codes.node) return undefined;
    if (
      !isUnsigned ||
      !isScaled(z) ||
      !isScaled(context.root) ||
      constTensor(context.node(summand.codes.node)) !== undefined
    )
      return undefined;
    const bias = integerBias(conv, context);
    if (bias === undefined) return undefined;
    const fused = `QuantizedConv2DWithBias${summand.dtype === 'qint8' ? 'Signed' : ''}SumAndReluAndRequantize` as const;
    const inputs = [...fusedInputs(conv, bias, context), min.value, max.value, summand.codes, summand.min, summand.max];
    return outputs(
      context.add(fused, 'fused', inputs, {
        ...fusedAttrs(conv, context.root, 'quint8'),
        Tsummand: type(summand.dtype),
      }),
    );
  });
}

const requantizedOnce = op(
  requantizes,
  op('QuantizedConv2DWithBias').as('conv').shared(),
  any('low'),
  any('high'),
  constant('a'),
  constant('b'),
)
  .as('requantize')
  .shared();

/** The residual forms first: they hold the plain one. */
export const fuseConvolutionRules: readonly Rule[] = [
  fuseResidual('AddV2', 'Relu'),
  fuseResidual('AddV2', 'Relu6'),
  fuseRequantize,
];

const outputs = ({ node }: Value): readonly Value[] => [0, 1, 2].map((port) => ({ node, port }));

function fusedInputs(conv: Node, bias: Tensor<'qint32'>, context: RewriteContext): Value[] {
  const [codes, weights, , ...ranges] = conv.inputs as readonly [Value, Value, Value, ...Value[]];
  return [codes, weights, context.constant('bias', bias), ...ranges];
}

function fusedAttrs(conv: Node, root: Node, dtype: DType) {
  return {
    ...Object.fromEntries(
      ['strides', 'padding', 'dilations', 'padding_list', 'Tinput', 'Tfilter', layerAttr].map((name) => [
        name,
        conv.attrs.get(name),
      ]),
    ),
    Tbias: type('qint32'),
    [rangeKey]: root.attrs.get(rangeKey),
    // Behind a residual add this is the value of the sum.
    [layerKeyAttr]: root.attrs.get(rangeKey),
    out_type: type(dtype === 'qint8' ? 'qint8' : 'quint8'),
  };
}

/** b_q = rne(b / (s_x · s_w[c])), saturated to int32; undefined where the input's scale is not frozen. */
function integerBias(conv: Node, context: RewriteContext): Tensor<'qint32'> | undefined {
  const scale = frozenScale(context, conv.inputs[0]!);
  const bias = constTensor(context.node(conv.inputs[2]!.node));
  const limits = constTensor(context.node(conv.inputs[6]!.node));
  if (scale === undefined || bias?.dtype !== 'float32' || limits?.dtype !== 'float32') return undefined;
  const steps = new Int32Array(bias.data.length);
  for (let c = 0; c < steps.length; c++) {
    const step = scale * (limits.data[limits.data.length === 1 ? 0 : c]! / 127);
    steps[c] = Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, roundHalfEven(bias.data[c]! / step)));
  }
  return tensor('qint32', bias.shape, steps);
}
