import { int, ints, readAttr, type } from '../../graph/attr.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Node, Value } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { any, op } from '../../graph/pattern.ts';
import { type RewriteContext, type Rule, rule } from '../../graph/rewrite.ts';
import { dequantized, type Int8, int8Behind, int8Of, isScaled, isUnsigned, quantized } from '../int8.ts';
import { isExcluded, type QuantizeOptions } from '../options.ts';
import { moverOps } from '../sites.ts';

/**
 * Rules that keep regions in int8: what only moves or selects elements is done on the codes, with the Dequantize behind it.
 */
export function carryRules(options: QuantizeOptions): readonly Rule[] {
  const carried = (node: Node): boolean => !isExcluded(node, options);
  return [
    cancel,
    ...poolRules(carried),
    ...moverOps.map((name) =>
      rule(`carry-${name.toLowerCase()}`, op(name).as('mover'), ({ mover }, context) =>
        carryMover(mover, context, carried),
      ),
    ),
    rule('carry-concat', op('ConcatV2').as('concat'), ({ concat }, context) => carryConcat(concat, context, options)),
  ];
}

/** QuantizeV2(Dequantize(q))  ⇒  q, where both are SCALED and of one dtype. Exact. */
const cancel = rule(
  'cancel-dequantize-quantize',
  op('QuantizeV2', op('Dequantize').as('from').shared(), any('min'), any('max')).as('to'),
  ({ from, to }) => {
    if (!isScaled(from) || !isScaled(to)) return undefined;
    const { codes, min, max, dtype } = int8Behind(from);
    return dtype === readAttr(to, 'T', 'type') ? [codes, min, max] : undefined;
  },
);

/** All ops that these rules can leave in int8 between others. */
export const carriedOps: readonly string[] = ['MaxPool', 'AvgPool', 'ConcatV2', ...moverOps];

/** Mover(Dequantize(q), …)  ⇒  Dequantize(Mover(q, …)). Exact: code 0 is zero, so padding is too. */
function carryMover(mover: Node, context: RewriteContext, carried: (node: Node) => boolean): Value | undefined {
  const [first, ...rest] = mover.inputs as readonly [Value, ...Value[]];
  const from = context.node(first.node);
  if (from.op !== 'Dequantize' || !isScaled(from) || !carried(mover)) return undefined;
  const source = int8Behind(from);
  const attrs = new Map(mover.attrs).set('T', { type: source.dtype });
  const moved = context.add(mover.op as OpName, 'int8', [source.codes, ...rest], attrs);
  return dequantized({ ...source, codes: moved }, context);
}

/**
 * MaxPool(Dequantize(q))  ⇒  Dequantize(QuantizedMaxPool(q)): exact. AvgPool likewise: one rounding more; an average over
 * the whole picture stays in fp32, since its values are much smaller than the range they would be rounded on.
 */
function poolRules(carried: (node: Node) => boolean): readonly Rule[] {
  const pool = (name: 'MaxPool' | 'AvgPool') =>
    rule(
      `carry-${name.toLowerCase()}`,
      op(name, op('Dequantize').as('from').shared()).as('pool'),
      ({ from, pool: node }, context) => {
        if (!isScaled(from) || !carried(node) || whyPoolStays(node, context) !== undefined) return undefined;
        const source = int8Behind(from);
        const attrs = {
          T: type(source.dtype),
          ksize: ints(readAttr(node, 'ksize', 'ints')),
          strides: ints(readAttr(node, 'strides', 'ints')),
          padding: readAttr(node, 'padding', 'string'),
        };
        const pooled = context.add(`Quantized${name}`, 'quantized', [source.codes, source.min, source.max], attrs);
        return dequantized(int8Of(pooled, source.dtype), context);
      },
    );
  return [pool('MaxPool'), pool('AvgPool')];
}

/** Why a pooling stays in fp32. */
export function whyPoolStays(node: Node, { type: typeOf }: Pick<RewriteContext, 'type'>): string | undefined {
  if (readAttr(node, 'data_format', 'string', 'NHWC') !== 'NHWC')
    return "TensorFlow's quantized poolings are NHWC only";
  if (readAttr(node, 'padding', 'string') === 'EXPLICIT')
    return "TensorFlow's quantized poolings have no explicit padding";
  const { shape } = typeOf({ node: node.name, port: 0 });
  const isGlobal = shape !== null && shape[1] === 1 && shape[2] === 1;
  return node.op === 'AvgPool' && isGlobal
    ? 'an average over the whole picture keeps its precision in fp32'
    : undefined;
}

/**
 * ConcatV2(Dequantize(q_1), …)  ⇒  Dequantize(QuantizedConcatV2(q_1, …)), where somebody reads it in int8. Calibration gives
 * all inputs one range later, since TensorFlow's op is exact only then.
 */
function carryConcat(concat: Node, context: RewriteContext, options: QuantizeOptions): Value | undefined {
  const values = concat.inputs.slice(0, -1);
  const axis = concat.inputs.at(-1)!;
  const froms = values.map((v) => context.node(v.node));
  if (isExcluded(concat, options) || !isReadInInt8(concat, context)) return undefined;
  if (constTensor(context.node(axis.node)) === undefined) return undefined;
  const isInt8 = (from: Node) => from.op === 'Dequantize' && isScaled(from);
  const dtypes = froms.map((from, i) => {
    if (isInt8(from)) return int8Behind(from).dtype;
    return isUnsigned(values[i]!, context, options) ? 'quint8' : 'qint8';
  });
  const [dtype] = dtypes as [Int8['dtype']];
  // Where most of it comes in fp32, quantizing it all for one reader does not pay.
  if (froms.filter(isInt8).length * 2 < froms.length || dtypes.some((other) => other !== dtype)) return undefined;
  const sources = values.map((v) => quantized(v, context, options));
  const node = context.add(
    'QuantizedConcatV2',
    'quantized',
    [...sources.map((s) => s.codes), axis, ...sources.map((s) => s.min), ...sources.map((s) => s.max)],
    { N: int(sources.length), T: type(dtype), Tidx: type(readAttr(concat, 'Tidx', 'type', 'int32')) },
  );
  return dequantized(int8Of(node, dtype), context);
}

/** Whether some reader, through ops that can be carried, is quantized. */
function isReadInInt8(concat: Node, context: RewriteContext): boolean {
  const seen = new Set<string>();
  const stack = [concat.name];
  while (stack.length > 0) {
    const name = stack.pop()!;
    if (seen.has(name)) continue;
    seen.add(name);
    for (const reader of context.uses({ node: name, port: 0 })) {
      if (reader.op === 'QuantizeV2') return true;
      if (carriedOps.includes(reader.op)) stack.push(reader.name);
    }
  }
  return false;
}
