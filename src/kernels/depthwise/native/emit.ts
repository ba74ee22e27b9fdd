import {
  type Assembler,
  dword,
  eax,
  ebp,
  ecx,
  edx,
  k1,
  k2,
  type Label,
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
  rbp,
  rbx,
  rdi,
  rdx,
  rsi,
  rsp,
} from '../../../asm/x64/index.ts';
import type { ConvSpec } from '../../conv/native/spec.ts';
import type { Target } from '../../conv/native/target.ts';
import { type Block, halfAt, type Layout } from './layout.ts';
import type { Plan } from './plan.ts';
import { beginBlock, beginRow, finishPixel, pixelsUnderWay, slidePixel } from './slide.ts';
import { beginHalf, emitTile } from './tile.ts';

export type DepthwiseCode = {
  readonly asm: Assembler;
  readonly spec: ConvSpec;
  readonly target: Target;
  readonly layout: Layout;
  readonly plan: Plan;
  readonly constants: number;
  readonly mayOverflow: boolean;
};

const SAVED: readonly R64[] = [rbx, rbp, r12, r13, r14, r15];
/** Slot of the stack: blocks of full width that are left. */
const BLOCKS_LEFT = 0;

/**
 * void step(arena, constants, tile): for each block of channels, for each row tile of the chunk, for each half of the block,
 * along the row. r12, r13: the chunk's first row in the input and the output; r14, r15: its row tiles of full height and
 * (0 or 1) of one row; rbx: the block's first channel; rsi: its constants.
 */
export function emitDepthwise(code: DepthwiseCode): void {
  const { asm, layout } = code;
  for (const register of SAVED) asm.push(register);
  asm.sub(rsp, 8);
  locate(code);
  asm.xor(r32(rbx), r32(rbx));
  // All blocks but the last are equal.
  const full = layout.blocks.filter((block) => block.channels === layout.blocks[0]!.channels);
  const loop = asm.label('block');
  asm.mov(dword(rsp, BLOCKS_LEFT), full.length);
  asm.bind(loop);
  emitBlock(code, full[0]!);
  asm.add(rbx, full[0]!.channels);
  asm.add(rsi, layout.blocks[1]?.offset ?? 0);
  asm.dec(dword(rsp, BLOCKS_LEFT));
  asm.jnz(loop);
  if (full.length < layout.blocks.length) emitBlock(code, layout.blocks.at(-1)!);
  asm.add(rsp, 8);
  for (const register of SAVED.toReversed()) asm.pop(register);
  asm.vzeroupper();
  asm.ret();
}

/** From the tile's number (rdx) to the picture and the chunk of row tiles. */
function locate({ asm, spec, layout, plan, constants }: DepthwiseCode): void {
  const { input, output, stride, padding } = spec;
  const { rows } = layout.shape;
  asm.lea(rsi, ptr(rsi, constants));
  asm.mov(eax, edx);
  asm.xor(edx, edx);
  asm.mov(ecx, plan.chunks);
  asm.div(ecx);
  // eax: picture, edx: chunk.
  asm.imul(edx, edx, plan.tilesInChunk);
  asm.mov(r32(r14), plan.fullTiles);
  asm.xor(r32(r15), r32(r15));
  asm.sub(r32(r14), edx);
  asm.mov(ebp, plan.tilesInChunk);
  const inside = asm.label('inside');
  asm.cmp(r32(r14), ebp);
  if (plan.lastRow) {
    // The last chunk may end with a tile of one row.
    asm.jae(inside);
    asm.mov(r32(r15), 1);
    asm.bind(inside);
  }
  asm.cmp(r32(r14), ebp);
  asm.cmova(r32(r14), ebp);
  const start = (pointer: R64, base: number, picture: number, rowStep: number): void => {
    asm.lea(pointer, ptr(rdi, base));
    asm.imul(rbx, rax, picture);
    asm.add(pointer, rbx);
    asm.imul(rbx, rdx, rows * rowStep);
    asm.add(pointer, rbx);
  };
  const first = input.offset - padding.top * input.stride.h - padding.left * input.stride.w;
  start(r12, first, input.stride.n, stride.h * input.stride.h);
  start(r13, output.offset, output.stride.n, output.stride.h);
}

/** One block of channels over the chunk's rows. */
function emitBlock(code: DepthwiseCode, block: Block): void {
  const { asm, spec, layout, plan } = code;
  const { rows } = layout.shape;
  const [loop, rest, done] = [asm.label('rows'), asm.label('rowsDone'), asm.label('blockDone')];
  asm.lea(r10, ptr(r12, { index: rbx }));
  asm.lea(r11, ptr(r13, { index: rbx }));
  asm.mov(ecx, r32(r14));
  asm.test(ecx, ecx);
  asm.jz(rest);
  if (layout.slides) beginBlock({ ...code, block });
  asm.bind(loop);
  layout.slides ? emitRow(code, block) : emitRows(code, block, rows);
  const [inputStep, outputStep] = [spec.stride.h * spec.input.stride.h, spec.output.stride.h];
  if (block.rows > 1) nextRows(asm, block.rows, inputStep, outputStep, rest);
  else {
    asm.add(r10, rows * inputStep);
    asm.add(r11, rows * outputStep);
    asm.dec(ecx);
    asm.jz(rest);
  }
  asm.jmp(loop);
  asm.bind(rest);
  if (!plan.lastRow) return;
  asm.test(r32(r15), r32(r15));
  asm.jz(done);
  emitRows(code, block, 1);
  asm.bind(done);
}

/** From `count` rows of output to the next as many, or to the last ones, which may have been computed in part. */
function nextRows(asm: Assembler, count: number, inputStep: number, outputStep: number, done: Label): void {
  asm.sub(ecx, count);
  asm.jbe(done);
  asm.mov(edx, count);
  asm.mov(eax, ecx);
  asm.cmp(ecx, edx);
  asm.cmova(eax, edx);
  asm.cmovb(ecx, edx);
  asm.imul(rdx, rax, inputStep);
  asm.add(r10, rdx);
  asm.imul(rdx, rax, outputStep);
  asm.add(r11, rdx);
}

/** A tile of rows along the whole picture, half the block's channels at a time. */
function emitRows(code: DepthwiseCode, block: Block, rows: 1 | 2): void {
  const { asm, spec, target, layout, mayOverflow } = code;
  const { w } = spec.output.shape;
  const most = rows === layout.shape.rows ? layout.shape.columns : layout.shape.columns * layout.shape.rows;
  const tiles = Math.ceil(w / most);
  const columns = Math.ceil(w / tiles);
  const wide = w - (columns - 1) * tiles;
  for (let half = 0; half < 2; half++) {
    // A narrow block may have nothing in its second half.
    if (block.channels <= 8 * half) continue;
    const constants = halfAt(half, layout, spec.kernel.w, target) * (block.bits / 8);
    const tile = { asm, spec, target, layout, block, half, rows, columns, constants, mayOverflow };
    asm.mov(r8q, r10);
    asm.mov(r9, r11);
    beginHalf(tile);
    if (target.bits === 512) loadMask(asm, block, half);
    for (const [count, width] of [
      [wide, columns],
      [tiles - wide, columns - 1],
    ] as const) {
      if (count === 0) continue;
      const loop = asm.label('columns');
      asm.mov(eax, count);
      asm.bind(loop);
      emitTile({ ...tile, columns: width });
      asm.add(r8q, width * spec.stride.w * spec.input.stride.w);
      asm.add(r9, width * spec.output.stride.w);
      asm.dec(eax);
      asm.jnz(loop);
    }
  }
}

/** A row of output, all channels of the block at once. */
function emitRow(code: DepthwiseCode, block: Block): void {
  const { asm, spec } = code;
  const { w } = spec.output.shape;
  const slide = { ...code, block };
  asm.mov(r8q, r10);
  asm.mov(r9, r11);
  beginRow(slide);
  const together = pixelsUnderWay(spec);
  const rounds = Math.floor((w - 1) / together);
  slidePixel(slide, 0, 'first of row');
  if (rounds > 0) {
    const loop = asm.label('pixels');
    asm.mov(eax, rounds);
    asm.bind(loop);
    for (let x = 1; x <= together; x++) slidePixel(slide, x, 'behind another');
    asm.add(r8q, together * spec.stride.w * spec.input.stride.w);
    asm.add(r9, together * spec.output.stride.w);
    asm.dec(eax);
    asm.jnz(loop);
  }
  const rest = (w - 1) % together;
  for (let x = 1; x <= rest; x++) slidePixel(slide, x, 'behind another');
  finishPixel(slide, rest);
}

/** k1: the low eight bytes of each lane, as far as the half of the block has channels there; k2: the high eight. */
function loadMask(asm: Assembler, { channels }: Block, half: number): void {
  let mask = 0n;
  for (let byte = 8 * half; byte < channels; byte++)
    if (((byte >> 3) & 1) === half) mask |= 1n << BigInt(byte - 8 * half);
  asm.mov(rax, mask);
  asm.kmovq(k1, rax);
  asm.mov(rax, mask << 8n);
  asm.kmovq(k2, rax);
}
