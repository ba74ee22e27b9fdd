import type { DType } from '../base/dtype.ts';
import { InternalError } from '../base/errors.ts';
import { readAttr } from '../graph/attr.ts';
import type { Node } from '../graph/graph.ts';
import { isCodeType } from '../kernels/quantize/codes.ts';
import { dequantizer } from '../kernels/quantize/dequantize.ts';
import { adjustedRange, type Quantization, quantizer, type Range } from '../kernels/quantize/quantize.ts';

/** What the QuantizeV2 at the end of an island says. */
export const endQuantization = (node: Node): Quantization => {
  const dtype = readAttr(node, 'out_type', 'type');
  if (!isCodeType(dtype)) throw new InternalError(`a sum as ${dtype}`, { node: node.name });
  const narrowRange = readAttr(node, 'narrow_range', 'bool');
  return { dtype, mode: 'SCALED', roundMode: 'HALF_TO_EVEN', narrowRange, perSlice: false };
};

/** The range that it makes of its inputs. */
export const endRange = (node: Node, range: Range): Range =>
  adjustedRange(range, readAttr(node, 'ensure_minimum_range', 'float'));

type Codes = { readonly dtype: DType; readonly range: Range };

/**
 * The sum as a function of two codes: what TensorFlow's files say where codes are added,
 * QuantizeV2(AddV2(Dequantize(a), Dequantize(b))), with or without relu. octet computes just that, step by step in float32, so
 * that its bytes are TensorFlow's: a sum with one rounding less would be a little nearer to fp32, but no longer what the file
 * says.
 */
export function sumOfCodes(
  node: Node,
  [a, b]: readonly [Codes, Codes],
  output: Range,
): (x: number, z: number) => number {
  const value = ({ dtype, range }: Codes): ((code: number) => number) => {
    if (!isCodeType(dtype)) throw new InternalError(`a sum of ${dtype}`, { node: node.name });
    return dequantizer(dtype, 'SCALED', false, range);
  };
  const [first, second] = [value(a), value(b)];
  const { encode } = quantizer(endQuantization(node), endRange(node, output));
  const least = readAttr(node, 'relu', 'bool') ? 0 : Number.NEGATIVE_INFINITY;
  return (x, z) => encode(Math.max(least, Math.fround(first(x) + second(z))));
}
