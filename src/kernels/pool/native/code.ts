import {
  type Assembler,
  eax,
  ebx,
  type Mem,
  r8q,
  r9,
  r10d,
  r11d,
  r12d,
  rbp,
  rcx,
  rdi,
  rdx,
  type Vmm,
} from '../../../asm/x64/index.ts';
import type { Machine } from '../../native/machine.ts';
import type { Layout } from './layout.ts';
import type { PoolSpec } from './spec.ts';

export type PoolCode = {
  readonly asm: Assembler;
  readonly spec: PoolSpec;
  readonly machine: Machine;
  readonly layout: Layout;
  readonly constants: number;
};

/** The block's first channel in the picture's first row, and in the current output row. */
export const [PICTURE, ROW_OUT] = [r8q, r9];
/** The current output row, and how many are left. */
export const [Y, ROWS_LEFT] = [r10d, r11d];
/** The window: its first row inside of the picture, how many; the current pixel's first tap and output. */
export const [TOP, WINDOW_ROWS, IN, OUT] = [rcx, eax, rdi, rdx];
/** Pixels left of a group; the current row of the window, and rows left of it. */
export const [PIXELS_LEFT, TAPS, TAP_ROWS] = [ebx, rbp, r12d];

/** Takes a tap into a sum or extreme; `spare` is changed. */
export function folding({ asm, spec: { input, reduce } }: PoolCode, spare: Vmm): (to: Vmm, from: Mem) => void {
  if (reduce.kind === 'max') {
    if (input.type === 'u8') return (to, from) => asm.vpmaxub(to, to, from);
    if (input.type === 's8') return (to, from) => asm.vpmaxsb(to, to, from);
    // NaN never wins: where either is one the result is the second operand.
    return (to, from) => {
      asm.vmovups(spare, from);
      asm.vmaxps(to, spare, to);
    };
  }
  if (input.type === 'f32') return (to, from) => asm.vaddps(to, to, from);
  return (to, from) => {
    if (input.type === 'u8') asm.vpmovzxbd(spare, from);
    else asm.vpmovsxbd(spare, from);
    asm.vpaddd(to, to, spare);
  };
}
