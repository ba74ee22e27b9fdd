import {
  type Assembler,
  dword,
  eax,
  ecx,
  edx,
  type Mem,
  ptr,
  type R64,
  r8q,
  r9,
  r10,
  r11,
  r11d,
  r12,
  r12d,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  vmm,
} from '../../../asm/x64/index.ts';
import { accessTo, bufferProblem } from '../../native/buffers.ts';
import { type Elements, loadReals, maskTail, storeIntegers, tailMask, tailMaskAt } from '../../native/elements.ts';
import { type Machine, machines } from '../../native/machine.ts';
import type { Buffer, NativeKernel, Step } from '../../native-kernel.ts';

/** For each output pixel of an axis the two input pixels it lies between, and its distance from the first. */
export type Taps = { readonly lower: Int32Array; readonly upper: Int32Array; readonly share: Float32Array };

/**
 * Pictures of another size, in float32: y = t + (b − t)·share_y with t and b interpolated likewise along the rows,
 * each operation rounded. With both pixels the same this picks the nearest.
 */
export type ResizeSpec = {
  readonly input: Buffer;
  readonly output: Buffer;
  readonly rows: Taps;
  readonly columns: Taps;
};

/** Pixels as they are: an infinite one would be no number after interpolation with itself. */
const isNearest = ({ rows, columns }: ResizeSpec): boolean =>
  [rows, columns].every(({ lower, upper, share }) => lower.every((i, at) => i === upper[at] && share[at] === 0));

/** Each vector of a pixel is straight-line code. */
const MOST_CHANNELS = 2048;

const fits = ({ lower, upper, share }: Taps, output: number, input: number): boolean =>
  [lower, upper, share].every((list) => list.length === output) &&
  [lower, upper].every((list) => list.every((i) => i >= 0 && i < input));

function whyNot({ input, output, rows, columns }: ResizeSpec): string | undefined {
  if (input.type !== 'f32' || output.type !== 'f32') return `${input.type} to ${output.type}`;
  if (input.shape.n !== output.shape.n || input.shape.c !== output.shape.c) return 'shapes that do not fit';
  if (input.shape.c > MOST_CHANNELS) return `${input.shape.c} channels`;
  // What the table says is what the code reads.
  if (!fits(rows, output.shape.h, input.shape.h)) return 'rows outside of the picture';
  if (!fits(columns, output.shape.w, input.shape.w)) return 'columns outside of the picture';
  return bufferProblem(input) ?? bufferProblem(output);
}

/** A tap's entry in the constants: bytes to the two pixels, and the share. Rows first, columns behind them, then masks. */
const ENTRY = 12;
const layoutOf = ({ output: { shape } }: ResizeSpec) => {
  const columns = shape.h * ENTRY;
  const tail = columns + shape.w * ENTRY;
  return { columns, tail, bytes: tail + tailMask.byteLength };
};

function pack(spec: ResizeSpec): Uint8Array {
  const layout = layoutOf(spec);
  const packed = new Uint8Array(layout.bytes);
  const view = new DataView(packed.buffer);
  const put = ({ lower, upper, share }: Taps, stride: number, at: number): void =>
    lower.forEach((first, i) => {
      view.setInt32(at + i * ENTRY, first * stride, true);
      view.setInt32(at + i * ENTRY + 4, upper[i]! * stride, true);
      view.setFloat32(at + i * ENTRY + 8, share[i]!, true);
    });
  put(spec.rows, spec.input.stride.h, 0);
  put(spec.columns, spec.input.stride.w, layout.columns);
  tailMask.forEach((word, i) => {
    view.setInt32(layout.tail + 4 * i, word, true);
  });
  return packed;
}

/** The picture; its two rows; the output pixel; the current column's entry; rows and columns left; the row's entry. */
const [PICTURE, ABOVE, BELOW, OUT, COLUMN, ROWS_LEFT, COLUMNS_LEFT, ROW] = [r8q, r9, r10, rdi, rbx, r11d, r12d, rbp];
const SAVED: readonly R64[] = [rbx, rbp, r12];

const rowsOfTile = ({ output: { shape } }: ResizeSpec): number =>
  Math.min(shape.h, Math.max(1, Math.floor(8192 / (shape.w * shape.c))));

function emit(asm: Assembler, spec: ResizeSpec, machine: Machine, constants: number): void {
  const { output } = spec;
  const layout = layoutOf(spec);
  const elements: Elements = { asm, machine, tail: (n) => ptr(rsi, constants + layout.tail + tailMaskAt(n)) };
  for (const register of SAVED) asm.push(register);
  locate(asm, spec, constants);
  maskTail(elements, output.shape.c % machine.lanes || machine.lanes);
  const v = vmm(machine.bits);
  const [shareX, shareY] = [v(14), v(15)];
  const [row, column] = [asm.label('row'), asm.label('column')];
  asm.bind(row);
  for (const [to, at] of [
    [ABOVE, 0],
    [BELOW, 4],
  ] as const) {
    asm.movsxd(to, dword(ROW, at));
    asm.add(to, PICTURE);
  }
  asm.vbroadcastss(shareY, ptr(ROW, 8));
  asm.lea(COLUMN, ptr(rsi, constants + layout.columns));
  asm.mov(COLUMNS_LEFT, output.shape.w);
  asm.bind(column);
  asm.movsxd(rax, dword(COLUMN, 0));
  asm.movsxd(rdx, dword(COLUMN, 4));
  asm.vbroadcastss(shareX, ptr(COLUMN, 8));
  for (let first = 0; first < output.shape.c; first += machine.lanes) {
    const count = Math.min(machine.lanes, output.shape.c - first);
    const [above, below, right, spare] = [v(0), v(1), v(2), v(3)];
    for (const [to, line] of [
      [above, ABOVE],
      [below, BELOW],
    ] as const) {
      const at = (index: R64): Mem => ptr(line, { index, disp: 4 * first });
      loadReals(elements, 'f32', to, at(rax), count, spare);
      if (isNearest(spec)) break;
      loadReals(elements, 'f32', right, at(rdx), count, spare);
      asm.vsubps(right, right, to);
      asm.vmulps(right, right, shareX);
      asm.vaddps(to, to, right);
    }
    if (!isNearest(spec)) {
      asm.vsubps(below, below, above);
      asm.vmulps(below, below, shareY);
      asm.vaddps(above, above, below);
    }
    storeIntegers(elements, 'f32', ptr(OUT, 4 * first), above, count, spare);
  }
  asm.add(OUT, output.stride.w);
  asm.add(COLUMN, ENTRY);
  asm.dec(COLUMNS_LEFT);
  asm.jnz(column);
  const gap = output.stride.h - output.shape.w * output.stride.w;
  if (gap !== 0) asm.add(OUT, gap);
  asm.add(ROW, ENTRY);
  asm.dec(ROWS_LEFT);
  asm.jnz(row);
  for (const register of SAVED.toReversed()) asm.pop(register);
  asm.vzeroupper();
  asm.ret();
}

/** From the tile's number to its picture and rows. */
function locate(asm: Assembler, spec: ResizeSpec, constants: number): void {
  const { input, output } = spec;
  const rows = rowsOfTile(spec);
  asm.mov(eax, edx);
  asm.xor(edx, edx);
  asm.mov(ecx, Math.ceil(output.shape.h / rows));
  asm.div(ecx);
  asm.imul(rdx, rdx, rows);
  asm.mov(ROWS_LEFT, output.shape.h);
  asm.sub(r11, rdx);
  asm.mov(ecx, rows);
  asm.cmp(ROWS_LEFT, ecx);
  asm.cmova(ROWS_LEFT, ecx);
  asm.imul(rcx, rdx, ENTRY);
  asm.lea(ROW, ptr(rsi, { index: rcx, disp: constants }));
  asm.imul(rcx, rax, input.stride.n);
  asm.lea(PICTURE, ptr(rdi, { index: rcx, disp: input.offset }));
  asm.imul(rax, rax, output.stride.n);
  asm.imul(rdx, rdx, output.stride.h);
  asm.add(rax, rdx);
  asm.lea(OUT, ptr(rdi, { index: rax, disp: output.offset }));
}

function step(spec: ResizeSpec, machine: Machine, constants: number): Step {
  const { n, h, c } = spec.output.shape;
  return {
    name: `resize, ${c}`,
    tiles: n * Math.ceil(h / rowsOfTile(spec)),
    macs: 0,
    accesses: [
      accessTo(spec.input, 'read'),
      accessTo(spec.output, 'write'),
      { base: 'constants', mode: 'read', begin: constants, end: constants + layoutOf(spec).bytes },
    ],
    emit: (asm) => emit(asm, spec, machine, constants),
  };
}

const kernel = (machine: Machine): NativeKernel<ResizeSpec> => ({
  name: `resize ${machine.isa}`,
  isa: machine.isa,
  whyNot,
  pack,
  step: (spec, constants) => step(spec, machine, constants),
});

/** Pictures of another size in float32, best first. */
export const resizeKernels: readonly NativeKernel<ResizeSpec>[] = machines.map(kernel);
