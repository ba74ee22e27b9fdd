import {
  type Assembler,
  eax,
  ecx,
  edx,
  ptr,
  r8d,
  r9d,
  r10,
  r10d,
  r12,
  rax,
  rdi,
  rdx,
  rsi,
  type Vmm,
  vmm,
} from '../../../asm/x64/index.ts';
import type { Buffer, Step } from '../../native-kernel.ts';
import { bufferAccess } from '../native/spec.ts';
import type { Target, TransformSpec } from './spec.ts';

/** Elements of BᵀdB that a claimed tile of the step gives, about: some microseconds. */
const WORK = 100_000;

/** The step that brings the tiles of a picture to BᵀdB; a claimed tile of it is some rows of them. */
export function transformStep(spec: TransformSpec, target: Target): Step {
  const { input, tiling } = spec;
  const { n, c } = input.shape;
  const rows = n * tiling.rows;
  const perRow = tiling.columns * c * 16;
  const rowsAtOnce = Math.max(1, Math.min(Math.ceil(rows / 8), Math.round(WORK / perRow)));
  return {
    name: `tiles of ${input.shape.h}×${input.shape.w}×${c}`,
    tiles: Math.ceil(rows / rowsAtOnce),
    macs: 0,
    accesses: [pictureAccess(spec), bufferAccess(spec.output, 'write')],
    emit: (asm) => emitTransform(asm, spec, target, rows, rowsAtOnce),
  };
}

/** All 4×4 tiles of the input, halo included. */
function pictureAccess({ input, tiling, padding }: TransformSpec) {
  const { stride, shape, offset } = input;
  const begin = offset - padding.top * stride.h - padding.left * stride.w;
  const last = (shape.n - 1) * stride.n + (2 * tiling.rows + 1) * stride.h + (2 * tiling.columns + 1) * stride.w;
  return { base: 'arena', mode: 'read', begin, end: begin + last + 4 * shape.c } as const;
}

/** void step(arena, constants, tile): rdi → the tile's first row and column, rsi → its elements; channels go by vectors. */
function emitTransform(asm: Assembler, spec: TransformSpec, target: Target, rows: number, rowsAtOnce: number): void {
  const { input, output, tiling } = spec;
  const from = pictureAccess(spec).begin;
  asm.push(r12);
  asm.imul(eax, edx, rowsAtOnce);
  // r8: rows left.
  asm.mov(r8d, rows);
  asm.sub(r8d, eax);
  asm.mov(ecx, rowsAtOnce);
  asm.cmp(r8d, ecx);
  asm.cmova(r8d, ecx);
  asm.imul(r10, rax, tiling.columns * output.stride.w);
  asm.lea(rsi, ptr(rdi, { index: r10, disp: output.offset }));
  asm.xor(edx, edx);
  asm.mov(ecx, tiling.rows);
  asm.div(ecx);
  // eax: picture; edx, then r9: row of tiles.
  asm.mov(r9d, edx);
  asm.imul(rax, rax, input.stride.n);
  asm.imul(rdx, rdx, 2 * input.stride.h);
  asm.lea(rdi, ptr(rdi, { index: rax, disp: from }));
  asm.add(rdi, rdx);
  const [row, column, sameInput] = [asm.label('row'), asm.label('column'), asm.label('samePicture')];
  asm.bind(row);
  asm.mov(r12, rdi);
  asm.mov(r10d, tiling.columns);
  asm.bind(column);
  emitTile(asm, input, output, target);
  asm.add(rdi, 2 * input.stride.w);
  asm.add(rsi, output.stride.w);
  asm.dec(r10d);
  asm.jnz(column);
  asm.lea(rdi, ptr(r12, 2 * input.stride.h));
  asm.inc(r9d);
  asm.cmp(r9d, tiling.rows);
  asm.jne(sameInput);
  asm.xor(r9d, r9d);
  asm.add(rdi, input.stride.n - tiling.rows * 2 * input.stride.h);
  asm.bind(sameInput);
  asm.dec(r8d);
  asm.jnz(row);
  asm.pop(r12);
  asm.vzeroupper();
  asm.ret();
}

/** One tile: for each vector of channels, row by row of BᵀdB from the two rows of d that it is made of. */
function emitTile(asm: Assembler, input: Buffer, output: Buffer, { bits }: Target): void {
  const v = vmm(bits);
  const bytes = bits / 8;
  const at = (row: number, column: number) =>
    ptr(rdi, { index: rax, disp: row * input.stride.h + column * input.stride.w });
  const loop = asm.label('channels');
  asm.xor(eax, eax);
  asm.bind(loop);
  let turn = 0;
  for (const [i, [a, b, combine]] of [
    [0, 2, asm.vsubps],
    [1, 2, asm.vaddps],
    [2, 1, asm.vsubps],
    [1, 3, asm.vsubps],
  ].entries() as Iterable<[number, [number, number, typeof asm.vaddps]]>) {
    const t = (column: number): Vmm => v(column + 4 * (turn & 1));
    for (let column = 0; column < 4; column++) {
      asm.vmovups(t(column), at(a, column));
      combine(t(column), t(column), at(b, column));
    }
    const give = (j: number, x: Vmm, y: Vmm, how: typeof asm.vaddps): void => {
      const result = v(8 + j);
      how(result, x, y);
      asm.vmovups(ptr(rsi, { index: rax, disp: (4 * i + j) * output.stride.n }), result);
    };
    give(0, t(0), t(2), asm.vsubps);
    give(1, t(1), t(2), asm.vaddps);
    give(2, t(2), t(1), asm.vsubps);
    give(3, t(1), t(3), asm.vsubps);
    turn++;
  }
  asm.add(rax, bytes);
  asm.cmp(eax, 4 * input.shape.c);
  asm.jb(loop);
}
