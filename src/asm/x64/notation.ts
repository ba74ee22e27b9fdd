/**
 * The notation of the tables, and the parameter types that follow from it. It is that of the instruction pages of
 * Intel's manual (Software Developer's Manual, volume 2), with these additions:
 *
 * - An encoding whose vector length reads `V` (`EVEX.V.66...`, `VEX.V.66...`) stands for one row for each of 128, 256
 *   and, for EVEX, 512. In its operands `V` is a register of that length and `M` memory of that size; `Vh Vq Ve` and
 *   `Mh Mq Me` are a half, a quarter and an eighth of it (registers: never less than xmm).
 * - `{k}` may be masked, `{k}{z}` also with zeroing, `{k1}` must be masked. `b32`, `b64`: embedded broadcast.
 * - `m64` takes memory of unstated size, `qword` wants `qword(...)`: for rows that only the size tells apart.
 * - `imm8`, `imm16` and `imm32` are the operand's own width;
 *   `imm8s` and `imm32s` are immediates that the instruction extends with their sign.
 */
import type { Label, Shaped } from './operand.ts';
import type { VectorShape } from './registers.ts';

export type Feature =
  | 'base'
  | 'popcnt'
  | 'bmi1'
  | 'bmi2'
  | 'avx'
  | 'avx2'
  | 'fma'
  | 'f16c'
  | 'avx_vnni'
  | 'avx512f'
  | 'avx512bw'
  | 'avx512dq'
  | 'avx512vl'
  | 'avx512_vnni'
  | 'avx512vbmi';

/**
 * Operands, encoding, and the processor's feature that the instruction needs (as Linux names it). AVX512VL is added by
 * the parser where a form is shorter than 512 bits; `avx2` also stands for 128-bit forms that AVX alone would do for.
 */
export type Row = readonly [operands: string, encoding: string, needs?: Feature];
export type Table = Readonly<Record<string, readonly Row[]>>;

type Half = { zmm: 'ymm'; ymm: 'xmm'; xmm: 'xmm'; vmm: 'xmm' | 'ymm' | 'vmm' };
type Quarter = { zmm: 'xmm'; ymm: 'xmm'; xmm: 'xmm'; vmm: 'xmm' | 'vmm' };

type Size = { 8: 'byte'; 16: 'word'; 32: 'dword'; 64: 'qword' };
type Sized<N extends string> = N extends `${infer B extends keyof Size}` ? 'mem' | Size[B] : 'mem';

/** The shapes that one alternative of an operand takes. */
type Alternative<T extends string, L extends VectorShape> = T extends 'V'
  ? L
  : T extends 'Vh'
    ? Half[L]
    : T extends 'Vq' | 'Ve'
      ? Quarter[L]
      : T extends 'm' | 'M' | 'Mh' | 'Mq' | 'Me'
        ? 'mem'
        : T extends `vm${string}V`
          ? `vsib ${L}`
          : T extends `vm${string}x`
            ? 'vsib xmm'
            : T extends `vm${string}y`
              ? 'vsib ymm'
              : T extends `m${infer N}`
                ? Sized<N>
                : T;

type Alternatives<T extends string, L extends VectorShape> = T extends `r/m${infer N}`
  ? `r${N}` | Sized<N>
  : T extends `${infer A}/${infer B}`
    ? Alternative<A, L> | Alternatives<B, L>
    : Alternative<T, L>;

type Masked<S extends string> = S extends 'mem' ? 'mem{k}' : `${S}{k}`;
type Zeroed<S extends string> = S extends VectorShape ? `${S}{z}` : never;

type OperandShapes<T extends string, L extends VectorShape> = T extends `${infer A}{k}{z}`
  ? Alternatives<A, L> | Masked<Alternatives<A, L>> | Zeroed<Alternatives<A, L>>
  : T extends `${infer A}{k1}`
    ? Masked<Alternatives<A, L>>
    : T extends `${infer A}{k}`
      ? Alternatives<A, L> | Masked<Alternatives<A, L>>
      : Alternatives<T, L>;

type Parameter<T extends string, L extends VectorShape> = T extends 'imm8' | 'imm8s' | 'imm16' | 'imm32' | 'imm32s'
  ? number
  : T extends 'imm64'
    ? number | bigint
    : T extends 'rel8' | 'rel32'
      ? Label
      : Shaped<OperandShapes<T, L>>;

type Parameters<S extends string, L extends VectorShape> = S extends ''
  ? []
  : S extends `${infer H}, ${infer T}`
    ? [Parameter<H, L>, ...Parameters<T, L>]
    : [Parameter<S, L>];

type RowParameters<R extends Row> = R[1] extends `EVEX.V.${string}`
  ? Parameters<R[0], 'zmm'> | Parameters<R[0], 'ymm'> | Parameters<R[0], 'xmm'> | Parameters<R[0], 'vmm'>
  : R[1] extends `VEX.V.${string}`
    ? Parameters<R[0], 'ymm'> | Parameters<R[0], 'xmm'> | Parameters<R[0], 'vmm'>
    : Parameters<R[0], 'vmm'>;

type Distribute<R extends Row> = R extends Row ? RowParameters<R> : never;

/** The methods that a table gives: an instruction each, its parameters being what any of its rows takes. */
export type Methods<T extends Table> = { readonly [M in keyof T]: (...operands: Distribute<T[M][number]>) => void };
