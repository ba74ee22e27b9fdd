import {
  eax,
  edx,
  k1,
  type Mem,
  ptr,
  r8q,
  r9,
  r10d,
  r11d,
  rcx,
  rdi,
  rsi,
  type Zmm,
  zmm,
} from '../../../asm/x64/index.ts';
import { vectorBytes } from '../../native/machine.ts';
import type { DepthwiseCode } from './layout.ts';

/** The current pixels' window and result; the block's constants; what is left to do. */
const [IN, OUT, WEIGHTS] = [rcx, rdi, rsi];
const [BLOCKS_LEFT, ROWS_LEFT, ROUNDS_LEFT] = [edx, eax, r10d];

/** Registers: the weights of nine taps, the sums of three pixels and three lines of input, in two vectors; the limits. */
const SUMS = 18;
const DATA = 24;
const [LOW, HIGH] = [zmm(30), zmm(31)];

/** A block of channels of `vectors` vectors, masked by k1 in the last one where it `ends` within that. */
type Block = DepthwiseCode & { readonly vectors: number; readonly ends: boolean };

/** How many pixels have a column of input in common, which is how many sums of a row are under way at once. */
const pixelsUnderWay = ({ kernel, stride }: DepthwiseCode['spec']): number => Math.ceil(kernel.w / stride.w);

/**
 * The tile's rows, which begin at r8 and r9 and are r11d, block by block of channels. All weights stay in registers, and
 * each element of input is loaded once for a row of output, not once for each tap that reads it.
 */
export function emitSliding(code: DepthwiseCode): void {
  const { asm, spec, layout, constants, machine } = code;
  const { c } = spec.output.shape;
  const bytes = layout.vectors * vectorBytes(machine);
  if (spec.low !== undefined) asm.vmovups(LOW, ptr(rsi, constants));
  if (spec.high !== undefined) asm.vmovups(HIGH, ptr(rsi, constants + layout.high));
  asm.lea(WEIGHTS, ptr(rsi, constants + layout.blocks));
  if (layout.whole > 0) {
    const next = asm.label('block');
    asm.mov(BLOCKS_LEFT, layout.whole);
    asm.bind(next);
    emitBlock({ ...code, vectors: layout.vectors, ends: false });
    asm.add(WEIGHTS, layout.blockBytes);
    asm.add(r8q, bytes);
    asm.add(r9, bytes);
    asm.dec(BLOCKS_LEFT);
    asm.jnz(next);
  }
  if (layout.rest === 0) return;
  const last = c % machine.lanes;
  asm.mov(eax, 2 ** last - 1);
  asm.kmovd(k1, eax);
  emitBlock({ ...code, vectors: Math.ceil(layout.rest / machine.lanes), ends: last > 0 });
}

/** The rows of a block of channels. */
function emitBlock(block: Block): void {
  const { asm, spec, vectors, layout } = block;
  const { input, output, stride, kernel } = spec;
  for (let tap = 0; tap < kernel.h * kernel.w; tap++)
    for (let v = 0; v < vectors; v++)
      asm.vmovups(weight(block, tap, v), ptr(WEIGHTS, 64 * ((1 + tap) * layout.vectors + v)));
  asm.mov(IN, r8q);
  asm.mov(OUT, r9);
  asm.mov(ROWS_LEFT, r11d);
  const row = asm.label('row');
  asm.bind(row);
  const together = pixelsUnderWay(spec);
  const rounds = Math.floor(output.shape.w / together);
  for (let column = 0; column < kernel.w - stride.w; column++) take(block, column, 0);
  if (rounds > 0) {
    const loop = asm.label('pixels');
    asm.mov(ROUNDS_LEFT, rounds);
    asm.bind(loop);
    for (let x = 0; x < together; x++) emitPixel(block, x);
    asm.add(IN, together * stride.w * input.stride.w);
    asm.add(OUT, together * output.stride.w);
    asm.dec(ROUNDS_LEFT);
    asm.jnz(loop);
  }
  for (let x = 0; x < output.shape.w % together; x++) emitPixel(block, x);
  asm.add(IN, stride.h * input.stride.h - rounds * together * stride.w * input.stride.w);
  asm.add(OUT, output.stride.h - rounds * together * output.stride.w);
  asm.dec(ROWS_LEFT);
  asm.jnz(row);
}

const weight = ({ vectors }: Block, tap: number, v: number): Zmm => zmm(tap * vectors + v);
const sumOf = ({ spec }: Block, x: number, v: number): Zmm => zmm(SUMS + (x % pixelsUnderWay(spec)) * 2 + v);

/** Adds up the columns of pixel `x`'s window that no pixel before it has, and stores it. */
function emitPixel(block: Block, x: number): void {
  const { asm, spec, vectors, ends } = block;
  const { kernel, stride, output, low, high } = spec;
  for (let i = Math.max(0, kernel.w - stride.w); i < kernel.w; i++) take(block, x * stride.w + i, x);
  for (let v = 0; v < vectors; v++) {
    const sum = sumOf(block, x, v);
    // The limits come first: NaN passes on from the second operand.
    if (low !== undefined) asm.vmaxps(sum, LOW, sum);
    if (high !== undefined) asm.vminps(sum, HIGH, sum);
    const to = ptr(OUT, x * output.stride.w + 64 * v);
    asm.vmovups(ends && v === vectors - 1 ? to.mask(k1) : to, sum);
  }
}

/** Adds an input column to the sums of pixel `x` and those behind it whose windows it is in. */
function take(block: Block, column: number, x: number): void {
  const { asm, spec, vectors } = block;
  const { kernel, stride, dilation, input } = spec;
  const biasAt = (v: number): Mem => ptr(WEIGHTS, 64 * v);
  const tapOf = (pixel: number): number => column - pixel * stride.w;
  const pixels = Array.from({ length: pixelsUnderWay(spec) }, (_, i) => x + i).filter(
    (pixel) => tapOf(pixel) >= 0 && tapOf(pixel) < kernel.w,
  );
  for (let line = 0; line < kernel.h; line++) {
    const data = (v: number): Zmm => zmm(DATA + 2 * line + v);
    for (let v = 0; v < vectors; v++)
      asm.vmovups(data(v), ptr(IN, line * dilation.h * input.stride.h + column * input.stride.w + 64 * v));
    for (const pixel of pixels)
      for (let v = 0; v < vectors; v++) {
        const sum = sumOf(block, pixel, v);
        if (tapOf(pixel) === 0 && line === 0) asm.vmovups(sum, biasAt(v));
        asm.vfmadd231ps(sum, data(v), weight(block, line * kernel.w + tapOf(pixel), v));
      }
  }
}
