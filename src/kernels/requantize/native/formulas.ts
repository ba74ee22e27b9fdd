import { clampTo } from '../../eltwise/native/formulas.ts';
import {
  add,
  constant,
  type Expr,
  fma,
  ifLess,
  input,
  mul,
  negate,
  round,
  sub,
  truncate,
} from '../../pointwise/native/expr.ts';
import { codeLimits } from '../../quantize/codes.ts';
import { affine, affineReal } from '../../quantize/native/formulas.ts';
import type { Range } from '../../quantize/quantize.ts';
import { fixedPoint } from '../reference.ts';

const f32 = Math.fround;

/** RequantizePerChannel of an int32 code: `multiplier` is that of all channels (reference.ts, channelMultipliers). */
export const perChannelFormula = (multiplier: number, low: number, high: number): Expr =>
  round(clampTo(mul(input(0), multiplier), low, high));

/**
 * Requantize of int32 codes over one range to 8-bit codes over another, bit for bit. Undefined for what has no such form:
 * empty ranges, and steps so small that the codes which do not saturate exceed the whole numbers of float32.
 */
export function requantizeFormula(from: Range, to: Range, outType: 'qint8' | 'quint8'): Expr | undefined {
  if (from.min === from.max || to.min === to.max) return undefined;
  if (outType === 'quint8') return bytes(from, to);
  return affine(affineReal(from, codeLimits.qint32, input(0)), to, codeLimits.qint8);
}

/** Whole numbers up to here are float32. */
const WHOLE = 2 ** 24;

/**
 * y = clamp(⌊(code·S + O) / 2^48⌋, 0, 255) (reference.ts, fixedPoint) in float32, of which each has only 24 bits: codes that
 * saturate are cut off, x counts from the last code of 0, and y = ⌊x·m + b⌋ is computed with m and b in two parts each.
 */
function bytes(from: Range, to: Range): Expr | undefined {
  const { scale, offset } = fixedPoint(from, to);
  if (!(Number.isSafeInteger(scale) && scale > 0 && Number.isSafeInteger(offset))) return undefined;
  const [s, o] = [BigInt(scale), BigInt(offset) << 32n];
  /** The first code that gives `y`. */
  const first = (y: number): number => Number(ceilDivided((BigInt(y) << 48n) - o, s));
  const [zero, top] = [first(1) - 1, first(255)];
  if (!(Math.abs(zero) <= WHOLE && Math.abs(top) <= WHOLE && top - zero <= WHOLE)) return undefined;
  const m = parts(s);
  const b = parts(BigInt(zero) * s + o);
  const formula = (code: Expr): Expr => {
    const x = sub(clampTo(code, zero, top), zero);
    const product = mul(x, m.high);
    const whole = truncate(product);
    const rest = sub(product, whole);
    const sum = add(rest, b.high);
    const lost = lostBy(rest, b.high, sum);
    const carried = floor(sum);
    const fraction = sub(sum, carried);
    const small = add(add(fma(x, m.high, negate(product)), fma(x, m.low, b.low)), lost);
    // Where the small parts reach over a whole number these sums are exact in their sign.
    const over = ifLess(add(sub(fraction, 1), small), 0, 0, 1);
    const under = ifLess(add(fraction, small), 0, -1, 0);
    return clampTo(add(add(add(whole, carried), over), under), 0, 255);
  };
  return formula(input(0));
}

const floor = (x: Expr): Expr => {
  const whole = truncate(x);
  return sub(whole, ifLess(x, whole, 1, 0));
};

/** What rounding a + b to `sum` loses (Knuth's TwoSum). */
function lostBy(a: Expr, b: number, sum: Expr): Expr {
  const second = sub(sum, a);
  return add(sub(a, sub(sum, second)), sub(constant(b), second));
}

/** value / 2^48 as the sum of two float32. */
function parts(value: bigint): { readonly high: number; readonly low: number } {
  const scaled = Number(value) / 2 ** 48;
  const high = f32(scaled);
  // high·2^48 is a whole number unless it is tiny.
  const low = Number(value - BigInt(Math.round(high * 2 ** 48))) / 2 ** 48;
  return { high, low: f32(low) };
}

function ceilDivided(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b !== 0n && a > 0n ? quotient + 1n : quotient;
}
