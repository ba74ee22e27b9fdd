import type { Isa } from '../native-kernel.ts';

/** What the generators of float and byte-wise kernels need to know of an instruction set. */
export type Machine = {
  readonly isa: Isa;
  readonly bits: 256 | 512;
  /** 32-bit elements in a vector. */
  readonly lanes: 8 | 16;
  /** Vector registers. */
  readonly registers: 16 | 32;
};

/** Best first. What has avx_vnni runs the avx2 kernels: for floats there is nothing in between. */
export const machines: readonly Machine[] = [
  { isa: 'avx512_vnni', bits: 512, lanes: 16, registers: 32 },
  { isa: 'avx2', bits: 256, lanes: 8, registers: 16 },
];

export const vectorBytes = ({ bits }: Machine): number => bits / 8;
