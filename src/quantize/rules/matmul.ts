import { type Tensor, tensor } from '../../base/tensor.ts';
import { readAttr, type } from '../../graph/attr.ts';
import { formatValue, type Node, type Value } from '../../graph/graph.ts';
import { any, type Constant, constant, op } from '../../graph/pattern.ts';
import { type RewriteContext, type Rule, rule } from '../../graph/rewrite.ts';
import { whyNot } from '../eligible.ts';
import {
  dequantized,
  dynamicRange,
  float32Scalar,
  type Int8,
  int8Of,
  isScaled,
  isUnsigned,
  layerAttrs,
  minFirstAttrs,
  quantized,
  rangeKey,
} from '../int8.ts';
import { isPerChannel, type QuantizeOptions } from '../options.ts';
import { requantized } from '../requantized.ts';
import { biasOf, quantizeWeights, transposed } from '../weights.ts';

type Matched = { readonly x: Value; readonly w: Constant; readonly matmul: Node; readonly b?: Constant };

/**
 * MatMul → BiasAdd → Relu  ⇒  QuantizeV2 → QuantizedMatMulWithBias → Requantize → Dequantize → Relu (figure 1b), and the
 * same without bias or relu.
 *
 * TensorFlow's quantized matmuls take a quint8 operand and one scale for all weights. So an operand that may be negative is
 * quantized `MIN_FIRST`; and a scale a column is had exactly by dividing each column of the weights (and its bias) by its
 * scale's share of the largest, and multiplying the fp32 result by it: y = c ⊙ (x · (W / c) + b / c). Behind a relu whose
 * readers are quantized too, the weights have one scale, so that the result stays in int8.
 */
export function matmulRules(options: QuantizeOptions): readonly Rule[] {
  const matmul = op('MatMul', any('x'), constant('w')).as('matmul');
  const biased = op('BiasAdd', matmul, constant('b'));
  const apply = (bound: Matched, context: RewriteContext) => quantizeMatMul(bound, context, options);
  return [
    rule('quantize-matmul-bias-relu', op('Relu', biased), apply),
    rule('quantize-matmul-relu', op('Relu', matmul), apply),
    rule('quantize-matmul-bias', biased, apply),
    rule('quantize-matmul', matmul, apply),
  ];
}

function quantizeMatMul(
  { x, w, matmul, b }: Matched,
  context: RewriteContext,
  options: QuantizeOptions,
): Value | undefined {
  if (whyNot(matmul, { node: context.find }, options) !== undefined) return undefined;
  const { add, root } = context;
  const weights = readAttr(matmul, 'transpose_b', 'bool', false)
    ? transposed(w.tensor as Tensor<'float32'>)
    : (w.tensor as Tensor<'float32'>);
  const columns = weights.shape[1]!;
  const bias = biasOf(matmul, b?.tensor, columns, options);
  if (bias === undefined) return undefined;
  const isRelu = root.op === 'Relu';
  const readers = context.uses({ node: root.name, port: 0 });
  const staysInt8 = isRelu && readers.some((reader) => reader.op === 'QuantizeV2' && isScaled(reader));
  const perColumn = isPerChannel(matmul.name, options) && !staysInt8;
  const choice = options.weights?.get(matmul.name);
  const { codes, limits } = quantizeWeights(weights, bias.data, { perChannel: perColumn, choice });
  const largest = limits.data.reduce((a, c) => Math.max(a, c), 0);
  const shares = Float32Array.from({ length: columns }, (_, c) => (perColumn ? limits.data[c]! / largest : 1));
  const input = operand(x, context, options);
  const sum = add(
    'QuantizedMatMulWithBias',
    'quantized',
    [
      input.codes,
      context.constant('weights', codes),
      integerBias({ bias, shares, codes, largest }, input, context),
      input.min,
      input.max,
      float32Scalar(context, 'weights/min', -largest),
      float32Scalar(context, 'weights/max', largest),
    ],
    {
      T1: type('quint8'),
      T2: type('qint8'),
      Tbias: type('qint32'),
      Toutput: type('qint32'),
      transpose_a: false,
      transpose_b: false,
      input_quant_mode: input.mode,
      ...layerAttrs(matmul, root),
    },
  );
  // Codes of quint8 begin at zero: requantizing is the relu.
  if (staysInt8) return dequantized(requantized(sum, context, { dtype: 'quint8' }), context);
  const result = dequantized(requantized(sum, context, { dtype: 'qint8', isSite: false }), context);
  const isScaledBack = shares.some((share) => share !== 1);
  const scaled = isScaledBack
    ? add('Mul', 'scaled', [result, context.constant('scale', tensor('float32', [columns], shares))], float32)
    : result;
  return isRelu ? add('Relu', 'relu', [scaled], float32) : scaled;
}

type Biased = {
  readonly bias: Tensor<'float32'>;
  readonly shares: Float32Array;
  readonly codes: Tensor<'qint8'>;
  readonly largest: number;
};

/**
 * rne((b / c + min_a · Σ_k W[k] / c) / (s_a · s_b)) as nodes, since s_a and min_a are known only in the run: TensorFlow adds
 * no compensation for an operand whose codes begin at min_a when the bias is qint32, and a wrong one when it is fp32.
 * Once calibration has frozen the range, constant folding leaves one Const.
 */
function integerBias({ bias, shares, codes, largest }: Biased, input: Int8, context: RewriteContext): Value {
  const { add, constant } = context;
  const columns = shares.length;
  const weightScale = largest / 127;
  const sums = new Float32Array(columns);
  for (let c = 0; c < columns; c++) {
    let sum = 0;
    for (let i = c; i < codes.data.length; i += columns) sum += codes.data[i]!;
    sums[c] = sum * weightScale;
  }
  const shared = bias.data.map((b, c) => b / shares[c]!);
  const shift = add(
    'Mul',
    'bias/shift',
    [input.min, constant('bias/sums', tensor('float32', [columns], sums))],
    float32,
  );
  const total = add(
    'AddV2',
    'bias/total',
    [constant('bias/shared', tensor('float32', [columns], shared)), shift],
    float32,
  );
  const width = add('Sub', 'bias/width', [input.max, input.min], float32);
  const step = add(
    'Mul',
    'bias/step',
    [width, float32Scalar(context, 'bias/step/weights', weightScale / 255)],
    float32,
  );
  const steps = add('Round', 'bias/round', [add('RealDiv', 'bias/steps', [total, step], float32)], float32);
  const whole = add('Cast', 'bias/int32', [steps], { SrcT: type('float32'), DstT: type('int32'), Truncate: false });
  return add('Bitcast', 'bias', [whole], { T: type('int32'), type: type('qint32') });
}

const float32 = { T: type('float32') };

/** The operand as quint8: `SCALED` where it is never negative, else `MIN_FIRST`, whose first code stands for the minimum. */
function operand(x: Value, context: RewriteContext, options: QuantizeOptions): Int8 & { mode: 'SCALED' | 'MIN_FIRST' } {
  if (isUnsigned(x, context, options)) return { ...quantized(x, context, options), mode: 'SCALED' };
  const { min, max } = dynamicRange(x, context);
  const node = context.add('QuantizeV2', 'quantize', [x, min, max], { ...minFirstAttrs, [rangeKey]: formatValue(x) });
  return { ...int8Of(node, 'quint8'), mode: 'MIN_FIRST' };
}
