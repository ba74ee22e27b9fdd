import { roundHalfEven } from '../../base/round.ts';

/**
 * The arithmetic contract (ARCHITECTURE.md): one rounding rule for every backend. A sum `acc` in int32 becomes a code by
 * y = clamp(rne(f32(acc)·m)), with m rounded once to float32; on x64 vcvtdq2ps, vmulps, vcvtps2dq.
 */

/** Round half to even: exact for every float32. */
export const rne = roundHalfEven;

/** Round half away from zero, as C's round() and Eigen's. Exact for every float32. */
export const roundHalfAway = (x: number): number =>
  Math.abs(x) < 2 ** 52 ? Math.sign(x) * Math.floor(Math.abs(x) + 0.5) : x;

export const clamp = (x: number, low: number, high: number): number => Math.max(low, Math.min(high, x));

/** m = f32(s_x·s_w / s_y): computed in float64, rounded once. */
export const multiplierOf = (inputScale: number, weightScale: number, outputScale: number): number =>
  Math.fround((inputScale * weightScale) / outputScale);

/** y = clamp(rne(f32(acc)·m)), the product in float32. */
export const requantize = (acc: number, multiplier: number, low: number, high: number): number =>
  clamp(rne(Math.fround(Math.fround(acc) * multiplier)), low, high);

/** y = clamp(rne(f32(acc)·m + f32(z)·m_z)): two products and a sum, each rounded to float32, no fused multiply-add. */
export const requantizeWithSummand = (
  acc: number,
  multiplier: number,
  summand: number,
  summandMultiplier: number,
  low: number,
  high: number,
): number =>
  clamp(
    rne(
      Math.fround(Math.fround(Math.fround(acc) * multiplier) + Math.fround(Math.fround(summand) * summandMultiplier)),
    ),
    low,
    high,
  );

/** How codes of one scale are added to codes `z` of another as floats: what Dequantize → AddV2 → QuantizeV2 compute. */
export type FloatSum = {
  /** What one step of the codes, and of z, stands for. */
  readonly scale: number;
  readonly summandScale: number;
  /** Steps of the result in one: 255 / max of quint8, 127 / max of qint8. */
  readonly factor: number;
};

/** y = clamp(rne(f32(f32(f32(a·s) + f32(z·s_z))·k))): every product and sum rounded to float32. */
export const addAsFloats = (
  a: number,
  z: number,
  { scale, summandScale, factor }: FloatSum,
  low: number,
  high: number,
): number =>
  clamp(rne(Math.fround(Math.fround(Math.fround(a * scale) + Math.fround(z * summandScale)) * factor)), low, high);

/** Saturates to int32. */
export const saturate32 = (x: number): number => clamp(x, -(2 ** 31), 2 ** 31 - 1);
