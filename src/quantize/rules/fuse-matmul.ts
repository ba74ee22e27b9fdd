import { readAttr, type } from '../../graph/attr.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Node, Value } from '../../graph/graph.ts';
import { any, constant, op } from '../../graph/pattern.ts';
import type { RewriteContext } from '../../graph/rewrite.ts';
import { type Rule, rule } from '../../graph/rewrite.ts';
import { float32Scalar, layerAttr, layerKeyAttr, rangeKey } from '../int8.ts';

const matmul = op('QuantizedMatMulWithBias').as('matmul').shared();

const attrsOf = (matmul: Node, dtype: 'quint8' | 'float32') => ({
  ...Object.fromEntries(
    ['T1', 'T2', 'transpose_a', 'transpose_b', 'input_quant_mode', layerAttr, layerKeyAttr].map((name) => [
      name,
      matmul.attrs.get(name),
    ]),
  ),
  Tbias: type('qint32'),
  Toutput: type(dtype),
});

/** The bias must have become a constant: it depends on the frozen range of the operand. */
const hasConstantBias = (matmul: Node, context: RewriteContext): boolean =>
  constTensor(context.node(matmul.inputs[2]!.node))?.dtype === 'qint32';

/**
 * Dequantize(Requantize(QuantizedMatMulWithBias))  ⇒  QuantizedMatMulWithBiasAndDequantize: the fp32 result of the exact
 * integer sum, without the rounding between. The op takes the range of a rounding that it does not do; its value is ignored.
 */
const fuseDequantize = rule(
  'fuse-matmul-dequantize',
  op(
    'Dequantize',
    op('Requantize', matmul, any('low'), any('high'), any('min'), any('max')).as('requantize').shared(),
    any('c'),
    any('d'),
  ),
  ({ matmul: node, requantize }, context) => {
    if (readAttr(requantize, 'out_type', 'type') !== 'qint8' || !hasConstantBias(node, context)) return undefined;
    const ignored = [float32Scalar(context, 'unused_min', -1), float32Scalar(context, 'unused_max', 1)];
    return context.add(
      'QuantizedMatMulWithBiasAndDequantize',
      'fused',
      [...node.inputs, ...ignored],
      attrsOf(node, 'float32'),
    );
  },
);

/** Requantize(QuantizedMatMulWithBias) to quint8  ⇒  QuantizedMatMulWithBiasAndReluAndRequantize. */
const fuseRequantize = rule(
  'fuse-matmul-requantize',
  op('Requantize', matmul, any('low'), any('high'), constant('min'), constant('max')),
  ({ matmul: node, min, max }, context): readonly Value[] | undefined => {
    if (readAttr(context.root, 'out_type', 'type') !== 'quint8' || !hasConstantBias(node, context)) return undefined;
    const inputs = [...node.inputs, min.value, max.value];
    const attrs = { ...attrsOf(node, 'quint8'), [rangeKey]: context.root.attrs.get(rangeKey) };
    const fused = context.add('QuantizedMatMulWithBiasAndReluAndRequantize', 'fused', inputs, attrs);
    return [0, 1, 2].map((port) => ({ node: fused.node, port }));
  },
);

export const fuseMatmulRules: readonly Rule[] = [fuseDequantize, fuseRequantize];
