import {
  type Assembler,
  k1,
  k2,
  type Mem,
  offset,
  ptr,
  r8q,
  r9,
  rsi,
  type Vmm,
  vmm,
  xmm,
  ymm,
} from '../../../asm/x64/index.ts';
import { storeBytes } from '../../conv/native/epilogue.ts';
import type { ConvSpec } from '../../conv/native/spec.ts';
import type { Target } from '../../conv/native/target.ts';
import { clamp, packBytes, requantize } from './finish.ts';
import { type Block, common, type Layout, tapRows, weightAt } from './layout.ts';

/** `rows` × `columns` output pixels at r9, of half a block's channels; the input at r8, constants at rsi. */
export type Tile = {
  readonly asm: Assembler;
  readonly spec: ConvSpec;
  readonly target: Target;
  readonly layout: Layout;
  readonly block: Block;
  readonly half: number;
  readonly rows: 1 | 2;
  readonly columns: number;
  /** Byte offset of the half's constants from rsi. */
  readonly constants: number;
  /** Whether sums times multipliers can leave the range of int32, so that they must be clamped before conversion. */
  readonly mayOverflow: boolean;
};

const isWide = ({ target }: Pick<Tile, 'target'>): boolean => target.bits === 512;
const register = ({ block }: Tile, n: number): Vmm => vmm(block.bits)(n);
const commonAt = ({ block }: Tile, which: number): Mem => ptr(rsi, (which * block.bits) / 8);

const sumAt = (tile: Tile, row: number, column: number, vector: number): Vmm =>
  register(tile, (row * tile.columns + column) * 2 + vector);

/** Weights stay in registers 12 to 23 where there are 32 and they fit. */
const WEIGHTS = 12;
const weightCount = ({ layout, spec }: Tile): number => layout.groups * spec.kernel.w * layout.shape.rows * 2;
const inRegisters = (tile: Tile): boolean => isWide(tile) && weightCount(tile) <= 12;

/** With 32 registers: what does not change along a row of the half, bias, multipliers and weights. */
export function beginHalf(tile: Tile): void {
  if (!isWide(tile)) return;
  const { asm, block, constants } = tile;
  const at = (vector: number): Mem => ptr(rsi, constants + (vector * block.bits) / 8);
  if (inRegisters(tile))
    for (let i = 0; i < weightCount(tile); i++) asm.vmovdqu64(register(tile, WEIGHTS + i), at(4 + i));
  for (let i = 0; i < 4; i++) asm.vmovdqu64(register(tile, 28 + i), at(i));
}

/** The bias (0, 1) or the multipliers (2, 3) of the half: in a register where there is room. */
function constant(tile: Tile, which: number): Vmm | Mem {
  return isWide(tile) ? register(tile, 28 + which) : ptr(rsi, tile.constants + (which * tile.block.bits) / 8);
}

type Of = { readonly group: number; readonly column: number; readonly row: number; readonly vector: number };

function weightOf(tile: Tile, of: Of, part = 0): Vmm | Mem {
  const { layout, spec, target, block, constants } = tile;
  const at = weightAt(layout, spec.kernel.w, target, of);
  return inRegisters(tile) ? register(tile, WEIGHTS + at - 4) : ptr(rsi, constants + ((at + part) * block.bits) / 8);
}

/** Sums up, requantizes and stores. */
export function emitTile(tile: Tile): void {
  beginSums(tile);
  const groups = Math.ceil((tile.spec.kernel.h + tile.rows - 1) / 4);
  for (let group = 0; group < groups; group++)
    for (const column of inputColumns(tile)) {
      interleave(tile, group, column);
      multiply(tile, group, column);
    }
  finish(tile);
}

function beginSums(tile: Tile): void {
  const { asm, rows, columns } = tile;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      for (let vector = 0; vector < 2; vector++) {
        const sum = sumAt(tile, row, column, vector);
        if (isWide(tile)) asm.vmovdqu64(sum, constant(tile, vector));
        else asm.vmovdqu(sum, constant(tile, vector));
      }
}

/** The input columns that some tap of some pixel reads. */
function inputColumns({ spec: { stride, dilation, kernel }, columns }: Tile): number[] {
  const used = new Set<number>();
  for (let x = 0; x < columns; x++) for (let j = 0; j < kernel.w; j++) used.add(x * stride.w + j * dilation.w);
  return [...used].sort((a, b) => a - b);
}

type Pair = readonly [Vmm, Vmm];

/** Registers of the interleaved data, and what else is free while summing up. */
function temporaries(tile: Tile): {
  readonly data: Pair;
  readonly even: Pair;
  readonly product: Vmm;
} {
  const first = isWide(tile) ? 24 : tile.target.dot === 'vpdpbusd' ? 12 : 8;
  const [a, b, c, d] = [0, 1, 2, 3].map((i) => register(tile, first + i)) as [Vmm, Vmm, Vmm, Vmm];
  return { data: [c, d], even: [a, b], product: register(tile, isWide(tile) ? 24 : Math.min(15, first + 4)) };
}

/**
 * Four rows of an input column, interleaved: element e of vector v holds the four bytes of channel `channelOf(half, v, e)`.
 * Rows that have no weights are not read; what stands in their place is multiplied by zero.
 */
function interleave(tile: Tile, group: number, column: number): void {
  const { asm, spec, rows, half } = tile;
  const { input, dilation, kernel } = spec;
  const { data, even: pair } = temporaries(tile);
  const count = tapRows(group + 1, { rows, columns: 0 }, kernel.h) - 4 * group;
  // Two output rows share lines only where these are neighbours, be it because there is one line of taps.
  const between = tile.layout.shape.rows === 2 ? input.stride.h : dilation.h * input.stride.h;
  const at = (line: number): Mem => ptr(r8q, (4 * group + line) * between + column * input.stride.w);
  const unpack = half === 0 ? asm.vpunpcklbw : asm.vpunpckhbw;
  const load = (to: Vmm, line: number): void =>
    isWide(tile) ? asm.vmovdqu64(to, at(line)) : asm.vmovdqu(to, at(line));
  load(pair[0], 0);
  if (count > 2) load(pair[1], 2);
  unpack(pair[0], pair[0], count > 1 ? at(1) : pair[0]);
  if (count > 2) unpack(pair[1], pair[1], count > 3 ? at(3) : pair[1]);
  const other = count > 2 ? pair[1] : pair[0];
  asm.vpunpcklwd(data[0], pair[0], other);
  asm.vpunpckhwd(data[1], pair[0], other);
  if (spec.input.type === 'u8') return;
  for (const vector of data)
    if (isWide(tile)) asm.vpxord(vector, vector, commonAt(tile, common.signs));
    else asm.vpxor(vector, vector, commonAt(tile, common.signs));
}

/** Adds the products of a column of input to every pixel that reads it. */
function multiply(tile: Tile, group: number, column: number): void {
  const { asm, spec, target, rows, columns } = tile;
  const { kernel, stride, dilation } = spec;
  const { data, even, product } = temporaries(tile);
  if (target.dot === 'vpmaddwd')
    for (let vector = 0; vector < 2; vector++) {
      asm.vpand(even[vector]!, data[vector]!, commonAt(tile, common.evenBytes));
      asm.vpsrlw(data[vector]!, data[vector]!, 8);
    }
  for (let x = 0; x < columns; x++)
    for (let j = 0; j < kernel.w; j++) {
      if (x * stride.w + j * dilation.w !== column) continue;
      for (let row = 0; row < rows; row++)
        for (let vector = 0; vector < 2; vector++) {
          const sum = sumAt(tile, row, x, vector);
          const of = { group, column: j, row, vector };
          if (target.dot === 'vpdpbusd') {
            asm.vpdpbusd(sum, data[vector]!, weightOf(tile, of));
            continue;
          }
          [even[vector]!, data[vector]!].forEach((part, i) => {
            asm.vpmaddwd(product, part, weightOf(tile, of, i));
            asm.vpaddd(sum, sum, product);
          });
        }
    }
}

/** Requantizes every pixel and stores the half's bytes: eight of each sixteen. */
function finish(tile: Tile): void {
  const { asm, spec, rows, columns } = tile;
  const { result, output } = spec;
  if (result.kind !== 'requantize') return;
  const pixels = Array.from({ length: rows * columns }, (_, i) => ({
    bytes: sumAt(tile, Math.floor(i / columns), i % columns, 0),
    to: ptr(r9, Math.floor(i / columns) * output.stride.h + (i % columns) * output.stride.w),
  }));
  // With masks two pixels are packed into one vector: the first into the low half of each lane, the second into the high.
  const together = isWide(tile) ? 2 : 1;
  for (let i = 0; i < pixels.length; i += together) {
    const [first, second] = [pixels[i]!, together === 2 ? pixels[i + 1] : undefined];
    packWords(tile, i);
    if (second !== undefined) packWords(tile, i + 1);
    const { bytes } = first;
    const other = second?.bytes ?? bytes;
    packBytes(tile, bytes, other);
    clamp(tile, bytes, result);
    store(tile, bytes, first.to);
    if (second !== undefined) asm.vmovdqu8(offset(second.to, 8 * tile.half - 8).mask(k2), bytes);
  }
}

/** The sums of pixel `i` as 16-bit words in its first register. */
function packWords(tile: Tile, i: number): void {
  const { asm, columns } = tile;
  const sums = [0, 1].map((vector) => sumAt(tile, Math.floor(i / columns), i % columns, vector)) as [Vmm, Vmm];
  for (const [v, sum] of sums.entries()) requantize(tile, sum, v, constant(tile, 2 + v));
  // This keeps the sign for both kinds of bytes: vpackuswb takes its words as signed.
  asm.vpackssdw(sums[0], sums[0], sums[1]);
}

function store(tile: Tile, bytes: Vmm, to: Mem): void {
  const { asm, block, half } = tile;
  if (isWide(tile)) {
    asm.vmovdqu8(offset(to, 8 * half).mask(k1), bytes);
    return;
  }
  for (let lane = 0; lane < block.bits / 128; lane++) {
    const first = 16 * lane + 8 * half;
    const count = Math.min(8, block.channels - first);
    if (count <= 0) return;
    if (lane > 0) asm.vextracti128(xmm(bytes.n), ymm(bytes.n), lane);
    storeBytes(asm, xmm(bytes.n), offset(to, first), count);
  }
}
