import {
  type Assembler,
  dword,
  eax,
  ecx,
  edx,
  ptr,
  type R64,
  r8q,
  r9,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  r32,
  rax,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  type Vmm,
  vmm,
} from '../../../asm/x64/index.ts';
import { accessTo, bufferProblem } from '../../native/buffers.ts';
import { type Elements, maskTail, storeIntegers, tailMask, tailMaskAt } from '../../native/elements.ts';
import { type Machine, machines, vectorBytes } from '../../native/machine.ts';
import type { Buffer, NativeKernel, Step } from '../../native-kernel.ts';

/**
 * y = a·b of float32 matrices, both of them computed: rows are the buffers' w, columns their c, and there are n × h of them. A
 * batch of one (n or h) of a or b serves all. `transposed`: a is [k][m].
 */
export type ProductSpec = {
  /** n × h × m × k, or n × h × k × m. */
  readonly a: Buffer;
  /** n × h × k × c. */
  readonly b: Buffer;
  /** n × h × m × c. */
  readonly output: Buffer;
  readonly transposed: boolean;
};

/** Rows of a register tile, which is two vectors wide: its sums, two vectors of b and an element of a are all in registers. */
const rowsOf = ({ bits }: Machine): number => (bits === 512 ? 8 : 6);
const VECTORS = 2;

/** Multiply-adds of a claimable tile: some 20 µs. */
const WORK = 1e6;

type Sizes = { readonly m: number; readonly k: number; readonly c: number };
const sizesOf = ({ a, output, transposed }: ProductSpec): Sizes => ({
  m: output.shape.w,
  k: transposed ? a.shape.w : a.shape.c,
  c: output.shape.c,
});

/** Tiles are chunks of `tiles` register tiles of rows; the last chunk has `lastTiles`, and `rest` rows more. */
function planOf(spec: ProductSpec, machine: Machine) {
  const { m, k, c } = sizesOf(spec);
  const mr = rowsOf(machine);
  const tiles = Math.max(1, Math.min(Math.ceil(m / mr), Math.round(WORK / (mr * k * c))));
  const chunks = Math.ceil(m / (tiles * mr));
  const left = m - (chunks - 1) * tiles * mr;
  return { mr, tiles, chunks, lastTiles: Math.floor(left / mr), rest: left % mr };
}

function whyNot(spec: ProductSpec): string | undefined {
  const { a, b, output, transposed } = spec;
  for (const buffer of [a, b, output]) {
    if (buffer.type !== 'f32') return `a matrix of ${buffer.type}`;
    const problem = bufferProblem(buffer);
    if (problem !== undefined) return problem;
  }
  const { m, k, c } = sizesOf(spec);
  const isMatching = (transposed ? a.shape.c : a.shape.w) === m && b.shape.w === k && b.shape.c === c;
  const repeats = (of: Buffer): boolean =>
    (['n', 'h'] as const).every((x) => [1, output.shape[x]].includes(of.shape[x]));
  return isMatching && repeats(a) && repeats(b) ? undefined : 'shapes that do not fit';
}

const SAVED: readonly R64[] = [rbx, r12, r13, r14, r15];
/** Slots of the stack: register tiles of rows, whether there are rows behind them, panels of columns left. */
const [TILES, REST, PANELS] = [0, 4, 8];
const FRAME = 16;

type Code = {
  readonly asm: Assembler;
  readonly spec: ProductSpec;
  readonly machine: Machine;
  readonly elements: Elements;
};

/** For each panel of columns, for each register tile of rows, along k. r12, r13, r14: a, b and the output of the chunk. */
function emit(asm: Assembler, spec: ProductSpec, machine: Machine, constants: number): void {
  const tail = (count: number) => ptr(rsi, constants + tailMaskAt(count));
  const code: Code = { asm, spec, machine, elements: { asm, machine, tail } };
  for (const register of SAVED) asm.push(register);
  asm.sub(rsp, FRAME);
  locate(code);
  const panel = VECTORS * machine.lanes;
  const { c } = sizesOf(spec);
  const full = Math.floor(c / panel);
  if (full > 0) {
    const loop = asm.label('panel');
    asm.mov(dword(rsp, PANELS), full);
    asm.bind(loop);
    emitPanel(code, panel);
    asm.add(r13, 4 * panel);
    asm.add(r14, 4 * panel);
    asm.dec(dword(rsp, PANELS));
    asm.jnz(loop);
  }
  if (c % panel > 0) {
    maskTail(code.elements, c % machine.lanes || machine.lanes);
    emitPanel(code, c % panel);
  }
  asm.add(rsp, FRAME);
  for (const register of SAVED.toReversed()) asm.pop(register);
  asm.vzeroupper();
  asm.ret();
}

/** From the tile's number (rdx) to the matrices and the chunk of rows. */
function locate({ asm, spec, machine }: Code): void {
  const { a, b, output, transposed } = spec;
  const { mr, tiles, chunks, lastTiles, rest } = planOf(spec, machine);
  asm.mov(eax, edx);
  asm.xor(edx, edx);
  asm.mov(ecx, chunks);
  asm.div(ecx);
  // eax: matrix, edx: chunk.
  const begin = (pointer: R64, { offset }: Buffer, perChunk: number): void => {
    asm.lea(pointer, ptr(rdi, offset));
    asm.imul(rcx, rdx, perChunk);
    asm.add(pointer, rcx);
  };
  begin(r12, a, tiles * mr * (transposed ? 4 : a.stride.w));
  asm.lea(r13, ptr(rdi, b.offset));
  begin(r14, output, tiles * mr * output.stride.w);
  const [middle, known] = [asm.label('middle'), asm.label('known')];
  asm.cmp(edx, chunks - 1);
  asm.jne(middle);
  asm.mov(dword(rsp, TILES), lastTiles);
  asm.mov(dword(rsp, REST), rest > 0 ? 1 : 0);
  asm.jmp(known);
  asm.bind(middle);
  asm.mov(dword(rsp, TILES), tiles);
  asm.mov(dword(rsp, REST), 0);
  asm.bind(known);
  asm.xor(edx, edx);
  asm.mov(ecx, output.shape.h);
  asm.div(ecx);
  for (const [pointer, buffer] of [
    [r12, a],
    [r13, b],
    [r14, output],
  ] as const)
    for (const [index, axis] of [
      [rax, 'n'],
      [rdx, 'h'],
    ] as const) {
      if (buffer.shape[axis] === 1) continue;
      asm.imul(rcx, index, buffer.stride[axis]);
      asm.add(pointer, rcx);
    }
}

function emitPanel(code: Code, width: number): void {
  const { asm, spec, machine } = code;
  const { mr, rest } = planOf(spec, machine);
  const [loop, behind, done] = [asm.label('rows'), asm.label('behind'), asm.label('done')];
  const rowStep = spec.transposed ? 4 : spec.a.stride.w;
  asm.mov(r8q, r12);
  asm.mov(r10, r14);
  asm.mov(r32(rbx), dword(rsp, TILES));
  asm.test(r32(rbx), r32(rbx));
  asm.jz(behind);
  asm.bind(loop);
  emitTile(code, mr, width);
  asm.add(r8q, mr * rowStep);
  asm.add(r10, mr * spec.output.stride.w);
  asm.dec(r32(rbx));
  asm.jnz(loop);
  asm.bind(behind);
  if (rest === 0) return;
  asm.cmp(dword(rsp, REST), 0);
  asm.je(done);
  emitTile(code, rest, width);
  asm.bind(done);
}

/** `rows` × `width` elements of the output at r10, from the rows of a at r8 and the panel of b at r13. */
function emitTile({ asm, spec, machine, elements }: Code, rows: number, width: number): void {
  const { a, b, output, transposed } = spec;
  const [rowStep, depthStep] = transposed ? [4, a.stride.w] : [a.stride.w, 4];
  const v = vmm(machine.bits);
  const vectors = Math.ceil(width / machine.lanes);
  const bytes = vectorBytes(machine);
  const sum = (row: number, vector: number): Vmm => v(row * vectors + vector);
  const [element, spare] = [v(machine.registers - 1), v(machine.registers - 1)];
  const right = (vector: number): Vmm => v(machine.registers - 2 - vector);
  for (let i = 0; i < rows * vectors; i++) {
    if (machine.bits === 512) asm.vpxord(v(i), v(i), v(i));
    else asm.vpxor(v(i), v(i), v(i));
  }
  asm.mov(r11, r8q);
  asm.mov(r9, r13);
  asm.mov(eax, sizesOf(spec).k);
  const loop = asm.label('depth');
  asm.bind(loop);
  for (let vector = 0; vector < vectors; vector++) asm.vmovups(right(vector), ptr(r9, vector * bytes));
  for (let row = 0; row < rows; row++) {
    asm.vbroadcastss(element, ptr(r11, row * rowStep));
    for (let vector = 0; vector < vectors; vector++) asm.vfmadd231ps(sum(row, vector), element, right(vector));
  }
  asm.add(r9, b.stride.w);
  asm.add(r11, depthStep);
  asm.dec(eax);
  asm.jnz(loop);
  for (let row = 0; row < rows; row++)
    for (let vector = 0; vector < vectors; vector++) {
      const count = Math.min(machine.lanes, width - vector * machine.lanes);
      const to = ptr(r10, row * output.stride.w + vector * bytes);
      storeIntegers(elements, 'f32', to, sum(row, vector), count, spare);
    }
}

function step(spec: ProductSpec, machine: Machine, constants: number): Step {
  const { a, b, output } = spec;
  const { m, k, c } = sizesOf(spec);
  const matrices = output.shape.n * output.shape.h;
  // Whole vectors are read, also of the last columns.
  const over = 4 * (Math.ceil(c / machine.lanes) * machine.lanes - c);
  const right = accessTo(b, 'read');
  return {
    name: `product ${m} × ${k} × ${c}`,
    tiles: matrices * planOf(spec, machine).chunks,
    macs: matrices * m * k * c,
    accesses: [
      accessTo(a, 'read'),
      { ...right, end: right.end + over },
      accessTo(output, 'write'),
      { base: 'constants', mode: 'read', begin: constants, end: constants + tailMask.byteLength },
    ],
    emit: (asm) => emit(asm, spec, machine, constants),
  };
}

const kernel = (machine: Machine): NativeKernel<ProductSpec> => ({
  name: `product f32 ${machine.isa}`,
  isa: machine.isa,
  whyNot,
  pack: () => new Uint8Array(tailMask.slice().buffer),
  step: (spec, constants) => step(spec, machine, constants),
});

/** Products of matrices that are both computed, best first. */
export const productKernels: readonly NativeKernel<ProductSpec>[] = machines.map(kernel);
