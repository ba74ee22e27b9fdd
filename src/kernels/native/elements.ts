import { type Assembler, ecx, k1, type Mem, offset, rcx, type Vmm, xmm, ymm, zmm } from '../../asm/x64/index.ts';
import type { ElementType } from '../native-kernel.ts';
import type { Machine } from './machine.ts';

/**
 * Vectors of float32 from and to memory of any element type. With fewer elements than the vector holds AVX-512 masks by
 * k1 (see `maskTail`); AVX2 masks floats by `tail`, the address of as many words of ones, and moves bytes piece by piece.
 */
export type Elements = { readonly asm: Assembler; readonly machine: Machine; readonly tail: (count: number) => Mem };

/** Sets k1 to the first `count` elements. Changes ecx. */
export function maskTail({ asm, machine }: Elements, count: number): void {
  if (machine.bits !== 512 || count === machine.lanes) return;
  asm.mov(ecx, 2 ** count - 1);
  asm.kmovd(k1, ecx);
}

const isPartial = ({ machine }: Elements, count: number): boolean => count < machine.lanes;

/** to = the `count` elements at `from` as float32; `spare` is another register. */
export function loadReals(e: Elements, type: ElementType, to: Vmm, from: Mem, count: number, spare: Vmm): void {
  const { asm, machine } = e;
  if (type === 'f32' || type === 's32') loadWords(e, to, from, count, spare);
  else if (machine.bits === 512 || !isPartial(e, count)) {
    const masked = isPartial(e, count) ? to.maskz(k1) : to;
    if (type === 'u8') asm.vpmovzxbd(masked, from);
    else asm.vpmovsxbd(masked, from);
  } else {
    const bytes = xmm(to.n);
    loadBytes(asm, bytes.n, from, count);
    if (type === 'u8') asm.vpmovzxbd(ymm(to.n), bytes);
    else asm.vpmovsxbd(ymm(to.n), bytes);
  }
  if (type !== 'f32') asm.vcvtdq2ps(to, to);
}

function loadWords(e: Elements, to: Vmm, from: Mem, count: number, spare: Vmm): void {
  const { asm, machine } = e;
  if (!isPartial(e, count)) asm.vmovups(to, from);
  else if (machine.bits === 512) asm.vmovups(to.maskz(k1), from);
  else {
    asm.vmovups(spare, e.tail(count));
    asm.vmaskmovps(to, spare, from);
  }
}

/** The first `count` (below 8) bytes at `from` in register `n`; the others are zero. */
function loadBytes(asm: Assembler, n: number, from: Mem, count: number): void {
  const to = xmm(n);
  asm.vpxor(to, to, to);
  let at = 0;
  if ((count & 4) !== 0) {
    asm.vmovd(to, from);
    at = 4;
  }
  if ((count & 2) !== 0) {
    asm.vpinsrw(to, to, offset(from, at), at / 2);
    at += 2;
  }
  if ((count & 1) !== 0) asm.vpinsrb(to, to, offset(from, at), at);
}

/**
 * Stores `count` elements of `from`, whose integers are in the type's range, rounded half to even. Changes `from` and
 * `spare`.
 */
export function storeReals(e: Elements, type: ElementType, to: Mem, from: Vmm, count: number, spare: Vmm): void {
  const { asm } = e;
  if (type !== 'f32') asm.vcvtps2dq(from, from);
  storeIntegers(e, type, to, from, count, spare);
}

/** Stores `count` int32 elements (or floats, for f32), saturated to the type. Changes `from` and `spare`. */
export function storeIntegers(e: Elements, type: ElementType, to: Mem, from: Vmm, count: number, spare: Vmm): void {
  const { asm, machine } = e;
  if (type === 'f32' || type === 's32') storeWords(e, to, from, count, spare);
  else if (machine.bits === 512) {
    const target = isPartial(e, count) ? to.mask(k1) : to;
    if (type === 's8') asm.vpmovsdb(target, zmm(from));
    else asm.vpmovusdb(target, zmm(from));
  } else {
    const [low, high] = [xmm(from.n), xmm(spare.n)];
    asm.vextracti128(high, ymm(from), 1);
    asm.vpackssdw(low, low, high);
    if (type === 's8') asm.vpacksswb(low, low, low);
    else asm.vpackuswb(low, low, low);
    storePieces(asm, low.n, to, count);
  }
}

function storeWords(e: Elements, to: Mem, from: Vmm, count: number, spare: Vmm): void {
  const { asm, machine } = e;
  if (!isPartial(e, count)) asm.vmovups(to, from);
  else if (machine.bits === 512) asm.vmovups(to.mask(k1), from);
  else {
    asm.vmovups(spare, e.tail(count));
    asm.vmaskmovps(to, spare, from);
  }
}

/** Stores the first `bytes` (at most 8) bytes of register `n`, which it shifts. */
function storePieces(asm: Assembler, n: number, to: Mem, bytes: number): void {
  const from = xmm(n);
  if (bytes === 8) {
    asm.vmovq(to, from);
    return;
  }
  let at = 0;
  for (const size of [4, 2, 1] as const) {
    if ((bytes & size) === 0) continue;
    const place = offset(to, at);
    if (size === 4) asm.vmovd(place, from);
    else if (size === 2) asm.vpextrw(place, from, 0);
    else asm.vpextrb(place, from, 0);
    at += size;
    if (at < bytes) asm.vpsrldq(from, from, size);
  }
}

/** Words of ones, then zeros: `count` ones begin `8 − count` words from its start. */
export const tailMask: Int32Array = Int32Array.from({ length: 16 }, (_, i) => (i < 8 ? -1 : 0));
export const tailMaskAt = (count: number): number => 4 * (8 - count);

/** Sets k1 to the first `count` bytes. Changes rcx. */
export function maskBytes({ asm, machine }: Elements, count: number): void {
  if (machine.bits !== 512 || count === 64) return;
  asm.mov(rcx, 2n ** BigInt(count) - 1n);
  asm.kmovq(k1, rcx);
}

/** Stores the first `count` bytes of a vector, on AVX-512 by k1 (see `maskBytes`). Changes `from`. */
export function storeBytes({ asm, machine }: Elements, to: Mem, from: Vmm, count: number): void {
  if (machine.bits === 512) asm.vmovdqu8(count === 64 ? to : to.mask(k1), from);
  else if (count === 32) asm.vmovdqu(to, from);
  else {
    const low = xmm(from.n);
    if (count >= 16) {
      asm.vmovdqu(to, low);
      asm.vextracti128(low, ymm(from.n), 1);
    }
    const rest = count % 16;
    const place = offset(to, count - rest);
    if (rest >= 8) {
      asm.vmovq(place, low);
      asm.vpsrldq(low, low, 8);
    }
    if (rest % 8 > 0) storePieces(asm, low.n, offset(place, rest - (rest % 8)), rest % 8);
  }
}
