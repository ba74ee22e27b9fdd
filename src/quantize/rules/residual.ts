import { float, type } from '../../graph/attr.ts';
import { formatValue, type Node, type Value } from '../../graph/graph.ts';
import { any, commutative, op } from '../../graph/pattern.ts';
import { type RewriteContext, type Rule, rule } from '../../graph/rewrite.ts';
import { floatResultOf } from '../float-result.ts';
import { dequantized, dynamicRange, int8Of, isScaled, rangeKey, rangeLimit, scaledAttrs } from '../int8.ts';
import { isExcluded, type QuantizeOptions } from '../options.ts';

/**
 * Relu(AddV2(Dequantize(p), Dequantize(q)))  ⇒  Dequantize(QuantizeV2(Relu(AddV2(…)))), and the same without relu; or with a
 * convolution's float32 result in the place of Dequantize(q).
 *
 * TensorFlow has no quantized add that is right (its QuantizedAdd rounds zero points), so the sum itself stays in fp32 in
 * the file; all readers get it in int8. Fusing folds it into the convolution before it where TensorFlow has the form, and
 * octet's own engine computes it in int8 everywhere.
 */
export function residualRules(options: QuantizeOptions): readonly Rule[] {
  if (options.floatSums) return [];
  const sum = commutative(['AddV2', 'Add'], op('Dequantize').as('p').shared(), any('q')).as('sum');
  type Matched = { readonly p: Node; readonly q: Value; readonly sum: Node };
  const apply = ({ p, q, sum: add }: Matched, context: RewriteContext) => {
    const other = context.node(q.node);
    const isLayer = other.op === 'Dequantize' ? isScaled(other) : floatResultOf(other, context.find) !== undefined;
    return isScaled(p) && isLayer && !isExcluded(add, options) ? quantizeSum(add, context) : undefined;
  };
  return [rule('quantize-residual-relu', op(['Relu', 'Relu6'], sum), apply), rule('quantize-residual', sum, apply)];
}

const T = { T: type('float32') };

function quantizeSum(sum: Node, context: RewriteContext): Value | undefined {
  const { root, add } = context;
  const readers = context.uses({ node: root.name, port: 0 });
  const isDone = readers.some((reader) => reader.attrs.has(residual));
  const isWanted = readers.some((reader) => ['QuantizeV2', 'AddV2', 'Add'].includes(reader.op));
  const isBehindRelu = readers.every((reader) => ['Relu', 'Relu6'].includes(reader.op));
  const isRelu = root !== sum;
  if (isDone || !(isRelu || (isWanted && !isBehindRelu))) return undefined;
  const total = add('AddV2', 'sum', sum.inputs, T);
  const result = isRelu ? add(root.op === 'Relu6' ? 'Relu6' : 'Relu', 'relu', [total], T) : total;
  const dtype = isRelu ? 'quint8' : 'qint8';
  const { min, max } = dynamicRange(result, context);
  const limit = root.op === 'Relu6' ? { [rangeLimit]: float(6) } : {};
  const key = formatValue({ node: root.name, port: 0 });
  const codes = add('QuantizeV2', 'quantize', [result, min, max], {
    ...scaledAttrs(dtype),
    [rangeKey]: key,
    [residual]: true,
    ...limit,
  });
  return dequantized(int8Of(codes, dtype), context);
}

/** Marks the QuantizeV2 of a sum that has been handled. */
const residual = '_octet_residual';
