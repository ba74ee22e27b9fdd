/**
 * The kinds of operands that choosing an encoding tells apart, as small numbers: the codes of an instruction's
 * operands, six bits each, make the key by which the assembler finds its form.
 */
export const Code = {
  none: 0,
  r8: 1,
  r16: 2,
  r32: 3,
  r64: 4,
  k: 5,
  /** A mask register under a mask: the result of a masked comparison. */
  kMasked: 6,
  /** The vector codes are contiguous: width, then plain, register 16-31, {k}, {k}{z}. */
  xmm: 7,
  ymm: 11,
  zmm: 15,
  mem: 19,
  byte: 20,
  word: 21,
  dword: 22,
  qword: 23,
  memMasked: 24,
  b32: 25,
  b64: 26,
  vsibX: 27,
  vsibY: 28,
  vsibZ: 29,
  /** Immediates by the smallest field that holds them: int8, int32, uint32, 64 bit. */
  imm8: 30,
  imm32: 31,
  immU32: 32,
  imm64: 33,
  /** A label whose distance fits rel8 for sure, and one that needs (or may need) rel32. */
  near: 34,
  short: 35,
} as const;

/** Offsets from Code.xmm, ymm and zmm. */
export const HIGH = 1;
export const MASKED = 2;
export const ZEROED = 3;

/** The code of an integer immediate, or Code.none when it is not an integer that an instruction can hold. */
export function immediateCode(value: number | bigint): number {
  if (typeof value === 'bigint') return value >= -(2n ** 63n) && value < 2n ** 64n ? Code.imm64 : Code.none;
  if (value === (value | 0)) return value >= -128 && value < 128 ? Code.imm8 : Code.imm32;
  if (!Number.isSafeInteger(value)) return Code.none;
  return value > 0 && value <= 0xffffffff ? Code.immU32 : Code.imm64;
}
