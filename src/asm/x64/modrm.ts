import type { Operand } from './operand.ts';

/** ModRM for a register operand. */
export function writeRegister(b: Uint8Array, p: number, reg: number, rm: number): number {
  b[p] = 0xc0 | ((reg & 7) << 3) | (rm & 7);
  return p + 1;
}

/** A little-endian int32 (or the low 32 bits of `value`). */
export function writeInt32(b: Uint8Array, p: number, value: number): number {
  b[p] = value;
  b[p + 1] = value >> 8;
  b[p + 2] = value >> 16;
  b[p + 3] = value >> 24;
  return p + 4;
}

/**
 * ModRM, SIB and displacement of a memory operand. A displacement that is `1 << shift` times an int8 takes one byte
 * (EVEX disp8*N; shift is 0 elsewhere). In SIB, base 5 under mod 0 means "no base" and index 4 "no index", so rbp and
 * r13 always carry a displacement and rsp and r12 always a SIB.
 */
export function writeMemory(b: Uint8Array, p: number, reg: number, m: Operand, shift: number): number {
  const { base, index, disp } = m;
  const field = (reg & 7) << 3;
  if (base < 0) {
    b[p] = field | 4;
    b[p + 1] = (m.ss << 6) | ((index < 0 ? 4 : index & 7) << 3) | 5;
    return writeInt32(b, p + 2, disp);
  }
  const low = base & 7;
  const scaled = disp >> shift;
  const exact = scaled << shift === disp;
  const mod = disp === 0 && low !== 5 ? 0 : exact && scaled === (scaled << 24) >> 24 ? 1 : 2;
  let at = p + 1;
  if (index >= 0 || low === 4) {
    b[p] = (mod << 6) | field | 4;
    b[at++] = (m.ss << 6) | ((index < 0 ? 4 : index & 7) << 3) | low;
  } else {
    b[p] = (mod << 6) | field | low;
  }
  if (mod === 0) return at;
  if (mod === 2) return writeInt32(b, at, disp);
  b[at] = scaled;
  return at + 1;
}
