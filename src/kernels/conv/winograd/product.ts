import {
  type Assembler,
  dword,
  eax,
  ebx,
  ecx,
  edx,
  type Mem,
  ptr,
  qword,
  type R64,
  r8d,
  r8q,
  r9,
  r9d,
  r10,
  r11,
  r12,
  r13,
  r14,
  r15,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rdx,
  rsi,
  rsp,
  type Vmm,
  vmm,
} from '../../../asm/x64/index.ts';
import type { Buffer, Step } from '../../native-kernel.ts';
import type { Layout } from '../native/layout.ts';
import { bufferAccess } from '../native/spec.ts';
import { accumulate, accumulator, ROWS, type Tile } from '../native/tile.ts';
import { asBytes } from '../native-f32/spec.ts';
import { limits, type PanelLayout, panelLayout } from './pack.ts';
import { ELEMENTS, type Target, type Tiling, tilingOf, type WinogradSpec } from './spec.ts';

/** Register tiles whose sums wait on the stack: weights in the first-level cache serve all of them. */
const AT_ONCE = 2;

/** How the tiles are shared out: register tiles of `height` of them, the first `tall` ones, and `height − 1`. */
type Plan = {
  readonly tiling: Tiling;
  readonly tiles: number;
  readonly registerTiles: number;
  readonly height: number;
  readonly tall: number;
  readonly blocks: number;
};

function planOf({ output }: WinogradSpec, { mr }: Target): Plan {
  const tiling = tilingOf(output.shape);
  const tiles = output.shape.n * tiling.rows * tiling.columns;
  const registerTiles = Math.ceil(tiles / mr);
  const height = Math.ceil(tiles / registerTiles);
  const tall = tiles - (height - 1) * registerTiles;
  return { tiling, tiles, registerTiles, height, tall, blocks: Math.ceil(registerTiles / AT_ONCE) };
}

type Code = {
  readonly asm: Assembler;
  readonly spec: WinogradSpec;
  readonly target: Target;
  readonly plan: Plan;
  readonly layout: PanelLayout;
  readonly constants: number;
};

/** The step that multiplies and brings the sums back; a claimed tile of it is a panel of a block of register tiles. */
export function productStep(spec: WinogradSpec, target: Target, constants: number): Step {
  const plan = planOf(spec, target);
  const layout = panelLayout(spec, target);
  const { input, output, summand } = spec;
  const { h, w, c } = output.shape;
  return {
    name: `conv 3×3, ${input.shape.c} → ${c}, tiles of 2×2 of ${h}×${w}`,
    tiles: plan.blocks * layout.panels,
    macs: ELEMENTS * plan.tiles * input.shape.c * c,
    accesses: [
      bufferAccess(input, 'read'),
      bufferAccess(output, 'write'),
      ...(summand === undefined ? [] : [bufferAccess(summand, 'read')]),
      { base: 'constants', mode: 'read', begin: constants, end: constants + layout.panels * layout.panelBytes },
    ],
    emit: (asm) => emitProduct({ asm, spec, target, plan, layout, constants }),
  };
}

/** The stack's slots: byte offsets from rsp. The sums are behind them. */
const slot = {
  saved: 0,
  arena: 8,
  panel: 16,
  channels: 24,
  first: 32,
  tallEnd: 40,
  end: 48,
  tile: 56,
  input: 64,
  sums: 72,
  elements: 80,
  firstTile: 88,
  count: 96,
  tapsLeft: 104,
  bytes: 128,
} as const;

const SAVED: readonly R64[] = [rbx, rbp, r12, r13, r14, r15];
const PAGE = 4096;

/** Bytes of a tile's sums of one element, and from an element's sums to the next's: not a multiple of a page, which would
 * have all sixteen in the same sets of the cache. */
const rowBytes = ({ bits }: Target): number => (2 * bits) / 8;
const elementStride = (target: Target, { height }: Plan): number => AT_ONCE * height * rowBytes(target) + 64;

/** void step(arena, constants, tile) */
function emitProduct(code: Code): void {
  const { asm, target, plan } = code;
  for (const register of SAVED) asm.push(register);
  asm.mov(rax, rsp);
  const frame = slot.bytes + ELEMENTS * elementStride(target, plan);
  // A page at a time, as systems want it that grow the stack by a guard page.
  for (let rest = frame + 64; rest > 0; rest -= PAGE) {
    asm.sub(rsp, Math.min(PAGE, rest));
    asm.mov(qword(rsp), rax);
  }
  asm.and(rsp, -64);
  asm.mov(qword(rsp, slot.saved), rax);
  locate(code);
  emitSums(code);
  emitOutputs(code);
  asm.mov(rsp, qword(rsp, slot.saved));
  for (const register of SAVED.toReversed()) asm.pop(register);
  asm.vzeroupper();
  asm.ret();
}

/** eax = the quotient by `divisor`, edx = the remainder. Changes ecx. */
function divide(asm: Assembler, divisor: number): void {
  asm.xor(edx, edx);
  asm.mov(ecx, divisor);
  asm.div(ecx);
}

/** From the tile's number (edx) to its panel and its block of register tiles. */
function locate({ asm, spec, plan, layout, constants }: Code): void {
  const { input } = spec;
  asm.mov(qword(rsp, slot.arena), rdi);
  asm.mov(eax, edx);
  divide(asm, layout.panels);
  // eax: block, edx: panel.
  asm.imul(rbx, rdx, layout.panelBytes);
  asm.lea(rsi, ptr(rsi, { index: rbx, disp: constants }));
  asm.mov(qword(rsp, slot.panel), rsi);
  asm.imul(rdx, rdx, 4 * layout.width);
  asm.mov(qword(rsp, slot.channels), rdx);
  asm.imul(rax, rax, AT_ONCE);
  asm.mov(dword(rsp, slot.first), eax);
  asm.lea(rdx, ptr(rax, AT_ONCE));
  for (const [most, at] of [
    [plan.registerTiles, slot.end],
    [plan.tall, slot.tallEnd],
  ] as const) {
    asm.mov(ecx, most);
    asm.cmp(edx, ecx);
    asm.cmova(edx, ecx);
    asm.mov(dword(rsp, at), edx);
  }
  // Tiles before register tile x: x·height, less one for each beyond the tall ones.
  const tilesBefore = (): void => {
    const isTall = asm.label('tall');
    asm.mov(ecx, eax);
    asm.imul(eax, eax, plan.height);
    asm.sub(ecx, plan.tall);
    asm.jbe(isTall);
    asm.sub(eax, ecx);
    asm.bind(isTall);
  };
  tilesBefore();
  asm.mov(dword(rsp, slot.firstTile), eax);
  asm.imul(rax, rax, input.stride.w);
  asm.lea(rbx, ptr(rdi, { index: rax, disp: input.offset }));
  asm.mov(qword(rsp, slot.input), rbx);
  asm.mov(eax, dword(rsp, slot.end));
  tilesBefore();
  asm.sub(eax, dword(rsp, slot.firstTile));
  asm.mov(dword(rsp, slot.count), eax);
}

/** For each element the products of the block's tiles by the panel's weights, to the stack: [element][tile][vector]. */
function emitSums(code: Code): void {
  const { asm, spec, target, plan, layout } = code;
  const element = asm.label('element');
  asm.lea(rax, ptr(rsp, slot.bytes));
  asm.mov(qword(rsp, slot.sums), rax);
  asm.mov(dword(rsp, slot.elements), ELEMENTS);
  asm.add(rsi, limits.bytes);
  asm.bind(element);
  asm.mov(rdi, qword(rsp, slot.sums));
  asm.mov(rbx, qword(rsp, slot.input));
  asm.mov(eax, dword(rsp, slot.first));
  asm.mov(dword(rsp, slot.tile), eax);
  emitRegisterTiles(code, plan.height, slot.tallEnd);
  if (plan.tall < plan.registerTiles) emitRegisterTiles(code, plan.height - 1, slot.end);
  asm.add(rsi, layout.elementBytes);
  asm.add(qword(rsp, slot.input), spec.input.stride.n);
  asm.add(qword(rsp, slot.sums), elementStride(target, plan));
  asm.dec(dword(rsp, slot.elements));
  asm.jnz(element);
}

/** Register tiles up to the number in the slot `end`. */
function emitRegisterTiles(code: Code, height: number, end: number): void {
  const { asm, spec, target } = code;
  const tile = registerTile(code, height);
  const [loop, done] = [asm.label('tile'), asm.label('tilesDone')];
  asm.mov(eax, dword(rsp, slot.tile));
  asm.cmp(eax, dword(rsp, end));
  asm.jae(done);
  asm.bind(loop);
  for (let row = 0; row < height; row++) asm.lea(ROWS[row]!, ptr(rbx, row * spec.input.stride.w));
  asm.add(rbx, height * spec.input.stride.w);
  accumulate(tile, slot.tapsLeft);
  for (let row = 0; row < height; row++)
    for (let vector = 0; vector < 2; vector++)
      asm.vmovups(ptr(rdi, row * rowBytes(target) + (vector * target.bits) / 8), accumulator(tile, row, vector));
  asm.add(rdi, height * rowBytes(target));
  asm.inc(dword(rsp, slot.tile));
  asm.mov(eax, dword(rsp, slot.tile));
  asm.cmp(eax, dword(rsp, end));
  asm.jb(loop);
  asm.bind(done);
}

/** What the generator of convolutions needs to know of an element's products: a convolution 1×1 of one panel. */
function registerTile({ asm, spec, target, layout }: Code, height: number): Tile {
  const { input, output, weights } = spec;
  const one = { h: 1, w: 1 };
  const steps = input.shape.c;
  const bytes = asBytes({
    ...{ input, output, weights, groups: 1 },
    ...{ kernel: one, stride: one, dilation: one, padding: { top: 0, left: 0 } },
  });
  const element: Layout = {
    panels: [],
    widths: [layout.width],
    merged: 1,
    blockIn: 4 * steps,
    segments: { rows: 1, taps: 1, bytes: 4 * steps, steps },
    panelBytes: layout.elementBytes,
    header: { bias: 0, multipliers: 0, realBias: 0, steps: 0, bytes: layout.header },
  };
  return {
    asm,
    spec: bytes,
    target: { ...target, dot: 'vfmadd231ps' },
    layout: element,
    height,
    vectors: 2,
  };
}

/** From the sums M of each tile its pixels AᵀMA, with what the epilogue adds; the last row and column may be outside. */
function emitOutputs(code: Code): void {
  const { asm, spec, target, plan } = code;
  const { output, summand } = spec;
  const { rows, columns } = plan.tiling;
  const buffers: readonly Place[] = [
    { pointer: rdi, ...output },
    ...(summand === undefined ? [] : [{ pointer: r10, ...summand }]),
  ];
  locatePixels(code, buffers);
  asm.lea(r11, ptr(rsp, slot.bytes));
  asm.mov(ebx, dword(rsp, slot.count));
  const v = vmm(target.bits);
  const [lowest, highest] = [v(14), v(15)];
  asm.mov(rsi, qword(rsp, slot.panel));
  if (spec.low !== undefined) asm.vbroadcastss(lowest, ptr(rsi, limits.low));
  if (spec.high !== undefined) asm.vbroadcastss(highest, ptr(rsi, limits.high));
  const [tile, next] = [asm.label('tile'), asm.label('next')];
  asm.bind(tile);
  for (let vector = 0; vector < 2; vector++) emitVector(code, vector);
  asm.add(r11, rowBytes(target));
  for (const { pointer, stride } of buffers) asm.add(pointer, 2 * stride.w);
  asm.inc(r8d);
  asm.cmp(r8d, columns);
  asm.jne(next);
  asm.xor(r8d, r8d);
  for (const { pointer, stride } of buffers) asm.add(pointer, 2 * stride.h - columns * 2 * stride.w);
  asm.inc(r9d);
  asm.cmp(r9d, rows);
  asm.jne(next);
  asm.xor(r9d, r9d);
  for (const { pointer, stride } of buffers) asm.add(pointer, stride.n - rows * 2 * stride.h);
  asm.bind(next);
  asm.dec(ebx);
  asm.jnz(tile);
}

type Place = Pick<Buffer, 'offset' | 'stride'> & { readonly pointer: R64 };

/** r8d: column, r9d: row of the block's first tile; the pointers to its first pixel and the panel's channels. */
function locatePixels({ asm, plan }: Code, places: readonly Place[]): void {
  asm.mov(eax, dword(rsp, slot.firstTile));
  divide(asm, plan.tiling.columns);
  asm.mov(r8d, edx);
  divide(asm, plan.tiling.rows);
  asm.mov(r9d, edx);
  asm.mov(rcx, qword(rsp, slot.arena));
  asm.add(rcx, qword(rsp, slot.channels));
  for (const { pointer, offset: at, stride } of places) {
    asm.imul(rbx, rax, stride.n);
    asm.lea(pointer, ptr(rcx, { index: rbx, disp: at }));
    asm.imul(rbx, r9, 2 * stride.h);
    asm.add(pointer, rbx);
    asm.imul(rbx, r8q, 2 * stride.w);
    asm.add(pointer, rbx);
  }
}

/** A vector of channels of a tile: AᵀM column by column, then times A. */
function emitVector(code: Code, vector: number): void {
  const { asm, spec, target, plan } = code;
  const v = vmm(target.bits);
  const at = (i: number, j: number): Mem =>
    ptr(r11, (4 * i + j) * elementStride(target, plan) + (vector * target.bits) / 8);
  const t = (i: number, j: number): Vmm => v(4 * i + j);
  for (let j = 0; j < 4; j++) {
    const [a, b] = [v(8 + 2 * (j & 1)), v(9 + 2 * (j & 1))];
    asm.vmovups(a, at(1, j));
    asm.vmovups(b, at(2, j));
    asm.vaddps(t(0, j), a, b);
    asm.vsubps(t(1, j), a, b);
    asm.vaddps(t(0, j), t(0, j), at(0, j));
    asm.vsubps(t(1, j), t(1, j), at(3, j));
  }
  const { h, w } = spec.output.shape;
  const [pastRow, done] = [asm.label('pastRow'), asm.label('done')];
  for (let i = 0; i < 2; i++) {
    const pastColumn = i === 0 ? pastRow : done;
    const sum = v(8 + 2 * i);
    asm.vaddps(sum, t(i, 1), t(i, 2));
    asm.vaddps(sum, sum, t(i, 0));
    emitPixel(code, sum, { i, j: 0, vector });
    if (w % 2 === 1) {
      asm.cmp(r8d, plan.tiling.columns - 1);
      asm.je(pastColumn);
    }
    asm.vsubps(sum, t(i, 1), t(i, 2));
    asm.vsubps(sum, sum, t(i, 3));
    emitPixel(code, sum, { i, j: 1, vector });
    if (i === 0) {
      asm.bind(pastRow);
      if (h % 2 === 0) continue;
      asm.cmp(r9d, plan.tiling.rows - 1);
      asm.je(done);
    }
  }
  asm.bind(done);
}

/** max and min pass NaN on from their second operand. */
function emitPixel(
  { asm, spec, target }: Code,
  sum: Vmm,
  { i, j, vector }: { readonly i: number; readonly j: number; readonly vector: number },
): void {
  const { output, summand, low, high } = spec;
  const v = vmm(target.bits);
  const at = ({ stride }: Buffer): number => i * stride.h + j * stride.w + (vector * target.bits) / 8;
  if (summand !== undefined) asm.vaddps(sum, sum, ptr(r10, at(summand)));
  if (low !== undefined) asm.vmaxps(sum, v(14), sum);
  if (high !== undefined) asm.vminps(sum, v(15), sum);
  asm.vmovups(ptr(rdi, at(output)), sum);
}
