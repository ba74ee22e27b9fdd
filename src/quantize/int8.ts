import { scalar, tensorOf } from '../base/tensor.ts';
import { float, int, type } from '../graph/attr.ts';
import { formatValue, type Node, type Value } from '../graph/graph.ts';
import type { RewriteContext } from '../graph/rewrite.ts';
import type { QuantizeOptions } from './options.ts';
import { isNonNegative } from './sign.ts';

/** A quantized tensor as TensorFlow passes it: codes with the range they stand for. */
export type Int8 = {
  readonly codes: Value;
  readonly min: Value;
  readonly max: Value;
  readonly dtype: 'qint8' | 'quint8';
};

export const port = ({ node }: Value, number: number): Value => ({ node, port: number });

/** The three outputs of a quantized op. */
export const int8Of = (node: Value, dtype: Int8['dtype']): Int8 => ({
  codes: node,
  min: port(node, 1),
  max: port(node, 2),
  dtype,
});

/** The attribute that names the fp32 value whose range a QuantizeV2 or a Requantize wants. */
export const rangeKey = '_octet_range';
/** The attribute that says above what a Requantize must cut off: 6 after relu6. */
export const rangeLimit = '_octet_limit';
/** The attribute that names the convolution or matmul that a quantized op was in the fp32 graph. */
export const layerAttr = '_octet_layer';
/** The attribute that names the fp32 value, behind bias and relu, that a quantized convolution or matmul gives. */
export const layerKeyAttr = '_octet_value';

/** The attributes that tell of which layer of the fp32 graph a quantized op is. */
export const layerAttrs = (layer: Node, root: Node) => ({
  [layerAttr]: layer.name,
  [layerKeyAttr]: formatValue({ node: root.name, port: 0 }),
});

/** What a QuantizeV2 must say so that TensorFlow computes `clamp(rne(x / scale))`: see TENSORFLOW facts in ARCHITECTURE.md. */
export const scaledAttrs = (dtype: Int8['dtype']) => ({
  T: type(dtype),
  mode: 'SCALED',
  round_mode: 'HALF_TO_EVEN',
  // Stock TensorFlow scales a signed tensor by 127.5 otherwise, which its own Dequantize does not undo.
  narrow_range: dtype === 'qint8',
  axis: int(-1),
  ensure_minimum_range: float(0),
});

/** quint8 whose first code stands for the minimum: `clamp(rne((x − min) · 255 / (max − min)))`. */
export const minFirstAttrs = { ...scaledAttrs('quint8'), mode: 'MIN_FIRST', round_mode: 'HALF_AWAY_FROM_ZERO' };

/** The nodes that give the smallest and largest element of `x` in each run. */
export function dynamicRange(x: Value, { add, constant }: RewriteContext): { min: Value; max: Value } {
  const float32 = type('float32');
  const flat = add('Reshape', 'flat', [x, constant('flat/shape', tensorOf('int32', [-1]))], {
    T: float32,
    Tshape: type('int32'),
  });
  const axis = constant('flat/axis', tensorOf('int32', [0]));
  const attrs = { T: float32, Tidx: type('int32'), keep_dims: false };
  return { min: add('Min', 'min', [flat, axis], attrs), max: add('Max', 'max', [flat, axis], attrs) };
}

/**
 * The value `x` in int8: quint8 where it is never negative, else qint8, both `SCALED`. A QuantizeV2 of `x` that is there
 * already is used again; a Dequantize is looked through.
 */
export function quantized(x: Value, context: RewriteContext, options: QuantizeOptions): Int8 {
  const source = context.node(x.node);
  if (source.op === 'Dequantize' && isScaled(source)) return int8Behind(source);
  const dtype = isUnsigned(x, context, options) ? 'quint8' : 'qint8';
  const there = context
    .uses(x)
    .find((user) => user.op === 'QuantizeV2' && isScaled(user) && user.inputs[0]!.node === x.node);
  if (there !== undefined) return int8Of({ node: there.name, port: 0 }, typeOf(there));
  const { min, max } = dynamicRange(x, context);
  const attrs = { ...scaledAttrs(dtype), [rangeKey]: formatValue(x) };
  return int8Of(context.add('QuantizeV2', 'quantize', [x, min, max], attrs), dtype);
}

/** Whether `x` can be held as quint8 without losing values. */
export const isUnsigned = (x: Value, { find }: RewriteContext, { isNonNegative: known }: QuantizeOptions): boolean =>
  isNonNegative(x, find, known);

export const isScaled = (node: Node): boolean => {
  const mode = node.attrs.get('mode');
  return mode !== undefined && 'string' in mode && mode.string === 'SCALED';
};

const typeOf = (node: Node): Int8['dtype'] => {
  const T = node.attrs.get('T');
  return T !== undefined && 'type' in T && T.type === 'quint8' ? 'quint8' : 'qint8';
};

/** What a Dequantize reads. */
export function int8Behind(dequantize: Node): Int8 {
  const [codes, min, max] = dequantize.inputs as readonly [Value, Value, Value];
  return { codes, min, max, dtype: typeOf(dequantize) };
}

export const dequantized = ({ codes, min, max, dtype }: Int8, { add }: RewriteContext, suffix = 'dequantize'): Value =>
  add('Dequantize', suffix, [codes, min, max], {
    T: type(dtype),
    mode: 'SCALED',
    narrow_range: false,
    axis: int(-1),
    dtype: type('float32'),
  });

export const float32Scalar = (context: RewriteContext, suffix: string, x: number): Value =>
  context.constant(suffix, scalar('float32', x));
