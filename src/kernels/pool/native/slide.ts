import { ptr, type Vmm, vmm, xmm } from '../../../asm/x64/index.ts';
import { sizeOfElement } from '../../native/buffers.ts';
import { type Elements, storeReals } from '../../native/elements.ts';
import { folding, IN, OUT, PIXELS_LEFT, type PoolCode, ROW_OUT, TAP_ROWS, TAPS, TOP, WINDOW_ROWS } from './code.ts';
import { type Columns, columnsOf, isReciprocal } from './spec.ts';

/** Registers: a window's sum, two spare ones, and the number of its pixels or one by that. Columns have those before. */
const [SUM, SPARE, SCALE, TAP] = [12, 13, 14, 15];
const ONE = 0x3f800000;

type Row = { readonly code: PoolCode; readonly elements: Elements; readonly channels: number };
type Slide = Row & { readonly byReciprocal: boolean };

/**
 * A row of averages whose windows are a column apart: the sums of the last `kernel.w` columns stay in registers, so inputs
 * are read once a row instead of once a window. Columns outside of the picture are sums of nothing. Windows are summed from
 * their first column on, so equal windows have equal sums.
 */
export function slideRow(row: Row): void {
  const { asm, spec } = row.code;
  const slide: Slide = { ...row, byReciprocal: isReciprocal(spec) };
  const { input, kernel, padding } = spec;
  const last = kernel.w - 1 - padding.left;
  for (let x = -padding.left; x < last; x++) {
    const isInside = x >= 0 && x < input.shape.w;
    if (isInside) asm.lea(IN, ptr(TOP, x * input.stride.w));
    sumColumn(slide, x + padding.left, isInside);
  }
  asm.lea(IN, ptr(TOP, last * input.stride.w));
  asm.mov(OUT, ROW_OUT);
  for (const group of columnsOf(spec)) slideGroup(slide, group);
}

/** Windows with as many columns inside of the picture; of all but the last ones the next column is, too. */
function slideGroup(slide: Slide, { first, count, width }: Columns): void {
  const { asm, spec } = slide.code;
  const { input, kernel, padding } = spec;
  scaleBy(slide, width);
  const isInside = first + kernel.w - 1 - padding.left < input.shape.w;
  const rounds = count >= 2 * kernel.w ? Math.floor(count / kernel.w) : 0;
  const pixels = (number: number): void => {
    for (let i = 0; i < number; i++) pixel(slide, first + i, isInside);
  };
  if (rounds > 0) {
    const again = asm.label('slide');
    asm.mov(PIXELS_LEFT, rounds);
    asm.bind(again);
    pixels(kernel.w);
    asm.dec(PIXELS_LEFT);
    asm.jnz(again);
  }
  pixels(count - rounds * kernel.w);
}

/** The number of a window's pixels inside of the picture, or one by that. */
function scaleBy({ code, byReciprocal }: Slide, width: number): void {
  const { asm, machine } = code;
  const [scale, one] = [xmm(SCALE), xmm(SPARE)];
  asm.imul(TAP_ROWS, WINDOW_ROWS, width);
  asm.vcvtsi2ss(scale, scale, TAP_ROWS);
  if (byReciprocal) {
    asm.mov(TAP_ROWS, ONE);
    asm.vmovd(one, TAP_ROWS);
    asm.vdivss(scale, one, scale);
  }
  asm.vbroadcastss(vmm(machine.bits)(SCALE), scale);
}

/** Takes the next column, and stores the average of the window that it completes. */
function pixel(slide: Slide, x: number, isInside: boolean): void {
  const { code, elements, byReciprocal } = slide;
  const { asm, spec, machine } = code;
  const { input, output, kernel } = spec;
  const v = vmm(machine.bits);
  sumColumn(slide, x + kernel.w - 1, isInside);
  if (isInside) asm.add(IN, input.stride.w);
  for (const [i, count] of vectorsOf(slide).entries()) {
    const sums = Array.from({ length: kernel.w }, (_, column) => columnAt(slide, x + column, i));
    sums.reduce((sum, next) => {
      if (input.type === 'f32') asm.vaddps(v(SUM), sum, next);
      else asm.vpaddd(v(SUM), sum, next);
      return v(SUM);
    });
    if (input.type !== 'f32') asm.vcvtdq2ps(v(SUM), v(SUM));
    if (byReciprocal) asm.vmulps(v(SUM), v(SUM), v(SCALE));
    else asm.vdivps(v(SUM), v(SUM), v(SCALE));
    const to = ptr(OUT, i * machine.lanes * sizeOfElement(output.type));
    storeReals(elements, output.type, to, v(SUM), count, v(SPARE));
  }
  asm.add(OUT, output.stride.w);
}

/** Channels of each vector. */
function vectorsOf({ code: { machine }, channels }: Slide): readonly number[] {
  const { lanes } = machine;
  return Array.from({ length: Math.ceil(channels / lanes) }, (_, i) => Math.min(lanes, channels - i * lanes));
}

/** Vector `i` of the sum of a column, counted from the first that any window reads. */
function columnAt(slide: Slide, column: number, i: number): Vmm {
  const { spec, machine } = slide.code;
  return vmm(machine.bits)((column % spec.kernel.w) * vectorsOf(slide).length + i);
}

/** Sums a column over the window's rows, from the pixel at `IN` down. */
function sumColumn(slide: Slide, column: number, isInside: boolean): void {
  const { asm, spec, machine } = slide.code;
  const { input } = spec;
  const sums = vectorsOf(slide).map((_, i) => columnAt(slide, column, i));
  for (const sum of sums) asm.vpxor(xmm(sum.n), xmm(sum.n), xmm(sum.n));
  if (!isInside) return;
  const fold = folding(slide.code, vmm(machine.bits)(TAP));
  const row = asm.label('columnRow');
  asm.mov(TAPS, IN);
  asm.mov(TAP_ROWS, WINDOW_ROWS);
  asm.bind(row);
  for (const [i, sum] of sums.entries()) fold(sum, ptr(TAPS, i * machine.lanes * sizeOfElement(input.type)));
  asm.add(TAPS, input.stride.h);
  asm.dec(TAP_ROWS);
  asm.jnz(row);
}
