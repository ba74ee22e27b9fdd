import { type Assembler, k1, type Mem, ptr, r8q, r9, rax, rsi, type Vmm, vmm } from '../../../asm/x64/index.ts';
import type { ConvSpec } from '../../conv/native/spec.ts';
import type { Target } from '../../conv/native/target.ts';
import { clamp, packBytes, requantize } from './finish.ts';
import { type Block, common, halfAt, type Layout, weightAt } from './layout.ts';

/**
 * A row of output pixels at r9, of all channels of a block; the first pixel's window at r8, constants at rsi, k1 the bytes
 * of a narrow block. Registers: the sums of up to three pixels in four vectors each, the weights of three columns, and
 * eight to interleave with; where two pixels are under way, the multipliers in place of the third.
 */
export type Slide = {
  readonly asm: Assembler;
  readonly spec: ConvSpec;
  readonly target: Target;
  readonly layout: Layout;
  readonly block: Block;
  readonly mayOverflow: boolean;
};

const MULTIPLIERS = 8;
const WEIGHTS = 12;
const TEMPORARIES = 24;

const register = ({ block }: Slide, n: number): Vmm => vmm(block.bits)(n);
/** What a narrow block has nothing of in its second half is left out. */
const vectors = ({ block }: Slide): readonly number[] => (block.channels > 8 ? [0, 1, 2, 3] : [0, 1]);

/** How many pixels have a column of input in common, which is how many sums of a row are under way at once. */
export const pixelsUnderWay = ({ kernel, stride }: ConvSpec): number => Math.ceil(kernel.w / stride.w);

const sumOf = (slide: Slide, x: number, v: number): Vmm => register(slide, (x % pixelsUnderWay(slide.spec)) * 4 + v);

const halfOf = ({ layout, spec, target, block }: Slide, v: number): number =>
  (halfAt(v >> 1, layout, spec.kernel.w, target) * block.bits) / 8;

/** The vector `which` of the half's constants that the vector `v` of channels is in. */
const constantAt = (slide: Slide, v: number, which: number): Mem =>
  ptr(rsi, halfOf(slide, v) + (which * slide.block.bits) / 8);

const biasAt = (slide: Slide, v: number): Mem => constantAt(slide, v, v & 1);
const multiplierAt = (slide: Slide, v: number): Mem => constantAt(slide, v, 2 + (v & 1));
const multipliersStay = ({ spec }: Slide): boolean => pixelsUnderWay(spec) * 4 <= MULTIPLIERS;

const weightOf = (slide: Slide, column: number, v: number): Vmm => register(slide, WEIGHTS + 4 * column + v);

/** Loads what does not change in a block of channels. */
export function beginBlock(slide: Slide): void {
  const { asm, spec, layout, target, block } = slide;
  const { kernel } = spec;
  for (const v of vectors(slide)) {
    for (let column = 0; column < kernel.w; column++) {
      const at = weightAt(layout, kernel.w, target, { group: 0, column, row: 0, vector: v & 1 });
      asm.vmovdqu64(weightOf(slide, column, v), constantAt(slide, v, at));
    }
    if (multipliersStay(slide)) asm.vmovdqu64(register(slide, MULTIPLIERS + v), multiplierAt(slide, v));
  }
  if (block.channels === block.bits / 8) return;
  asm.mov(rax, (1n << BigInt(block.channels)) - 1n);
  asm.kmovq(k1, rax);
}

/** Adds up the columns that the first pixels' windows begin with. */
export function beginRow(slide: Slide): void {
  const { kernel, stride } = slide.spec;
  for (let column = 0; column < kernel.w - stride.w; column++) multiply(slide, column, 0, interleave(slide, column));
}

/** Adds up the last columns of pixel `x`'s window, for it and for those behind it, and stores it. */
export function slidePixel(slide: Slide, x: number): void {
  const { kernel, stride } = slide.spec;
  const shared = Math.max(0, kernel.w - stride.w);
  for (let i = shared; i < kernel.w; i++) {
    const column = x * stride.w + i;
    const half = !slide.layout.paired ? undefined : i === shared ? 'with next' : 'done';
    multiply(slide, column, x, interleave(slide, column, half));
  }
  finish(slide, x);
}

/**
 * The lines of an input column, interleaved: element e of vector v holds four bytes of the channel that `channelOf` names.
 * Of three lines the last can be paired with that of the next column, which is then done: lines that have no weights
 * are multiplied by zero.
 */
function interleave(slide: Slide, column: number, third?: 'with next' | 'done'): readonly Vmm[] {
  const { asm, spec } = slide;
  const { input, dilation, kernel } = spec;
  const t = (i: number): Vmm => register(slide, TEMPORARIES + i);
  const load = (to: Vmm, column: number, line: number): Vmm => {
    asm.vmovdqu64(to, ptr(r8q, line * dilation.h * input.stride.h + column * input.stride.w));
    return to;
  };
  const isWhole = vectors(slide).length === 4;
  const unpackBytes = (low: Vmm, high: Vmm, a: Vmm, b: Vmm): void => {
    asm.vpunpcklbw(low, a, b);
    if (isWhole) asm.vpunpckhbw(high, a, b);
  };
  const first = load(t(4), column, 0);
  unpackBytes(t(0), t(1), first, kernel.h > 1 ? load(t(5), column, 1) : first);
  if (kernel.h > 2 && third !== 'done') {
    const next = load(t(6), third === undefined ? column : column + 1, 2);
    const last = third !== undefined ? load(t(7), column, 2) : kernel.h > 3 ? load(t(7), column, 3) : next;
    unpackBytes(t(2), t(3), next, last);
  }
  const [low, high] = kernel.h > 2 ? [t(2), t(3)] : [t(0), t(1)];
  asm.vpunpcklwd(t(4), t(0), low);
  asm.vpunpckhwd(t(5), t(0), low);
  if (isWhole) {
    asm.vpunpcklwd(t(6), t(1), high);
    asm.vpunpckhwd(t(7), t(1), high);
  }
  return [4, 5, 6, 7].map(t);
}

/** Adds the products of an input column to pixel `x` and those behind it whose windows it is in. */
function multiply(slide: Slide, column: number, x: number, data: readonly Vmm[]): void {
  const { asm, spec, block } = slide;
  const { kernel, stride, input } = spec;
  for (const v of vectors(slide)) {
    if (input.type === 's8') asm.vpxord(data[v]!, data[v]!, ptr(rsi, (common.signs * block.bits) / 8));
    for (let pixel = x; pixel < x + pixelsUnderWay(spec); pixel++) {
      const tap = column - pixel * stride.w;
      if (tap < 0 || tap >= kernel.w) continue;
      const sum = sumOf(slide, pixel, v);
      if (tap === 0) asm.vmovdqu64(sum, biasAt(slide, v));
      asm.vpdpbusd(sum, data[v]!, weightOf(slide, tap, v));
    }
  }
}

/** Requantizes and stores a pixel: unpacking took the low and the high half of each lane apart, packing joins them. */
function finish(slide: Slide, x: number): void {
  const { asm, spec, block } = slide;
  const { result, output } = spec;
  if (result.kind !== 'requantize') return;
  for (const v of vectors(slide)) {
    const multiplier = multipliersStay(slide) ? register(slide, MULTIPLIERS + v) : multiplierAt(slide, v);
    requantize({ ...slide, constants: halfOf(slide, v) }, sumOf(slide, x, v), v & 1, multiplier);
    if ((v & 1) === 1) asm.vpackssdw(sumOf(slide, x, v - 1), sumOf(slide, x, v - 1), sumOf(slide, x, v));
  }
  const bytes = sumOf(slide, x, 0);
  packBytes(slide, bytes, vectors(slide).length === 4 ? sumOf(slide, x, 2) : bytes);
  clamp(slide, bytes, result);
  const to = ptr(r9, x * output.stride.w);
  if (block.channels === block.bits / 8) asm.vmovdqu64(to, bytes);
  else asm.vmovdqu8(to.mask(k1), bytes);
}
