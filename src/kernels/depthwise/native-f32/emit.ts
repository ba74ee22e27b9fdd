import {
  eax,
  ecx,
  edx,
  ptr,
  type R64,
  r8q,
  r9,
  r10,
  r10d,
  r11,
  r11d,
  rax,
  rcx,
  rdi,
  rdx,
  rsi,
  type Vmm,
  vmm,
} from '../../../asm/x64/index.ts';
import { type Elements, maskTail, storeIntegers, tailMaskAt } from '../../native/elements.ts';
import { vectorBytes } from '../../native/machine.ts';
import type { DepthwiseCode } from './layout.ts';
import { emitSliding } from './slide.ts';

/** First pixels of the row: of the input's window and of the output. */
const [ROW_IN, ROW_OUT, ROWS_LEFT] = [r8q, r9, r11d];
/** The current register tile's pixels and weights. */
const [IN, OUT, WEIGHTS] = [rcx, rdi, rdx];
/** Channels' bytes before the current block, blocks left, and register tiles left in the row. */
const [CHANNEL, TILES_LEFT] = [rax, r10d];

/** void step(arena, constants, tile): a number of rows. */
export function emitDepthwise(code: DepthwiseCode): void {
  const { asm, layout } = code;
  locate(code);
  if (layout.slides) emitSliding(code);
  else emitTiles(code);
  asm.vzeroupper();
  asm.ret();
}

/**
 * For each row of the tile, for each block of channels, along the row. Each tap's weights are loaded once for a register
 * tile, the input is read from memory by the multiply-adds themselves.
 */
function emitTiles(code: DepthwiseCode): void {
  const { asm, spec, layout, constants } = code;
  const row = asm.label('row');
  asm.bind(row);
  asm.xor(eax, eax);
  asm.lea(WEIGHTS, ptr(rsi, constants + layout.blocks));
  const step = layout.vectors * vectorBytes(code.machine);
  if (layout.whole > 0) {
    const block = asm.label('block');
    asm.bind(block);
    alongRow(code, layout.vectors * code.machine.lanes);
    asm.add(WEIGHTS, layout.blockBytes);
    asm.add(CHANNEL, step);
    asm.cmp(CHANNEL, layout.whole * step);
    asm.jb(block);
  }
  if (layout.rest > 0) alongRow(code, layout.rest);
  asm.add(ROW_IN, spec.stride.h * spec.input.stride.h);
  asm.add(ROW_OUT, spec.output.stride.h);
  asm.dec(ROWS_LEFT);
  asm.jnz(row);
}

/** From the tile's number to its first row. */
function locate({ asm, spec, layout }: DepthwiseCode): void {
  const { input, output, padding, stride } = spec;
  asm.mov(eax, edx);
  asm.xor(edx, edx);
  asm.mov(ecx, layout.rowGroups);
  asm.div(ecx);
  // rax: picture, rdx: group of rows.
  asm.imul(rcx, rdx, layout.rows);
  asm.mov(ROWS_LEFT, output.shape.h);
  asm.sub(r11, rcx);
  asm.mov(r10d, layout.rows);
  asm.cmp(ROWS_LEFT, r10d);
  asm.cmova(ROWS_LEFT, r10d);
  const walk = (to: R64, base: number, picture: number, line: number): void => {
    asm.imul(r10, rax, picture);
    asm.lea(to, ptr(rdi, { index: r10, disp: base }));
    asm.imul(r10, rcx, line);
    asm.add(to, r10);
  };
  const base = input.offset - padding.top * input.stride.h - padding.left * input.stride.w;
  walk(ROW_IN, base, input.stride.n, stride.h * input.stride.h);
  walk(ROW_OUT, output.offset, output.stride.n, output.stride.h);
}

/** All pixels of a row, `channels` channels of them. */
function alongRow(code: DepthwiseCode, channels: number): void {
  const { asm, spec, layout, machine } = code;
  const { columns } = layout;
  const { w } = spec.output.shape;
  const elements = elementsOf(code);
  maskTail(elements, channels % machine.lanes === 0 ? machine.lanes : channels % machine.lanes);
  asm.lea(IN, ptr(ROW_IN, { index: CHANNEL }));
  asm.lea(OUT, ptr(ROW_OUT, { index: CHANNEL }));
  const whole = Math.floor(w / columns);
  const next = asm.label('tile');
  if (whole > 1) asm.mov(TILES_LEFT, whole);
  asm.bind(next);
  registerTile(code, elements, columns, channels);
  if (whole > 1 || w % columns > 0) {
    asm.add(IN, columns * spec.stride.w * spec.input.stride.w);
    asm.add(OUT, columns * spec.output.stride.w);
  }
  if (whole > 1) {
    asm.dec(TILES_LEFT);
    asm.jnz(next);
  }
  if (w % columns > 0) registerTile(code, elements, w % columns, channels);
}

const elementsOf = ({ asm, machine, layout, constants }: DepthwiseCode): Elements => ({
  asm,
  machine,
  tail: (count) => ptr(rsi, constants + layout.masks + tailMaskAt(count)),
});

function registerTile(code: DepthwiseCode, elements: Elements, columns: number, channels: number): void {
  const { asm, spec, machine, layout, constants } = code;
  const { kernel, dilation, stride, input, output, low, high } = spec;
  const v = vmm(machine.bits);
  const bytes = vectorBytes(machine);
  const vectors = Math.ceil(channels / machine.lanes);
  const sum = (x: number, i: number): Vmm => v(x * layout.vectors + i);
  const weight = (i: number): Vmm => v(machine.registers - layout.vectors + i);
  for (let i = 0; i < vectors; i++)
    for (let x = 0; x < columns; x++)
      if (x === 0) asm.vmovups(sum(0, i), ptr(WEIGHTS, i * bytes));
      else asm.vmovups(sum(x, i), sum(0, i));
  for (let row = 0; row < kernel.h; row++)
    for (let column = 0; column < kernel.w; column++) {
      const tap = row * kernel.w + column;
      const at = row * dilation.h * input.stride.h + column * dilation.w * input.stride.w;
      for (let i = 0; i < vectors; i++) asm.vmovups(weight(i), ptr(WEIGHTS, ((1 + tap) * layout.vectors + i) * bytes));
      for (let x = 0; x < columns; x++)
        for (let i = 0; i < vectors; i++)
          asm.vfmadd231ps(sum(x, i), weight(i), ptr(IN, at + x * stride.w * input.stride.w + i * bytes));
    }
  for (let x = 0; x < columns; x++)
    for (let i = 0; i < vectors; i++) {
      // The limits come first: NaN passes on from the second operand.
      const [result, limit] = [sum(x, i), weight(0)];
      if (low !== undefined) {
        asm.vmovups(limit, ptr(rsi, constants));
        asm.vmaxps(result, limit, result);
      }
      if (high !== undefined) {
        asm.vmovups(limit, ptr(rsi, constants + layout.high));
        asm.vminps(result, limit, result);
      }
      const count = Math.min(machine.lanes, channels - i * machine.lanes);
      storeIntegers(elements, 'f32', ptr(OUT, x * output.stride.w + i * bytes), result, count, weight(1));
    }
}
