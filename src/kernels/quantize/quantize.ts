import { UserError } from '../../base/errors.ts';
import { clamp, rne } from '../requantize/contract.ts';
import { affineEncoder, type CodeLimits, type CodeType, codeLimits, roundings, truncateAsX86 } from './codes.ts';

export type QuantizeMode = 'SCALED' | 'MIN_FIRST' | 'MIN_COMBINED';
export type RoundMode = keyof typeof roundings;
export type Range = { readonly min: number; readonly max: number };

/** How QuantizeV2 makes codes of one range. */
export type Quantization = {
  readonly dtype: CodeType;
  readonly mode: QuantizeMode;
  readonly roundMode: RoundMode;
  readonly narrowRange: boolean;
  /** Whether each slice of an axis has a range of its own. */
  readonly perSlice: boolean;
};

/** The codes' function of float32 values, and the range that they stand for. */
export type Quantizer = { readonly encode: (x: number) => number; readonly range: Range };

const f32 = Math.fround;
const largestFloat = 3.4028234663852886e38;

/** Makes a range contain zero and at least `minimum` of its size, as QuantizeV2 does before anything else. */
export function adjustedRange({ min, max }: Range, minimum: number): Range {
  const low = Math.min(0, min);
  const epsilon = f32(Math.max(1, Math.abs(min), Math.abs(max)) * f32(minimum));
  return { min: low, max: Math.max(0, max, f32(low + epsilon)) };
}

/**
 * QuantizeV2 of float32 values over an adjusted range, bit for bit as TensorFlow 2.21 computes it with oneDNN: there are
 * four formulas for the three modes, because the graph pass gives some of them to oneDNN.
 */
export function quantizer(quantization: Quantization, range: Range): Quantizer {
  const { dtype, mode, roundMode, narrowRange, perSlice } = quantization;
  const limits = codeLimits[dtype];
  const byOneDnn = !perSlice && (dtype === 'qint8' || dtype === 'quint8');
  if (mode === 'MIN_COMBINED') return minCombined(range, limits);
  if (mode === 'MIN_FIRST')
    return byOneDnn && dtype === 'quint8'
      ? minFirstByOneDnn(range)
      : { encode: affineEncoder({ ...range, limits }), range };
  if (byOneDnn && roundMode === 'HALF_TO_EVEN' && !narrowRange) return scaledByOneDnn(range, dtype, limits);
  if (dtype === 'qint32' && roundMode === 'HALF_TO_EVEN' && !narrowRange)
    throw new UserError('QuantizeV2 to qint32 in SCALED mode does not round half to even');
  return scaled(range, limits, narrowRange, roundMode);
}

/** Zero stands for zero; the range grows so that both its ends are codes. */
function scaled(
  { min, max }: Range,
  { low, high, bits }: CodeLimits,
  narrow: boolean,
  roundMode: RoundMode,
): Quantizer {
  const lowest = low + (narrow ? 1 : 0);
  const fromMin = lowest * min > 0 ? f32(lowest / min) : largestFloat;
  const fromMax = high * max > 0 ? f32(f32(high) / max) : largestFloat;
  const scale = Math.min(fromMin, fromMax);
  const range = { min: f32(lowest / scale), max: f32(f32(high) / scale) };
  const round = roundings[roundMode];
  const encode = (x: number) => round(f32(clamp(x, range.min, range.max) * scale));
  return { encode: bits === 32 ? (x) => truncateAsX86(encode(x)) : encode, range };
}

/**
 * SCALED codes of an adjusted range, rounded half to even, as y = clamp(rne(f32(x·factor)), low, high): the same as
 * `quantizer`'s, whichever of its formulas it is.
 */
export function scaledCodes(
  dtype: 'qint8' | 'quint8',
  narrowRange: boolean,
  { min, max }: Range,
): { readonly factor: number; readonly low: number; readonly high: number } {
  const { low, high } = codeLimits[dtype];
  if (!narrowRange) {
    const bound = Math.max(Math.abs(min), Math.abs(max));
    return { factor: f32((dtype === 'quint8' ? 255 : 127.5) / bound), low, high };
  }
  const lowest = low + 1;
  const fromMin = lowest * min > 0 ? f32(lowest / min) : largestFloat;
  const fromMax = high * max > 0 ? f32(f32(high) / max) : largestFloat;
  return { factor: Math.min(fromMin, fromMax), low: lowest, high };
}

/** oneDNN's: symmetric around zero. Signed codes are spread over 127.5, which Dequantize's 127 does not undo. */
function scaledByOneDnn({ min, max }: Range, dtype: CodeType, { low, high }: CodeLimits): Quantizer {
  const bound = Math.max(Math.abs(min), Math.abs(max));
  const scale = f32((dtype === 'quint8' ? 255 : 127.5) / bound);
  return {
    encode: (x) => clamp(rne(f32(x * scale)), low, high),
    range: { min: dtype === 'quint8' ? 0 : -bound, max: bound },
  };
}

function minFirstByOneDnn({ min, max }: Range): Quantizer {
  const scale = f32(255 / f32(max - min));
  const start = f32(min * scale);
  return { encode: (x) => clamp(rne(f32(f32(x * scale) - start)), 0, 255), range: { min, max } };
}

/** The range's ends are the lowest and the highest code; zero need not be one. */
function minCombined({ min, max }: Range, { low, high, bits }: CodeLimits): Quantizer {
  const scale = f32((high - low) / f32(max - min));
  const half = low === 0 ? 0 : f32((high - low + 1) / 2);
  const round = roundings.HALF_AWAY_FROM_ZERO;
  const encode = (x: number) => round(f32(f32(f32(clamp(x, min, max) - min) * scale) - half));
  return { encode: bits === 32 ? (x) => truncateAsX86(encode(x)) : encode, range: { min, max } };
}
