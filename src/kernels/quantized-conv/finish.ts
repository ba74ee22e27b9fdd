import type { DType } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { numberOf, numbersOf, type Tensor } from '../../base/tensor.ts';
import { numbers, tensorOfNumbers, vector } from '../numbers.ts';
import { codeLimits, limitsOf, symmetricScale } from '../quantize/codes.ts';
import { clamp, multiplierOf, requantize, rne, saturate32 } from '../requantize/contract.ts';
import { type Codes, codeOfReal, realOf, realScales, sumStep } from '../requantize/rounding.ts';

/** What stands behind the sums of a quantized convolution or matrix product, in this order. */
export type Epilogue = {
  readonly bias?: Tensor;
  readonly summand?: Summand;
  readonly relu: boolean;
};
/** An addend in codes of its own scale, or float32 in units of one. */
export type Summand = { readonly tensor: Tensor; readonly scale: number };

/** Real value of one step of the sums, one a channel or one for all. */
export type SumScales = { readonly input: number; readonly weights: readonly number[] };

const f32 = Math.fround;
const weightScale = ({ weights }: SumScales, channel: number): number => weights[weights.length === 1 ? 0 : channel]!;

/** The scales of weights from their ranges: max(|min|, |max|) stands for 127. */
export const weightScales = (min: Tensor, max: Tensor): number[] => {
  const highs = numbersOf(max);
  return numbersOf(min).map((low, c) => symmetricScale('qint8', low, highs[c] ?? Number.NaN));
};

/** The bias in units of the sums: qint32 as it is; float32 as TensorFlow's kernels add it, before the product is rounded. */
function biasOf(bias: Tensor | undefined, channels: number): { codes?: ArrayLike<number>; floats?: ArrayLike<number> } {
  if (bias === undefined) return {};
  const values = vector(bias, channels, 'the bias');
  return bias.dtype === 'qint32' ? { codes: values } : { floats: values };
}

/**
 * Sums to 8-bit codes by the arithmetic contract: y = clamp(rne(f32(acc + b_q)·m + …)). A float bias is added behind the
 * product, in steps of the output, as TensorFlow does; so is a summand.
 */
export function toBytes(
  sums: Float64Array,
  channels: number,
  scales: SumScales,
  { bias, summand, relu }: Epilogue,
  dtype: DType,
  outputScale: number,
): Float64Array {
  const [lowest, high] = byteLimits(dtype, summand, relu);
  const { codes, floats } = biasOf(bias, channels);
  const multipliers = Float64Array.from({ length: channels }, (_, c) =>
    multiplierOf(scales.input, weightScale(scales, c), outputScale),
  );
  const offsets = floats && Float64Array.from(floats, (b) => f32(b / outputScale));
  const z = summand && vector(summand.tensor, sums.length, 'the summand');
  const zScale = summand === undefined ? 0 : f32(summand.scale / outputScale);
  const out = new Float64Array(sums.length);
  for (let i = 0; i < sums.length; i++) {
    const c = i % channels;
    const acc = codes === undefined ? sums[i]! : saturate32(sums[i]! + codes[c]!);
    if (offsets === undefined && z === undefined) out[i] = requantize(acc, multipliers[c]!, lowest, high);
    else {
      let y = f32(f32(acc) * multipliers[c]!);
      if (offsets !== undefined) y = f32(y + offsets[c]!);
      if (z !== undefined) y = f32(y + f32(f32(z[i]!) * zScale));
      out[i] = clamp(rne(y), lowest, high);
    }
  }
  return out;
}

/**
 * Sums of a convolution to 8-bit codes with TensorFlow's own roundings (rounding.ts): sums and bias become real numbers, and
 * codes from those.
 */
export function toRealBytes(
  sums: Float64Array,
  channels: number,
  scales: SumScales & { readonly dtype: DType },
  { bias, summand, relu }: Epilogue,
  output: Codes,
): Float64Array {
  const [low, high] = byteLimits(output.dtype, summand, relu);
  const weights = Array.from({ length: channels }, (_, c) => weightScale(scales, c));
  const values = bias && { values: vector(bias, channels, 'the bias'), isReal: bias.dtype !== 'qint32' };
  const real = realScales({ dtype: scales.dtype, scale: scales.input }, weights, output.scale, values);
  const z = summand && vector(summand.tensor, sums.length, 'the summand');
  const zScale = f32(summand?.scale ?? 0);
  return sums.map((acc, i) => {
    const c = i % channels;
    const value = realOf(acc, real.sums[c]!, real.biases[c]!, z === undefined ? 0 : z[i]! * zScale);
    return codeOfReal(value, real.back, low, high);
  });
}

/** TensorFlow sums signed codes in place, in the summand's own type: half of an unsigned output's codes are lost. */
function byteLimits(dtype: DType, summand: Summand | undefined, relu: boolean): [low: number, high: number] {
  const { low, high } = limitsOf(dtype);
  return [relu ? Math.max(0, low) : low, summand?.tensor.dtype === 'qint8' ? Math.min(127, high) : high];
}

/** The largest float32 below 2^31, where oneDNN saturates what it converts to int32. */
const largestFloat = 2 ** 31 - 128;

/** What `toSums` counts in: a step of the largest channel's sums, and of each channel's. */
export function sumSteps(scales: SumScales, channels: number) {
  const largest = sumStep(scales.input, Math.max(...scales.weights));
  const steps = Float32Array.from({ length: channels }, (_, c) => sumStep(scales.input, weightScale(scales, c)));
  return { perChannel: scales.weights.length > 1, largest, steps, back: f32(1 / largest) };
}

/**
 * Sums to qint32 as TensorFlow 2.21 leaves them between a convolution and Requantize. With a scale a channel they are on
 * that of the channel with the largest weights, though the range outputs claim each channel's own: oneDNN makes them real
 * numbers, and steps of the largest scale of those, each product rounded to float32.
 */
export function toSums(
  sums: Float64Array,
  channels: number,
  scales: SumScales,
  { bias, summand, relu }: Epilogue,
): Float64Array {
  const { perChannel, largest, steps, back } = sumSteps(scales, channels);
  const { codes, floats } = biasOf(bias, channels);
  const offsets = floats && Float64Array.from(floats, (b) => f32(b / largest));
  const z = summand && vector(summand.tensor, sums.length, 'the summand');
  const zScale = summand === undefined ? 0 : f32(summand.scale / largest);
  const { low, high } = codeLimits.qint32;
  const isFloat = perChannel || floats !== undefined || z !== undefined;
  const out = new Float64Array(sums.length);
  for (let i = 0; i < sums.length; i++) {
    const c = i % channels;
    let y = sums[i]!;
    if (perChannel) {
      const addend = floats?.[c] ?? (codes === undefined ? 0 : f32(codes[c]! * steps[c]!));
      y = f32(f32(f32(f32(y) * steps[c]!) + addend) * back);
    } else if (codes !== undefined) y += codes[c]!;
    else if (offsets !== undefined) y = f32(f32(y) + offsets[c]!);
    if (z !== undefined) y = f32(f32(y) + f32(f32(z[i]!) * zScale));
    out[i] = clamp(rne(y), relu ? 0 : low, isFloat ? largestFloat : high);
  }
  return out;
}

/** Sums to float32: f32(acc + b_q)·s, and a float bias behind it. */
export function toFloats(
  sums: Float64Array,
  channels: number,
  scales: SumScales,
  { bias, summand, relu }: Epilogue,
): Float64Array {
  const { codes, floats } = biasOf(bias, channels);
  const z = summand && vector(summand.tensor, sums.length, 'the summand');
  const steps = Float64Array.from({ length: channels }, (_, c) => f32(scales.input * weightScale(scales, c)));
  const out = new Float64Array(sums.length);
  for (let i = 0; i < sums.length; i++) {
    const c = i % channels;
    const acc = codes === undefined ? sums[i]! : sums[i]! + codes[c]!;
    let y = f32(f32(acc) * steps[c]!);
    if (floats !== undefined) y = f32(y + floats[c]!);
    if (z !== undefined) y = f32(y + f32(z[i]! * (summand?.scale ?? 1)));
    out[i] = relu && y < 0 ? 0 : y;
  }
  return out;
}

/** The range that qint32 sums claim: ±2^31 steps of (max_x − min_x)/255 · (max_w − min_w)/254, one a channel. */
export function sumRange(inputType: DType, minX: Tensor, maxX: Tensor, minW: Tensor, maxW: Tensor): readonly Tensor[] {
  const width = (low: number, high: number, steps: number) => f32(f32(high - low) / steps);
  const x = width(numberOf(minX), numberOf(maxX), inputType === 'quint8' ? 255 : 254);
  const highs = numbersOf(maxW);
  const steps = numbersOf(minW).map((low, c) => f32(x * width(low, highs[c] ?? Number.NaN, 254)));
  const bound = (end: number) =>
    tensorOfNumbers(
      'float32',
      minW.shape,
      Float64Array.from(steps, (step) => f32(step * f32(end))),
    ) as Tensor;
  return [bound(-(2 ** 31)), bound(2 ** 31 - 1)];
}

/** The codes of a quantized tensor. Throws `UserError` on another type. */
export function codesOf(t: Tensor) {
  limitsOf(t.dtype);
  return numbers(t);
}

/** The scale of an 8-bit output or summand with this range. */
export function rangeScale(dtype: DType, min: Tensor, max: Tensor): number {
  if (dtype === 'float32') return 1;
  const scale = symmetricScale(dtype, numberOf(min), numberOf(max));
  if (!(scale > 0 && scale < Infinity))
    throw new UserError(`[${numberOf(min)}, ${numberOf(max)}] is no range for codes`);
  return scale;
}
