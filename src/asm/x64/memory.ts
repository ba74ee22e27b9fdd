import { Code } from './codes.ts';
import { AssemblerError } from './error.ts';
import type { Operand } from './operand.ts';
import type { R64, Vector, VectorShape } from './registers.ts';

/** A memory operand. `.mask(k1)` reads or writes only the elements in k1. */
export interface Mem<S extends string = 'mem'> extends Operand<S> {
  mask(k: Operand<'k'>): Operand<'mem{k}'>;
}
export type Byte = Mem<'byte'>;
export type Word = Mem<'word'>;
export type Dword = Mem<'dword'>;
export type Qword = Mem<'qword'>;
/** Memory of which one element is read and repeated over the whole vector. */
export type Broadcast<S extends 'b32' | 'b64'> = Operand<S>;
/** The addresses of a gather: one for each element of the index vector. */
export type Vsib<S extends VectorShape> = Operand<`vsib ${S}`>;

/** Address = base + index * scale + disp; scale is 1 unless given, disp (in bytes) is 0. */
export interface Address<I = R64> {
  readonly index?: I;
  readonly scale?: 1 | 2 | 4 | 8;
  readonly disp?: number;
}
type Place = number | Address;

const SS = new Map([
  [1, 0],
  [2, 1],
  [4, 2],
  [8, 3],
]);

interface Fields {
  readonly base: number;
  readonly index: number;
  readonly ss: number;
  readonly disp: number;
}

const made = <S extends string>(code: number, f: Fields, mask = 0): Operand<S> => ({
  code,
  n: 0,
  k: mask,
  z: 0,
  base: f.base,
  index: f.index,
  ss: f.ss,
  disp: f.disp,
  name: '',
});

function sized<S extends string>(code: number, base: R64 | null, place: Place): Mem<S> {
  const where = typeof place === 'number' ? undefined : place;
  const disp = typeof place === 'number' ? place : (place.disp ?? 0);
  if (disp !== (disp | 0)) throw new AssemblerError(`displacement ${disp} is not a 32-bit integer`);
  const index = where?.index;
  if (index?.code === Code.r64 && index.n === 4) throw new AssemblerError('rsp can’t be an index register');
  const ss = SS.get(where?.scale ?? 1);
  if (ss === undefined) throw new AssemblerError(`scale ${where?.scale} is not 1, 2, 4 or 8`);
  return {
    code,
    n: 0,
    k: 0,
    z: 0,
    base: base === null ? -1 : base.n,
    index: index === undefined ? -1 : index.n,
    ss,
    disp,
    name: '',
    mask: maskMemory,
  };
}

function maskMemory(this: Fields, k: Operand<'k'>): Operand<'mem{k}'> {
  if (k.n === 0) throw new AssemblerError('k0 means "no mask" and can’t be one');
  return made(Code.memMasked, this, k.n);
}

/**
 * Memory of the size that the instruction implies; `base` may be null. An `index` that is a vector register makes
 * the operand of a gather.
 * @throws AssemblerError when disp is not an int32 or the index is rsp
 */
export function ptr<S extends VectorShape>(base: R64 | null, place: Address<Vector<S>> & { index: Vector<S> }): Vsib<S>;
export function ptr(base: R64 | null, place?: Place): Mem;
export function ptr(base: R64 | null, place: Place | Address<Vector<VectorShape>> = 0): Operand {
  const index = typeof place === 'number' ? undefined : place.index;
  if (index === undefined || index.code === Code.r64) return sized(Code.mem, base, place as Place);
  const vsib = index.code < Code.ymm ? Code.vsibX : index.code < Code.zmm ? Code.vsibY : Code.vsibZ;
  return sized(vsib, base, place as Place);
}

/** Memory of a stated size, where the instruction alone leaves it open: `inc(dword(rax))`, `movzx(eax, byte(rsi))`. */
export const byte = (base: R64 | null, place: Place = 0): Byte => sized(Code.byte, base, place);
export const word = (base: R64 | null, place: Place = 0): Word => sized(Code.word, base, place);
export const dword = (base: R64 | null, place: Place = 0): Dword => sized(Code.dword, base, place);
export const qword = (base: R64 | null, place: Place = 0): Qword => sized(Code.qword, base, place);

/** One 32-bit (64-bit) element at `memory`, repeated over the whole vector (EVEX only). */
export const bcast32 = (memory: Mem): Broadcast<'b32'> => made(Code.b32, memory);
export const bcast64 = (memory: Mem): Broadcast<'b64'> => made(Code.b64, memory);

/** The same memory operand, `bytes` further on. */
export function offset<S extends string>(memory: Mem<S>, bytes: number): Mem<S> {
  const disp = memory.disp + bytes;
  if (disp !== (disp | 0)) throw new AssemblerError(`displacement ${disp} is not a 32-bit integer`);
  return { ...memory, disp };
}
