import { Code, HIGH, MASKED, ZEROED } from './codes.ts';
import { AssemblerError } from './error.ts';
import type { Operand } from './operand.ts';

export type R8 = Operand<'r8'>;
export type R16 = Operand<'r16'>;
export type R32 = Operand<'r32'>;
export type R64 = Operand<'r64'>;

export type VectorShape = 'xmm' | 'ymm' | 'zmm' | 'vmm';

/** A vector register. `.mask(k1)` keeps the elements that k1 leaves out, `.maskz(k1)` makes them zero (both EVEX only). */
export interface Vector<S extends VectorShape> extends Operand<S> {
  mask(k: K): Operand<`${S}{k}`>;
  maskz(k: K): Operand<`${S}{z}`>;
}
export type Xmm = Vector<'xmm'>;
export type Ymm = Vector<'ymm'>;
export type Zmm = Vector<'zmm'>;
/** A vector register whose width is only known when the generator runs: for kernels that serve several widths. */
export type Vmm = Vector<'vmm'>;

/** A mask register; `.mask(k2)` is for the result of a comparison of which only the elements in k2 count. */
export interface K extends Operand<'k'> {
  mask(k: K): Operand<'k{k}'>;
}

const NAMES = ['ax', 'cx', 'dx', 'bx', 'sp', 'bp', 'si', 'di'];
const range = (length: number): number[] => Array.from({ length }, (_, i) => i);

function register<S extends string>(code: number, n: number, name: string, k = 0, z = 0): Operand<S> {
  return { code, n, k, z, base: -1, index: -1, ss: 0, disp: 0, name };
}

function general<S extends string>(code: number, low: (name: string) => string, suffix: string): Operand<S>[] {
  return range(16).map((n) => register(code, n, n < 8 ? low(NAMES[n]!) : `r${n}${suffix}`));
}

const byteName = (name: string): string => (name.endsWith('x') ? `${name[0]}l` : `${name}l`);
const R8S = general<'r8'>(Code.r8, byteName, 'b');
const R16S = general<'r16'>(Code.r16, (name) => name, 'w');
const R32S = general<'r32'>(Code.r32, (name) => `e${name}`, 'd');
const R64S = general<'r64'>(Code.r64, (name) => `r${name}`, '');

/** Masked views are made once for each mask register: kernels ask for the same ones over and over. */
function masked<S extends string>(code: number, n: number, name: string, z: number): (k: K) => Operand<S> {
  const made: Operand<S>[] = [];
  return (k) => {
    if (k.n === 0) throw new AssemblerError(`${name}: k0 means "no mask" and can't be one`);
    made[k.n] ??= register<S>(code, n, name, k.n, z);
    return made[k.n]!;
  };
}

function vectors<S extends VectorShape>(code: number, prefix: S): Vector<S>[] {
  return range(32).map((n) => {
    const name = `${prefix}${n}`;
    return {
      ...register<S>(n < 16 ? code : code + HIGH, n, name),
      mask: masked<`${S}{k}`>(code + MASKED, n, name, 0),
      maskz: masked<`${S}{z}`>(code + ZEROED, n, name, 1),
    };
  });
}

const XMMS = vectors(Code.xmm, 'xmm');
const YMMS = vectors(Code.ymm, 'ymm');
const ZMMS = vectors(Code.zmm, 'zmm');
const KS: K[] = range(8).map((n) => ({
  ...register<'k'>(Code.k, n, `k${n}`),
  mask: masked<'k{k}'>(Code.kMasked, n, `k${n}`, 0),
}));

function pick<T>(file: readonly T[], which: number | Operand, kind: string): T {
  const n = typeof which === 'number' ? which : which.n;
  const found = file[n];
  if (found === undefined) throw new AssemblerError(`there is no ${kind} register ${n} (0 to ${file.length - 1})`);
  return found;
}

/** Registers by number, or the view of another register's low part: `r32(rax)` is eax, `xmm(zmm(3))` is xmm3. */
export const r8 = (which: number | R16 | R32 | R64): R8 => pick(R8S, which, '8-bit');
export const r16 = (which: number | R8 | R32 | R64): R16 => pick(R16S, which, '16-bit');
export const r32 = (which: number | R8 | R16 | R64): R32 => pick(R32S, which, '32-bit');
export const r64 = (which: number | R8 | R16 | R32): R64 => pick(R64S, which, '64-bit');
type AnyVector = Xmm | Ymm | Zmm | Vmm;
export const xmm = (which: number | AnyVector): Xmm => pick(XMMS, which, 'xmm');
export const ymm = (which: number | AnyVector): Ymm => pick(YMMS, which, 'ymm');
export const zmm = (which: number | AnyVector): Zmm => pick(ZMMS, which, 'zmm');
export const k = (n: number): K => pick(KS, n, 'mask');

/** The register file of a width in bits, for kernels that serve several: `const v = vmm(512); v(3)` is zmm3. */
export function vmm(bits: 128 | 256 | 512): (which: number | AnyVector) => Vmm {
  const file: readonly unknown[] = bits === 512 ? ZMMS : bits === 256 ? YMMS : XMMS;
  return (which) => pick(file, which, `${bits}-bit vector`) as Vmm;
}

type Sixteen<T> = [T, T, T, T, T, T, T, T, T, T, T, T, T, T, T, T];
export const [rax, rcx, rdx, rbx, rsp, rbp, rsi, rdi, r8q, r9, r10, r11, r12, r13, r14, r15] = R64S as Sixteen<R64>;
export const [eax, ecx, edx, ebx, esp, ebp, esi, edi, r8d, r9d, r10d, r11d, r12d, r13d, r14d, r15d] =
  R32S as Sixteen<R32>;
export const [al, cl, dl, bl] = R8S as Sixteen<R8>;
export const [k0, k1, k2, k3, k4, k5, k6, k7] = KS as [K, K, K, K, K, K, K, K];
