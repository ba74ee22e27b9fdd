import { UserError } from '../../base/errors.ts';
import { formatShape, normalizeAxis, sizeOf } from '../../base/shape.ts';
import { numbersOf, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { opAttr } from '../../graph/signature.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { isCodeType } from './codes.ts';
import { dequantizer } from './dequantize.ts';
import { adjustedRange, type QuantizeMode, quantizer, type Range, type RoundMode } from './quantize.ts';
import { quantizeAndDequantize } from './simulated.ts';

const modes: readonly string[] = ['SCALED', 'MIN_FIRST', 'MIN_COMBINED'] satisfies QuantizeMode[];
const isMode = (mode: string): mode is QuantizeMode => modes.includes(mode);
const isRoundMode = (mode: string): mode is RoundMode => mode === 'HALF_TO_EVEN' || mode === 'HALF_AWAY_FROM_ZERO';

function readMode(node: Node): QuantizeMode {
  const mode = opAttr(node, 'mode', 'string');
  if (!isMode(mode)) throw new UserError(`mode '${mode}' is none of ${modes.join(', ')}`);
  return mode;
}

/** One range, or one a slice of `axis`; `inner` elements lie between two slices. */
type Slices = { readonly ranges: readonly Range[]; readonly inner: number; readonly perSlice: boolean };

function slicesOf(t: Tensor, mins: Tensor, maxes: Tensor, node: Node): Slices {
  const axis = opAttr(node, 'axis', 'int');
  const [low, high] = [numbersOf(mins), numbersOf(maxes)];
  const ranges = low.map((min, i) => ({ min, max: high[i] ?? Number.NaN }));
  const count = axis === -1 ? 1 : t.shape[normalizeAxis(axis, t.shape.length)]!;
  if (low.length !== count || high.length !== count)
    throw new UserError(`${formatShape(t.shape)} needs ${count} ranges along axis ${axis}, found ${low.length}`);
  for (const { min, max } of ranges)
    if (!(min <= max) || max - min === Infinity)
      throw new UserError(`[${min}, ${max}] is not a range of finite numbers`);
  if (axis !== -1 && readMode(node) === 'MIN_FIRST') throw new UserError('mode MIN_FIRST has no axis');
  return { ranges, inner: axis === -1 ? Infinity : sizeOf(t.shape.slice(axis + 1)), perSlice: axis !== -1 };
}

/** Applies the function of each slice to its elements. */
function mapSlices(
  values: ArrayLike<number>,
  inner: number,
  functions: readonly ((x: number) => number)[],
): Float64Array {
  const out = new Float64Array(values.length);
  const run = Math.min(inner, values.length);
  for (let start = 0, slice = 0; start < values.length; start += run, slice = (slice + 1) % functions.length) {
    const f = functions[slice]!;
    for (let i = start; i < start + run; i++) out[i] = f(values[i]!);
  }
  return out;
}

/** input, min_range, max_range → codes and the range that they stand for. Throws `UserError` on NaN. */
const quantizeV2: ReferenceKernel = (inputs, node) => {
  const [input, mins, maxes] = [inputAt(inputs, 0), inputAt(inputs, 1), inputAt(inputs, 2)];
  const dtype = opAttr(node, 'T', 'type');
  const roundMode = opAttr(node, 'round_mode', 'string');
  if (!isCodeType(dtype) || !isRoundMode(roundMode)) throw new UserError(`can't round to ${dtype} ${roundMode}`);
  const { ranges, inner, perSlice } = slicesOf(input, mins, maxes, node);
  const minimum = opAttr(node, 'ensure_minimum_range', 'float');
  const narrowRange = opAttr(node, 'narrow_range', 'bool');
  const quantization = { dtype, mode: readMode(node), roundMode, narrowRange, perSlice };
  const quantizers = ranges.map((range) => quantizer(quantization, adjustedRange(range, minimum)));
  const values = numbers(input);
  if (values.some(Number.isNaN)) throw new UserError('NaN has no code', {}, 'exclude the node that makes it');
  const codes = mapSlices(
    values,
    inner,
    quantizers.map((q) => q.encode),
  );
  const bound = (which: keyof Range) =>
    tensorOfNumbers(
      'float32',
      mins.shape,
      Float64Array.from(quantizers, ({ range }) => range[which]),
    );
  return [tensorOfNumbers(dtype, input.shape, codes), bound('min'), bound('max')];
};

/** input, min_range, max_range → float32 (or bfloat16). */
const dequantize: ReferenceKernel = (inputs, node) => {
  const input = inputAt(inputs, 0);
  const { dtype } = input;
  if (!isCodeType(dtype)) throw new UserError(`can't dequantize ${dtype}`);
  const { ranges, inner } = slicesOf(input, inputAt(inputs, 1), inputAt(inputs, 2), node);
  const mode = readMode(node);
  const narrow = opAttr(node, 'narrow_range', 'bool');
  const decoders = ranges.map((range) => dequantizer(dtype, mode, narrow, range));
  return [tensorOfNumbers(opAttr(node, 'dtype', 'type'), input.shape, mapSlices(numbers(input), inner, decoders))];
};

/** From floats to codes and back. */
export const quantizeReference = {
  QuantizeV2: quantizeV2,
  Dequantize: dequantize,
  QuantizeAndDequantize: quantizeAndDequantize,
  QuantizeAndDequantizeV2: quantizeAndDequantize,
  QuantizeAndDequantizeV3: quantizeAndDequantize,
  QuantizeAndDequantizeV4: quantizeAndDequantize,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
