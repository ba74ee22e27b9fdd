import type { DType } from '../../base/dtype.ts';
import { roundHalfEven } from '../../base/round.ts';
import { tensor } from '../../base/tensor.ts';
import { readAttr, type } from '../../graph/attr.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Node, Value } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { any, commutative, constant, op } from '../../graph/pattern.ts';
import { type RewriteContext, type Rule, rule } from '../../graph/rewrite.ts';
import { frozenScale } from '../frozen.ts';
import { int8Behind, isScaled, layerAttr, layerKeyAttr, rangeKey } from '../int8.ts';
import { mostBiasSteps } from '../weights.ts';

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
  const operands = fused && integerOperands(conv, context);
  if (fused === undefined || operands === undefined) return undefined;
  const dtype = readAttr(context.root, 'out_type', 'type', 'quint8');
  const inputs = [...operands, min.value, max.value];
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
    const operands = integerOperands(conv, context);
    if (operands === undefined) return undefined;
    const fused = `QuantizedConv2DWithBias${summand.dtype === 'qint8' ? 'Signed' : ''}SumAndReluAndRequantize` as const;
    const inputs = [...operands, min.value, max.value, summand.codes, summand.min, summand.max];
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

/**
 * The operands of a fused convolution, its bias in steps of the sums: b_q = rne(b / (s_x · s_w[c])). Where that would not
 * fit, weights hardly count beside the bias: they get a scale that it fits. Undefined where the input's scale is not frozen.
 */
function integerOperands(conv: Node, context: RewriteContext): readonly Value[] | undefined {
  const [codes, weights, ...rest] = conv.inputs as readonly [Value, Value, ...Value[]];
  const scale = frozenScale(context, codes);
  const [filter, bias, limits] = [1, 2, 6].map((i) => constTensor(context.node(conv.inputs[i]!.node)));
  if (scale === undefined || bias?.dtype !== 'float32' || limits?.dtype !== 'float32') return undefined;
  const limitOf = (of: Float32Array, c: number): number => of[of.length === 1 ? 0 : c]!;
  const wider = filter?.dtype === 'qint8' ? widened(limits.data, bias.data, scale) : limits.data;
  const steps = Int32Array.from(bias.data, (b, c) => {
    const step = scale * (limitOf(wider, c) / 127);
    return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, roundHalfEven(b / step)));
  });
  const integers = context.constant('bias', tensor('qint32', bias.shape, steps));
  if (wider === limits.data || filter?.dtype !== 'qint8') return [codes, weights, integers, ...rest.slice(1)];
  const channels = bias.data.length;
  const fewer = filter.data.map((code, i) =>
    roundHalfEven((code * limitOf(limits.data, i % channels)) / limitOf(wider, i % channels)),
  );
  const end = (name: string, sign: 1 | -1): Value =>
    context.constant(
      name,
      tensor(
        'float32',
        limits.shape,
        wider.map((limit) => sign * limit),
      ),
    );
  return [
    codes,
    context.constant('weights', tensor('qint8', filter.shape, fewer)),
    integers,
    ...rest.slice(1, 3),
    end('weights/min', -1),
    end('weights/max', 1),
  ];
}

/** The limits of weights, larger where a bias would have more than `mostBiasSteps`; the same array where none has. */
function widened(limits: Float32Array<ArrayBuffer>, bias: Float32Array, scale: number): Float32Array<ArrayBuffer> {
  const least = limits.map((_, i) => {
    const largest = limits.length === 1 ? bias.reduce((most, b) => Math.max(most, Math.abs(b)), 0) : Math.abs(bias[i]!);
    return (largest * 127) / (scale * mostBiasSteps);
  });
  const isWider = (i: number): boolean => least[i]! > limits[i]! && least[i]! < Number.POSITIVE_INFINITY;
  return limits.some((_, i) => isWider(i)) ? limits.map((limit, i) => (isWider(i) ? least[i]! : limit)) : limits;
}
