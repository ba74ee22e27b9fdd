/** Adding and subtracting 1.5 · 2^52 leaves no fraction bits: the processor's own rounding, half to even. */
const magic = 1.5 * 2 ** 52;

/** The nearest integer of a number below 2^51, half to even, as `rint` and vcvtps2dq round. NaN stays NaN. */
export const roundHalfEven = (x: number): number => (Math.abs(x) < 2 ** 51 ? x + magic - magic : x);
