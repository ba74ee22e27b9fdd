import type { Isa } from '../../native-kernel.ts';

/**
 * What an instruction set gives the generator. `dot` names how four u8 × s8 products are summed: by vpdpbusd, or
 * exactly with AVX2 by widening to 16 bits and vpmaddwd (vpmaddubsw would saturate). With vfmadd231ps the four bytes are
 * one float32.
 */
export type Target = {
  readonly isa: Isa;
  /** Width of a vector. */
  readonly bits: 256 | 512;
  readonly dot: 'vpdpbusd' | 'vpmaddwd' | 'vfmadd231ps';
  /** Output pixels that a register tile is high, at most; it is always up to two vectors wide. */
  readonly mr: number;
};

/** Best first. 8×32 reaches the limit of vpdpbusd; with 16 registers 6×16 (5×16 by vpmaddwd) is what fits. */
export const targets: readonly Target[] = [
  { isa: 'avx512_vnni', bits: 512, dot: 'vpdpbusd', mr: 8 },
  { isa: 'avx_vnni', bits: 256, dot: 'vpdpbusd', mr: 6 },
  { isa: 'avx2', bits: 256, dot: 'vpmaddwd', mr: 5 },
];

/** 32-bit elements in a vector. */
export const elements = ({ bits }: { readonly bits: number }): number => bits / 32;

/** Bytes of the weights of four input channels for one vector of output channels. */
export const stepBytes = ({ bits, dot }: Pick<Target, 'bits' | 'dot'>): number =>
  (bits / 8) * (dot === 'vpmaddwd' ? 2 : 1);

/**
 * Where packed weights of one vector and four input channels lie: channel `k` of element `element`, counted in values.
 * vpdpbusd takes the four as neighbouring bytes; vpmaddwd takes 16-bit pairs, those of the even channels (w0 w2) in one
 * vector and of the odd ones (w1 w3) in the next, since that is how a mask and a shift widen the activations.
 */
export function weightIndex(
  { bits, dot }: { readonly bits: number; readonly dot: Target['dot'] },
  element: number,
  k: number,
): number {
  return dot === 'vpdpbusd' ? 4 * element + k : (k & 1) * (bits / 16) + 2 * element + (k >> 1);
}

/** `bytes` from `offset` on as the values that `weightIndex` counts. */
export const weightValues = ({ dot }: Pick<Target, 'dot'>, packed: Uint8Array, offset: number, bytes: number) =>
  dot === 'vpdpbusd'
    ? new Int8Array(packed.buffer, packed.byteOffset + offset, bytes)
    : new Int16Array(packed.buffer, packed.byteOffset + offset, bytes / 2);
