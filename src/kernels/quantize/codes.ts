import { type DType, symmetricSteps } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { rne } from '../requantize/contract.ts';

/** The codes of TensorFlow's quantized types. */
export const codeLimits = {
  qint8: { low: -128, high: 127, bits: 8 },
  quint8: { low: 0, high: 255, bits: 8 },
  qint16: { low: -32768, high: 32767, bits: 16 },
  quint16: { low: 0, high: 65535, bits: 16 },
  qint32: { low: -(2 ** 31), high: 2 ** 31 - 1, bits: 32 },
} as const;
export type CodeType = keyof typeof codeLimits;
export type CodeLimits = (typeof codeLimits)[CodeType];

export const isCodeType = (dtype: DType): dtype is CodeType => Object.hasOwn(codeLimits, dtype);

/** The limits of a quantized dtype. Throws `UserError` on any other. */
export function limitsOf(dtype: DType): CodeLimits {
  if (!isCodeType(dtype)) throw new UserError(`${dtype} is not a quantized type`);
  return codeLimits[dtype];
}

/** A float converted to int32 as x86 does it: what is out of range, and NaN, becomes −2^31. */
export const truncateAsX86 = (x: number): number => (x >= -(2 ** 31) && x < 2 ** 31 ? Math.trunc(x) : -(2 ** 31));

const f32 = Math.fround;

/**
 * Symmetric scale of a range, as oneDNN's kernels take it: the larger bound stands for 255 (unsigned) or 127 (signed).
 * In float64; what is made of it is rounded once.
 */
export const symmetricScale = (dtype: DType, min: number, max: number): number =>
  Math.max(Math.abs(min), Math.abs(max)) / symmetricSteps(dtype);

/**
 * TensorFlow's affine codes (its MIN_FIRST, quantization_utils.h), all in float32: [min, max] is spread over all codes of
 * the type, and the zero point is rounded to a code.
 */
export type AffineRange = { readonly min: number; readonly max: number; readonly limits: CodeLimits };

/** A function from codes of `range` to float32 values. */
export function affineDecoder({ min, max, limits }: AffineRange): (code: number) => number {
  const { low, bits } = limits;
  if (min === max) return () => min;
  const scale = f32(f32(max - min) / (2 ** bits - 1));
  const roundedMin = f32(roundAway(f32(min / scale)) * scale);
  const start = f32(roundedMin - f32(low * scale));
  return (code) => f32(start + f32(f32(code) * scale));
}

/** A function from float32 values to codes of `range`, saturating. */
export function affineEncoder({ min, max, limits }: AffineRange): (x: number) => number {
  const { low, high, bits } = limits;
  const scale = min === max ? 0 : f32((2 ** bits - 1) / f32(max - min));
  const minScaled = roundAway(f32(min * scale));
  const offset = f32(minScaled - f32(low));
  // The largest float32 that fits int32.
  const highest = bits === 32 ? 2_147_483_520 : high;
  return (x) => Math.max(low, Math.min(highest, f32(roundAway(f32(x * scale)) - offset)));
}

const roundAway = (x: number): number => {
  const magnitude = Math.abs(x);
  return magnitude < 2 ** 23 ? Math.sign(x) * Math.floor(magnitude + 0.5) : x;
};

/**
 * As the encoder, but in float64 and without saturation: the zero point of kernels that subtract it
 * (FloatToQuantizedUnclamped).
 */
export function affineCode(x: number, { min, max, limits }: AffineRange): number {
  const { low, bits } = limits;
  if (min === max) return low;
  const steps = 2 ** bits;
  const scale = steps / (f32(max - min) * (steps / (steps - 1)));
  return roundExact(x * scale) - roundExact(min * scale) + low;
}

/** The value of one code in float64, rounded to float32 at the end (QuantizedToFloat). */
export function affineValue(code: number, { min, max, limits }: AffineRange): number {
  const { low, bits } = limits;
  if (min === max) return min;
  const steps = 2 ** bits;
  const scale = (f32(max - min) * (steps / (steps - 1))) / steps;
  const roundedMin = f32(roundAway(f32(min / f32(scale))) * f32(scale));
  return f32(roundedMin + (code - low) * scale);
}

const roundExact = (x: number): number => {
  const magnitude = Math.abs(x);
  if (!(magnitude < 2 ** 52)) return x;
  const floor = Math.floor(magnitude);
  return Math.sign(x) * (magnitude - floor >= 0.5 ? floor + 1 : floor);
};

/** The rounding that a node's `round_mode` names. */
export const roundings = { HALF_TO_EVEN: rne, HALF_AWAY_FROM_ZERO: roundAway } as const;
