import { clampTo } from '../../eltwise/native/formulas.ts';
import {
  abs,
  add,
  constant,
  type Expr,
  ifLess,
  input,
  mul,
  round,
  sub,
  truncate,
  withSign,
} from '../../pointwise/native/expr.ts';
import { type CodeLimits, type CodeType, codeLimits } from '../codes.ts';
import type { Quantization, QuantizeMode, Range } from '../quantize.ts';

const f32 = Math.fround;

/** Half away from zero, exact for every float32: x + 0.5 would round up the number below one half. */
function roundAway(x: Expr): Expr {
  const whole = truncate(x);
  const more = ifLess(abs(sub(x, whole)), 0.5, 0, 1);
  return add(whole, withSign(more, x));
}

const roundAwayNumber = (x: number): number => {
  const magnitude = Math.abs(x);
  return magnitude < 2 ** 23 ? Math.sign(x) * Math.floor(magnitude + 0.5) : x;
};

/**
 * QuantizeV2 of a float32 over an adjusted range to u8 or s8, in the steps of `quantizer` (quantize.ts), bit for bit.
 * Undefined for what has no such form.
 */
export function quantizeFormula(quantization: Quantization, range: Range, x: Expr = input(0)): Expr | undefined {
  const { dtype, mode, roundMode, narrowRange, perSlice } = quantization;
  if (perSlice || (dtype !== 'qint8' && dtype !== 'quint8')) return undefined;
  const limits = codeLimits[dtype];
  if (mode === 'MIN_FIRST') return dtype === 'quint8' ? minFirst(x, range) : affine(x, range, limits);
  if (mode === 'MIN_COMBINED') return minCombined(x, range, limits);
  if (roundMode === 'HALF_TO_EVEN' && !narrowRange) {
    const bound = Math.max(Math.abs(range.min), Math.abs(range.max));
    const scale = f32((dtype === 'quint8' ? 255 : 127.5) / bound);
    return scale < Infinity ? round(clampTo(mul(x, scale), limits.low, limits.high)) : undefined;
  }
  return scaled(x, range, limits, narrowRange, roundMode === 'HALF_TO_EVEN' ? round : roundAway);
}

/** oneDNN's MIN_FIRST to u8. */
function minFirst(x: Expr, { min, max }: Range): Expr | undefined {
  const scale = f32(255 / f32(max - min));
  if (!(scale < Infinity)) return undefined;
  return round(clampTo(sub(mul(x, scale), f32(min * scale)), 0, 255));
}

/** The affine codes of quantization_utils.h. */
export function affine(x: Expr, { min, max }: Range, { low, high, bits }: CodeLimits): Expr | undefined {
  const scale = min === max ? 0 : f32((2 ** bits - 1) / f32(max - min));
  if (!(scale < Infinity)) return undefined;
  const offset = f32(roundAwayNumber(f32(min * scale)) - f32(low));
  return clampTo(sub(roundAway(mul(x, scale)), offset), low, high);
}

function minCombined(x: Expr, { min, max }: Range, { low, high }: CodeLimits): Expr | undefined {
  const scale = f32((high - low) / f32(max - min));
  if (!(scale < Infinity)) return undefined;
  const half = low === 0 ? 0 : f32((high - low + 1) / 2);
  return roundAway(sub(mul(sub(clampTo(x, min, max), constant(min)), scale), half));
}

/** TensorFlow's own SCALED: the range's ends are clamped to before the product. */
function scaled(
  x: Expr,
  { min, max }: Range,
  { low, high }: CodeLimits,
  narrow: boolean,
  toInteger: (x: Expr) => Expr,
): Expr | undefined {
  const lowest = low + (narrow ? 1 : 0);
  const largest = 3.4028234663852886e38;
  const fromMin = lowest * min > 0 ? f32(lowest / min) : largest;
  const fromMax = high * max > 0 ? f32(f32(high) / max) : largest;
  const scale = Math.min(fromMin, fromMax);
  if (!(scale < largest)) return undefined;
  return toInteger(mul(clampTo(x, f32(lowest / scale), f32(f32(high) / scale)), scale));
}

/** The values of affine codes over a range that is not empty. */
export function affineReal({ min, max }: Range, { low, bits }: CodeLimits, code: Expr): Expr {
  const scale = f32(f32(max - min) / (2 ** bits - 1));
  const roundedMin = f32(roundAwayNumber(f32(min / scale)) * scale);
  return add(f32(roundedMin - f32(low * scale)), mul(code, scale));
}

/** Dequantize of a code over a range, in the steps of `dequantizer` (dequantize.ts), bit for bit. */
export function dequantizeFormula(
  dtype: CodeType,
  mode: QuantizeMode,
  narrowRange: boolean,
  { min, max }: Range,
  code: Expr = input(0),
): Expr | undefined {
  if (dtype !== 'qint8' && dtype !== 'quint8') return undefined;
  const { low, high } = codeLimits[dtype];
  if (mode === 'MIN_FIRST') {
    if (min === max) return undefined;
    return affineReal({ min, max }, codeLimits[dtype], code);
  }
  if (mode === 'MIN_COMBINED') {
    const scale = f32(f32(max - min) / f32(high - low));
    const half = low === 0 ? 0 : (high - low + 1) / 2;
    return add(mul(add(code, half), scale), min);
  }
  const lowest = low + (narrowRange ? 1 : 0);
  const scale = low === 0 ? f32(max / high) : Math.max(f32(min / lowest), f32(max / high));
  return Number.isFinite(scale) ? mul(code, scale) : undefined;
}
