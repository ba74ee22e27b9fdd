import {
  type Assembler,
  k1,
  type Mem,
  ptr,
  r8q,
  r9,
  rax,
  rsi,
  type Vmm,
  vmm,
  xmm,
  zmm,
} from '../../../asm/x64/index.ts';
import type { ConvSpec } from '../../conv/native/spec.ts';
import type { Target } from '../../conv/native/target.ts';
import { clamp, packBytes, requantize } from './finish.ts';
import { type Block, common, halfAt, type Layout, rowBytes, weightAt } from './layout.ts';

/**
 * A row of output pixels at r9 (or `block.rows` of them), of all channels of a block; the first pixel's window at r8, constants at rsi, k1 the bytes
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
  if (block.channels === rowBytes(block)) return;
  asm.mov(rax, (1n << BigInt(block.channels)) - 1n);
  asm.kmovq(k1, rax);
}

/** Emits an instruction or a few that belong together each time it is resumed. */
type Emission = Generator<void, void>;

/** Adds up the columns that the first pixels' windows begin with. */
export function beginRow(slide: Slide): void {
  const { kernel, stride } = slide.spec;
  for (let column = 0; column < kernel.w - stride.w; column++) {
    emitAll(interleave(slide, column));
    emitAll(multiply(slide, column, 0, pixelsUnderWay(slide.spec)));
  }
}

/**
 * Adds up the last columns of pixel `x`'s window, for it and for those behind it that have them too. Meanwhile the pixel
 * before it is finished if `last` says that there is one: processors don't look far enough ahead to mix the two themselves.
 */
export function slidePixel(slide: Slide, x: number, last: 'first of row' | 'behind another'): void {
  const { kernel, stride } = slide.spec;
  const pixels = pixelsUnderWay(slide.spec);
  const before = last === 'first of row' ? undefined : finish(slide, x - 1);
  if (pixels === 1) {
    if (before !== undefined) emitAll(before);
    emitAll(takeColumns(slide, x, x + 1));
    return;
  }
  const sums = takeColumns(slide, x, x + pixels - 1);
  const share = 2 * stride.w;
  for (let i = 1; sums.next().done !== true; i++) if (i % share === 0) before?.next();
  if (before !== undefined) emitAll(before);
  // Only now the registers of the pixel before are free for the one that begins with this column.
  emitAll(multiply(slide, x * stride.w + kernel.w - 1, x + pixels - 1, x + pixels));
}

export const finishPixel = (slide: Slide, x: number): void => emitAll(finish(slide, x));

function emitAll(emission: Emission): void {
  while (emission.next().done !== true);
}

/** The columns of pixel `x`'s window that no pixel before it has, for pixels `x` to `end`. */
function* takeColumns(slide: Slide, x: number, end: number): Emission {
  const { kernel, stride } = slide.spec;
  const shared = Math.max(0, kernel.w - stride.w);
  for (let i = shared; i < kernel.w; i++) {
    const column = x * stride.w + i;
    yield* interleave(slide, column, !slide.layout.paired ? undefined : i === shared ? 'with next' : 'done');
    yield* multiply(slide, column, x, end);
  }
}

/**
 * The lines of an input column, interleaved: element e of vector v holds four bytes of the channel that `channelOf` names.
 * Of three lines the last can be paired with that of the next column, which is then done: lines that have no weights
 * are multiplied by zero.
 */
function* interleave(slide: Slide, column: number, third?: 'with next' | 'done'): Emission {
  const { asm, spec, block } = slide;
  const { input, dilation, kernel, stride } = spec;
  const t = (i: number): Vmm => register(slide, TEMPORARIES + i);
  const load = (to: Vmm, column: number, line: number): void => {
    const at = (row: number): Mem =>
      ptr(r8q, (line * dilation.h + row * stride.h) * input.stride.h + column * input.stride.w);
    asm.vmovdqu64(block.rows === 1 ? to : vmm(128)(to.n), at(0));
    for (let row = 1; row < block.rows; row++) asm.vinserti32x4(zmm(to.n), zmm(to.n), at(row), row);
  };
  const isWhole = vectors(slide).length === 4;
  const [a, b, c, d] = [t(4), kernel.h > 1 ? t(5) : t(4), t(6), third !== undefined || kernel.h > 3 ? t(7) : t(6)];
  load(a, column, 0);
  if (b !== a) load(b, column, 1);
  yield asm.vpunpcklbw(t(0), a, b);
  if (isWhole) yield asm.vpunpckhbw(t(1), a, b);
  if (kernel.h > 2 && third !== 'done') {
    load(c, third === undefined ? column : column + 1, 2);
    if (d !== c) load(d, column, third === undefined ? 3 : 2);
    yield asm.vpunpcklbw(t(2), c, d);
    if (isWhole) yield asm.vpunpckhbw(t(3), c, d);
  }
  const [low, high] = kernel.h > 2 ? [t(2), t(3)] : [t(0), t(1)];
  yield asm.vpunpcklwd(dataOf(slide, 0), t(0), low);
  yield asm.vpunpckhwd(dataOf(slide, 1), t(0), low);
  if (isWhole) {
    yield asm.vpunpcklwd(dataOf(slide, 2), t(1), high);
    yield asm.vpunpckhwd(dataOf(slide, 3), t(1), high);
  }
  if (input.type === 's8')
    for (const v of vectors(slide))
      yield asm.vpxord(dataOf(slide, v), dataOf(slide, v), ptr(rsi, (common.signs * block.bits) / 8));
}

const dataOf = (slide: Slide, v: number): Vmm => register(slide, TEMPORARIES + 4 + v);

/** Adds the products of the interleaved column to those of the pixels `from` to `end` whose windows it is in. */
function* multiply(slide: Slide, column: number, from: number, end: number): Emission {
  const { asm, spec } = slide;
  const { kernel, stride } = spec;
  for (const v of vectors(slide))
    for (let pixel = from; pixel < end; pixel++) {
      const tap = column - pixel * stride.w;
      if (tap < 0 || tap >= kernel.w) continue;
      const sum = sumOf(slide, pixel, v);
      if (tap === 0) asm.vmovdqu64(sum, biasAt(slide, v));
      yield asm.vpdpbusd(sum, dataOf(slide, v), weightOf(slide, tap, v));
    }
}

/** Requantizes and stores a pixel: unpacking took the low and the high half of each lane apart, packing joins them. */
function* finish(slide: Slide, x: number): Emission {
  const { asm, spec, block } = slide;
  const { result, output } = spec;
  if (result.kind !== 'requantize') return;
  const sum = (v: number): Vmm => sumOf(slide, x + pixelsUnderWay(spec), v);
  for (const v of vectors(slide)) {
    const multiplier = multipliersStay(slide) ? register(slide, MULTIPLIERS + v) : multiplierAt(slide, v);
    yield requantize({ ...slide, constants: halfOf(slide, v) }, sum(v), v & 1, multiplier);
    if ((v & 1) === 1) yield asm.vpackssdw(sum(v - 1), sum(v - 1), sum(v));
  }
  const bytes = sum(0);
  yield packBytes(slide, bytes, vectors(slide).length === 4 ? sum(2) : bytes);
  clamp(slide, bytes, result);
  for (let row = 0; row < block.rows; row++) {
    const to = ptr(r9, row * output.stride.h + x * output.stride.w);
    const isWhole = block.channels === rowBytes(block);
    const part = row > 0 ? vmm(128)(sum(1).n) : block.rows === 1 ? bytes : vmm(128)(bytes.n);
    if (row > 0 && isWhole) asm.vextracti32x4(to, zmm(bytes.n), row);
    else if (row > 0) asm.vextracti32x4(xmm(part.n), zmm(bytes.n), row);
    else if (isWhole) asm.vmovdqu64(to, part);
    if (!isWhole) asm.vmovdqu8(to.mask(k1), part);
  }
}
