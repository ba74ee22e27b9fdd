import {
  type Assembler,
  k1,
  k2,
  type Mem,
  ptr,
  r8q,
  r9,
  rax,
  rcx,
  rdi,
  rdx,
  rsi,
  vmm,
  ymm,
  zmm,
} from '../../../asm/x64/index.ts';
import { accessTo, bufferProblem, sameSizes } from '../../native/buffers.ts';
import { type Elements, maskBytes, storeBytes } from '../../native/elements.ts';
import { type Machine, machines, vectorBytes } from '../../native/machine.ts';
import { emitRun, emitWalk, MOST_LOOPS, type Operand, type Walk, walkOf } from '../../native/walk.ts';
import type { Buffer, NativeKernel, Step } from '../../native-kernel.ts';

/** y = entries[x mod 256]: any function of 8-bit codes. Buffers of u8 or s8 of one shape. */
export type TableSpec = {
  readonly input: Buffer;
  readonly output: Buffer;
  /** 256 results by the code's byte, as bytes. */
  readonly entries: Uint8Array;
};

/** Vectors in the constants behind the table: what AVX-512 masks words with. */
const at = { lowBytes: 256, highBit: 320, eight: 384 } as const;
const BYTES = 16 * 32 + 16 * 32 + 32;

/**
 * AVX-512: the table as it is, then words of 0x00ff, 0x0080 and 8. AVX2: sixteen rows of sixteen entries, each twice, the
 * high nibbles that they belong to, and 0x70.
 */
function pack({ entries }: TableSpec, machine: Machine): Uint8Array {
  const packed = new Uint8Array(BYTES);
  if (machine.bits === 512) {
    packed.set(entries);
    const words = new Uint16Array(packed.buffer);
    words.fill(0x00ff, at.lowBytes / 2, at.lowBytes / 2 + 32);
    words.fill(0x0080, at.highBit / 2, at.highBit / 2 + 32);
    words.fill(8, at.eight / 2, at.eight / 2 + 32);
    return packed;
  }
  for (let row = 0; row < 16; row++) {
    const sixteen = entries.subarray(16 * row, 16 * row + 16);
    packed.set(sixteen, 32 * row);
    packed.set(sixteen, 32 * row + 16);
    packed.fill(16 * row, 512 + 32 * row, 512 + 32 * row + 32);
  }
  packed.fill(0x70, 1024, 1056);
  return packed;
}

const isByte = ({ type }: Buffer): boolean => type === 'u8' || type === 's8';

function walk({ input, output }: TableSpec, machine: Machine): Walk {
  const { n, h, w, c } = output.shape;
  const operands = [input, output].map(
    (buffer): Operand => ({
      base: 'arena',
      offset: buffer.offset,
      strides: [buffer.stride.n, buffer.stride.h, buffer.stride.w, 1],
      size: 1,
    }),
  );
  return walkOf([n, h, w, c], operands, vectorBytes(machine));
}

function whyNot(spec: TableSpec): string | undefined {
  const { input, output, entries } = spec;
  if (!isByte(input) || !isByte(output)) return `${input.type} to ${output.type}`;
  if (entries.length !== 256) return `${entries.length} entries`;
  if (!sameSizes(input.shape, output.shape)) return 'shapes that differ';
  const problem = bufferProblem(input) ?? bufferProblem(output);
  if (problem !== undefined) return problem;
  return walk(spec, machines[1]!).outer.length > MOST_LOOPS ? 'too many loops' : undefined;
}

/** A function that leaves the entries of the bytes at `from` in register 0. */
type Lookup = (from: Mem, count: number) => void;

/**
 * vpermi2w looks words up in 128 bytes; twice for both halves of the table, chosen by the code's highest bit; its lowest bit
 * says which byte of the word it is. Even and odd bytes of the input one after the other.
 */
function lookUp512(asm: Assembler, constants: number): Lookup {
  const z = zmm;
  const tables = [28, 29, 30, 31] as const;
  for (const [i, n] of tables.entries()) asm.vmovdqu64(z(n), ptr(rsi, constants + 64 * i));
  const [lowBytes, highBit, eight] = [z(27), z(26), z(25)];
  asm.vmovdqu64(lowBytes, ptr(rsi, constants + at.lowBytes));
  asm.vmovdqu64(highBit, ptr(rsi, constants + at.highBit));
  asm.vmovdqu64(eight, ptr(rsi, constants + at.eight));
  const half = (code: number, to: number, other: number): void => {
    asm.vpsrlw(z(to), z(code), 1);
    asm.vmovdqa64(z(other), z(to));
    asm.vpermi2w(z(to), z(28), z(29));
    asm.vptestmw(k2, z(code), highBit);
    asm.vpermi2w(z(other), z(30), z(31));
    asm.vmovdqu16(z(to).mask(k2), z(other));
    asm.vpsllw(z(other), z(code), 3);
    asm.vpandd(z(other), z(other), eight);
    asm.vpsrlvw(z(to), z(to), z(other));
  };
  return (from, count) => {
    asm.vmovdqu8(count === 64 ? z(1) : z(1).maskz(k1), from);
    asm.vpandd(z(2), z(1), lowBytes);
    asm.vpsrlw(z(1), z(1), 8);
    half(2, 0, 3);
    half(1, 4, 5);
    asm.vpandd(z(0), z(0), lowBytes);
    asm.vpsllw(z(4), z(4), 8);
    asm.vpord(z(0), z(0), z(4));
  };
}

/** vpshufb looks up in sixteen bytes; codes of another row get their highest bit set, which gives zero. */
function lookUp256(asm: Assembler, constants: number): Lookup {
  const y = ymm;
  const [result, code, index, row, high] = [y(0), y(1), y(2), y(3), y(15)];
  asm.vmovdqu(high, ptr(rsi, constants + 1024));
  return (from) => {
    asm.vmovdqu(code, from);
    for (let i = 0; i < 16; i++) {
      asm.vmovdqu(row, ptr(rsi, constants + 32 * i));
      asm.vpxor(index, code, ptr(rsi, constants + 512 + 32 * i));
      asm.vpaddusb(index, index, high);
      if (i === 0) asm.vpshufb(result, row, index);
      else {
        asm.vpshufb(row, row, index);
        asm.vpor(result, result, row);
      }
    }
  };
}

function emit(asm: Assembler, spec: TableSpec, machine: Machine, constants: number): void {
  const elements: Elements = { asm, machine, tail: () => ptr(rsi) };
  const lookUp = machine.bits === 512 ? lookUp512(asm, constants) : lookUp256(asm, constants);
  const lanes = vectorBytes(machine);
  const pointers = [r8q, r9];
  const vector = (first: number, count: number, isIndexed: boolean): void => {
    const place = (i: number): Mem => ptr(pointers[i]!, isIndexed ? { index: rcx, disp: first } : first);
    lookUp(place(0), count);
    storeBytes(elements, place(1), vmm(machine.bits)(0), count);
  };
  emitWalk(asm, walk(spec, machine), pointers, [rdx, rdi, rax], (count) =>
    emitRun(asm, { count, lanes, unroll: 1, vector, mask: (rest) => maskBytes(elements, rest) }),
  );
  asm.vzeroupper();
  asm.ret();
}

function step(spec: TableSpec, machine: Machine, constants: number): Step {
  const input = accessTo(spec.input, 'read');
  return {
    name: 'table',
    tiles: walk(spec, machine).tiles,
    macs: 0,
    accesses: [
      // AVX2 reads whole vectors.
      { ...input, end: input.end + (machine.bits === 256 ? 31 : 0) },
      accessTo(spec.output, 'write'),
      { base: 'constants', mode: 'read', begin: constants, end: constants + BYTES },
    ],
    emit: (asm) => emit(asm, spec, machine, constants),
  };
}

const kernel = (machine: Machine): NativeKernel<TableSpec> => ({
  name: `table ${machine.isa}`,
  isa: machine.isa,
  whyNot,
  pack: (spec) => pack(spec, machine),
  step: (spec, constants) => step(spec, machine, constants),
});

/** Functions of 8-bit codes by table, best first. */
export const tableKernels: readonly NativeKernel<TableSpec>[] = machines.map(kernel);
