import { UserError } from '../../base/errors.ts';
import { normalizeAxis, sizeOf } from '../../base/shape.ts';
import { numberOf, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import { definitionOf, isKnownOp, opAttr } from '../../graph/signature.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { rne } from '../requantize/contract.ts';
import type { Range } from './quantize.ts';

const f32 = Math.fround;
const largestFloat = 3.4028234663852886e38;
const has = (node: Node, name: string): boolean => isKnownOp(node.op) && definitionOf(node.op).attrs.has(name);

/** Rounds float32 values to `bits`-bit codes of a range around zero and back. `clamped` where the range was given. */
function rounder(
  { min, max }: Range,
  {
    bits,
    signed,
    narrow,
    clamped,
    halfUp,
  }: Record<'signed' | 'narrow' | 'clamped' | 'halfUp', boolean> & { bits: number },
): (x: number) => number {
  const low = signed ? -(2 ** (bits - 1)) + (narrow ? 1 : 0) : 0;
  const high = signed ? 2 ** (bits - 1) - 1 : 2 ** bits - 1;
  const fromMin = low * min > 0 ? f32(low / min) : largestFloat;
  const fromMax = high * max > 0 ? f32(high / max) : largestFloat;
  const scale = Math.min(fromMin, fromMax);
  const step = fromMin < fromMax ? f32(min / low) : f32(max / high);
  const bottom = fromMin < fromMax ? min : f32(low * step);
  const top = fromMin < fromMax ? f32(high * step) : max;
  const round = halfUp ? (x: number) => Math.floor(f32(x + 0.5)) : rne;
  return (x) => f32(round(f32((clamped ? Math.max(bottom, Math.min(top, x)) : x) * scale)) * step);
}

/** The least and the largest of the elements of one slice. */
function extremes(values: ArrayLike<number>, pick: (i: number) => boolean): Range {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < values.length; i++)
    if (pick(i)) {
      min = Math.min(min, values[i]!);
      max = Math.max(max, values[i]!);
    }
  return { min, max };
}

/** input, (min, max, (num_bits)) → what is left of the input after quantization, over the whole or each slice of `axis`. */
export const quantizeAndDequantize: ReferenceKernel = (inputs, node) => {
  const input = inputAt(inputs, 0);
  const axis = has(node, 'axis') ? opAttr(node, 'axis', 'int') : -1;
  const slices = axis === -1 ? 1 : input.shape[normalizeAxis(axis, input.shape.length)]!;
  const inner = axis === -1 ? input.data.length : sizeOf(input.shape.slice(axis + 1));
  const values = numbers(input);
  const given = opAttr(node, 'range_given', 'bool');
  const settings = {
    bits: node.op === 'QuantizeAndDequantizeV3' ? numberOf(inputAt(inputs, 3)) : opAttr(node, 'num_bits', 'int'),
    signed: opAttr(node, 'signed_input', 'bool'),
    narrow: has(node, 'narrow_range') && opAttr(node, 'narrow_range', 'bool'),
    clamped: given,
    halfUp: has(node, 'round_mode') && opAttr(node, 'round_mode', 'string') === 'HALF_UP',
  };
  const sliceOf = (i: number) => (slices === 1 ? 0 : Math.floor(i / inner) % slices);
  const functions = Array.from({ length: slices }, (_, slice) => {
    const range = given ? givenRange(inputs, node, slice) : extremes(values, (i) => sliceOf(i) === slice);
    return rounder(range, settings);
  });
  const out = Float64Array.from(values, (x, i) => functions[sliceOf(i)]!(x));
  return [tensorOfNumbers(input.dtype, input.shape, out)];
};

function givenRange(inputs: readonly Tensor[], node: Node, slice: number): Range {
  const attrs = node.op === 'QuantizeAndDequantize';
  const at = (i: number, name: string) => (attrs ? opAttr(node, name, 'float') : numbers(inputAt(inputs, i))[slice]);
  const [min, max] = [at(1, 'input_min'), at(2, 'input_max')];
  if (min === undefined || max === undefined || !(min <= max)) throw new UserError(`[${min}, ${max}] is not a range`);
  return { min, max };
}
