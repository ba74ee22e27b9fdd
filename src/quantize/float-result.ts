import { symmetricSteps } from '../base/dtype.ts';
import { type Tensor, tensor } from '../base/tensor.ts';
import { readAttr, type } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import { floatSumsOf } from '../graph/float-sums.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import type { RewriteContext } from '../graph/rewrite.ts';
import { type Int8, isScaled } from './int8.ts';

/**
 * Results of quantized convolutions in float32, for readers that gain from what 8 bits would lose:
 *
 *     QuantizedConv2DWithBias → Bitcast(int32) → Cast(float) → Mul(s_x·s_w[c]) → BiasAdd [→ Relu]
 *
 * The filter's range is declared as one of scale 1 for all channels, since TensorFlow then leaves the sums as they are, and
 * its own bias is zero: so each value is f32(f32(f32(acc)·m[c]) + b[c]), whatever computes it.
 */
type Sums = { readonly sum: Value; readonly input: Int8; readonly channels: number };

const float32 = type('float32');

/** The range that filters are declared to have: 127 steps of 1. */
export const unitRange = 127;

/** The nodes behind sums: times s_x·s_w[c], where `limits` are what code 127 of the weights stands for, plus the bias. */
export function floatResult(
  { sum, input, channels }: Sums,
  limits: Tensor<'float32'>,
  bias: Tensor<'float32'>,
  { add, constant }: RewriteContext,
): Value {
  const steps = symmetricSteps(input.dtype) * unitRange;
  const ofLargest = Float32Array.from(
    { length: channels },
    (_, c) => limits.data[limits.data.length === 1 ? 0 : c]! / steps,
  );
  const whole = add('Bitcast', 'sums', [sum], { T: type('qint32'), type: type('int32') });
  const real = add('Cast', 'float', [whole], { SrcT: type('int32'), DstT: float32, Truncate: false });
  // Frozen with the range of the input; until then that of the run.
  const scale = add('Mul', 'scale', [input.max, constant('scale/weights', tensor('float32', [channels], ofLargest))], {
    T: float32,
  });
  const scaled = add('Mul', 'scaled', [real, scale], { T: float32 });
  return add('BiasAdd', 'biased', [scaled, constant('bias', bias)], { T: float32, data_format: 'NHWC' });
}

/** The nodes of a float32 result. */
export type FloatResult = { readonly sums: Node; readonly scaled: Node; readonly biased: Node };

/** The float32 result that `biased` is the end of, if it is one. */
export function floatResultOf(biased: Node, find: (name: string) => Node | undefined): FloatResult | undefined {
  const found = floatSumsOf(biased, find);
  const sums = found && find(found.sums.node);
  return sums?.op.startsWith('Quantized') ? { sums, scaled: found!.scaled, biased } : undefined;
}

/** The float32 result of a quantized convolution, if it has one. */
export function floatResultBehind(graph: Graph, sums: Node): FloatResult | undefined {
  let at: Node | undefined = sums;
  for (const op of ['Bitcast', 'Cast', 'Mul', 'BiasAdd'])
    at = at && graph.consumers(at.name).find(({ node: reader }) => reader.op === op)?.node;
  return at && floatResultOf(at, (name) => graph.nodes.get(name));
}

/** Ops that hand on what they read, value by value: what reads them decides. */
const passing: ReadonlySet<string> = new Set([
  ...['Identity', 'Reshape', 'Squeeze', 'ExpandDims', 'Pad', 'PadV2', 'StridedSlice', 'Slice', 'Transpose'],
  ...['ConcatV2', 'Split', 'MaxPool', 'Relu', 'Relu6', 'LeakyRelu', 'Prelu', 'Elu', 'Selu', 'Sigmoid', 'Tanh'],
  ...['Softplus', 'Mul', 'Sub', 'Maximum', 'Minimum', 'RealDiv', 'ClipByValue', 'Square', 'Abs', 'Neg'],
]);
const additions: ReadonlySet<string> = new Set(['Add', 'AddV2']);
/** Averages over pixels: rounding errors vanish in them, and codes are summed exactly. */
const averages: ReadonlySet<string> = new Set(['Mean', 'AvgPool']);

/**
 * Whether all that comes of the result of a convolution is computed in float32, so that nothing is won by rounding it to 8
 * bits: the model's outputs, normalizations, residual adds without relu (TensorFlow has none in int8). Behind a relu only
 * what computes with it counts, since that has a fused form in int8. Its readers have been quantized already.
 */
export function isReadAsFloat(root: Node, isRelu: boolean, context: RewriteContext): boolean {
  const seen = new Set<string>([root.name]);
  const stack = [root.name];
  let isComputedWith = false;
  while (stack.length > 0) {
    const name = stack.pop()!;
    for (const reader of usesOf(name, context)) {
      if (seen.has(reader.name)) continue;
      seen.add(reader.name);
      if ((reader.op === 'QuantizeV2' && isScaled(reader)) || averages.has(reader.op)) return false;
      if (isRangeOf(reader, context)) continue;
      const isSum = additions.has(reader.op) && !hasNumbers(reader, context);
      if (isSum && !(name === root.name && !isRelu && takesFloat(reader, root, context))) return false;
      if (!isSum && (passing.has(reader.op) || additions.has(reader.op))) stack.push(reader.name);
      else isComputedWith = true;
    }
  }
  return !isRelu || isComputedWith;
}

const usesOf = (name: string, { uses }: RewriteContext): readonly Node[] => uses({ node: name, port: 0 });

/** What dynamicRange adds: it goes with the QuantizeV2. */
function isRangeOf(reader: Node, context: RewriteContext): boolean {
  const readers = reader.op === 'Reshape' ? usesOf(reader.name, context) : [];
  return readers.length > 0 && readers.every(({ op }) => op === 'Min' || op === 'Max');
}

const hasNumbers = (node: Node, { find }: RewriteContext): boolean =>
  node.inputs.some((v) => {
    const from = find(v.node);
    return from !== undefined && constTensor(from) !== undefined;
  });

/**
 * Whether a residual add can take the result in float32: not in front of a relu, for which TensorFlow has a fused form, and
 * not where its other summand is such a result already.
 */
function takesFloat(sum: Node, root: Node, context: RewriteContext): boolean {
  const readers = usesOf(sum.name, context);
  if (readers.length > 0 && readers.every(({ op }) => op === 'Relu' || op === 'Relu6')) return false;
  const others = sum.inputs.filter((v) => v.node !== root.name);
  return others.length === 1 && others.every((v) => floatResultOf(context.node(v.node), context.find) === undefined);
}

/** What code 127 of the weights of a float32 result stands for, an output channel: frozen or not. */
export function weightLimits(
  { scaled, sums }: FloatResult,
  find: (name: string) => Node | undefined,
): Float32Array | undefined {
  const float32At = (node: Node | undefined, input: number): Tensor<'float32'> | undefined => {
    const from = node?.inputs[input] && find(node.inputs[input].node);
    const tensor = from && constTensor(from);
    return tensor?.dtype === 'float32' ? tensor : undefined;
  };
  const steps = symmetricSteps(readAttr(sums, 'Tinput', 'type')) * unitRange;
  const [multipliers, end] = [float32At(scaled, 1), float32At(sums, 4)];
  if (multipliers !== undefined && end !== undefined) return multipliers.data.map((m) => (m * steps) / end.data[0]!);
  const scale = scaled.inputs[1] && find(scaled.inputs[1].node);
  return scale?.op === 'Mul' ? float32At(scale, 1)?.data.map((share) => share * steps) : undefined;
}
