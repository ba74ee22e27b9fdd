import {
  eax,
  ecx,
  edx,
  ptr,
  type R64,
  r10,
  r12,
  r12d,
  rax,
  rbp,
  rbx,
  rcx,
  rdi,
  rsi,
  vmm,
  xmm,
} from '../../../asm/x64/index.ts';
import { sizeOfElement } from '../../native/buffers.ts';
import {
  type Elements,
  maskBytes,
  maskTail,
  storeBytes,
  storeIntegers,
  storeReals,
  tailMaskAt,
} from '../../native/elements.ts';
import { type Machine, vectorBytes } from '../../native/machine.ts';
import {
  folding,
  IN,
  OUT,
  PICTURE,
  PIXELS_LEFT,
  type PoolCode,
  ROW_OUT,
  ROWS_LEFT,
  TAP_ROWS,
  TAPS,
  TOP,
  WINDOW_ROWS,
  Y,
} from './code.ts';
import { constantsAt } from './layout.ts';
import { slideRow } from './slide.ts';
import { type Columns, columnsOf, isSliding, type PoolSpec } from './spec.ts';

const SAVED: readonly R64[] = [rbx, rbp, r12];

/** void step(arena, constants, tile): a block of channels of some rows of a picture. */
export function emitPool(code: PoolCode): void {
  const { asm, layout } = code;
  for (const register of SAVED) asm.push(register);
  locate(code);
  const done = asm.label('done');
  if (layout.rest > 0) {
    const whole = asm.label('whole');
    if (layout.blocks > 1) {
      asm.cmp(ecx, layout.blocks - 1);
      asm.jne(whole);
    }
    rows(code, layout.rest);
    if (layout.blocks > 1) asm.jmp(done);
    asm.bind(whole);
  }
  if (layout.rest === 0 || layout.blocks > 1) rows(code, layout.channels);
  asm.bind(done);
  for (const register of SAVED.toReversed()) asm.pop(register);
  asm.vzeroupper();
  asm.ret();
}

/** From the tile's number to pointers and rows; leaves the block's number in ecx. */
function locate({ asm, spec, layout }: PoolCode): void {
  const { input, output } = spec;
  const divide = (by: number): void => {
    asm.xor(edx, edx);
    asm.mov(ecx, by);
    asm.div(ecx);
  };
  asm.mov(eax, edx);
  divide(layout.blocks);
  asm.mov(r12d, edx);
  divide(layout.rowGroups);
  // rax: picture, rdx: group of rows, r12: block.
  asm.imul(Y, edx, layout.rows);
  asm.mov(ROWS_LEFT, output.shape.h);
  asm.sub(ROWS_LEFT, Y);
  asm.mov(ecx, layout.rows);
  asm.cmp(ROWS_LEFT, ecx);
  asm.cmova(ROWS_LEFT, ecx);
  for (const [to, buffer] of [
    [PICTURE, input],
    [ROW_OUT, output],
  ] as const) {
    asm.imul(rcx, rax, buffer.stride.n);
    asm.lea(to, ptr(rdi, { index: rcx, disp: buffer.offset }));
    asm.imul(rcx, r12, layout.channels * sizeOfElement(buffer.type));
    asm.add(to, rcx);
  }
  asm.imul(rcx, r10, output.stride.h);
  asm.add(ROW_OUT, rcx);
  asm.mov(ecx, r12d);
}

function rows(code: PoolCode, channels: number): void {
  const { asm, spec } = code;
  const { input, output, kernel, stride, padding } = spec;
  const elements = elementsOf(code);
  if (isBytewise(spec)) maskBytes(elements, channels % vectorBytes(code.machine) || vectorBytes(code.machine));
  else maskTail(elements, channels % code.machine.lanes || code.machine.lanes);
  const row = asm.label('row');
  asm.bind(row);
  // The window's rows inside of the picture: ecx to eax.
  asm.imul(ecx, Y, stride.h);
  asm.sub(ecx, padding.top);
  asm.lea(rax, ptr(rcx, kernel.h));
  asm.mov(edx, input.shape.h);
  asm.cmp(eax, edx);
  asm.cmovg(eax, edx);
  asm.xor(edx, edx);
  asm.cmp(ecx, edx);
  asm.cmovl(ecx, edx);
  asm.sub(WINDOW_ROWS, ecx);
  asm.imul(TOP, rcx, input.stride.h);
  asm.add(TOP, PICTURE);
  if (isSliding(spec)) slideRow({ code, elements, channels });
  else for (const group of columnsOf(spec)) pixels(code, elements, group, channels);
  asm.add(ROW_OUT, output.stride.h);
  asm.inc(Y);
  asm.dec(ROWS_LEFT);
  asm.jnz(row);
}

const elementsOf = ({ asm, machine, constants }: PoolCode): Elements => ({
  asm,
  machine,
  tail: (count) => ptr(rsi, constants + constantsAt.tail + tailMaskAt(count)),
});

/** The pixels of a group of columns of one row. */
function pixels(code: PoolCode, elements: Elements, { first, count, start, width }: Columns, channels: number): void {
  const { asm, spec } = code;
  const { input, output, stride } = spec;
  asm.lea(IN, ptr(TOP, start * input.stride.w));
  asm.lea(OUT, ptr(ROW_OUT, first * output.stride.w));
  const pixel = asm.label('pixel');
  if (count > 1) asm.mov(PIXELS_LEFT, count);
  asm.bind(pixel);
  window(code, elements, width, channels);
  if (count === 1) return;
  asm.add(IN, stride.w * input.stride.w);
  asm.add(OUT, output.stride.w);
  asm.dec(PIXELS_LEFT);
  asm.jnz(pixel);
}

/** Whether whole vectors of bytes are compared. */
const isBytewise = ({ input, reduce }: PoolSpec): boolean => reduce.kind === 'max' && input.type !== 'f32';

/** Channels that a vector holds. */
export const perVector = (spec: PoolSpec, machine: Machine): number =>
  isBytewise(spec) ? vectorBytes(machine) : machine.lanes;

function window(code: PoolCode, elements: Elements, width: number, channels: number): void {
  const { asm, spec, machine, constants } = code;
  const { input, output, reduce } = spec;
  const v = vmm(machine.bits);
  const per = perVector(spec, machine);
  const vectors = Math.ceil(channels / per);
  const fold = folding(code, v(16 - 1));
  const initial = ptr(rsi, constants + constantsAt.initial);
  for (let i = 0; i < vectors; i++) asm.vmovups(v(i), initial);
  asm.mov(TAPS, IN);
  asm.mov(TAP_ROWS, WINDOW_ROWS);
  const row = asm.label('windowRow');
  asm.bind(row);
  for (let column = 0; column < width; column++)
    for (let i = 0; i < vectors; i++)
      fold(v(i), ptr(TAPS, column * input.stride.w + i * per * sizeOfElement(input.type)));
  asm.add(TAPS, input.stride.h);
  asm.dec(TAP_ROWS);
  asm.jnz(row);
  const [divisor, spare] = [v(14), v(13)];
  if (reduce.kind === 'average') {
    asm.imul(TAP_ROWS, WINDOW_ROWS, width);
    asm.vcvtsi2ss(xmm(divisor), xmm(divisor), TAP_ROWS);
    asm.vbroadcastss(divisor, xmm(divisor));
  }
  for (let i = 0; i < vectors; i++) {
    const to = ptr(OUT, i * per * sizeOfElement(output.type));
    const count = Math.min(per, channels - i * per);
    if (isBytewise(spec)) storeBytes(elements, to, v(i), count);
    else if (reduce.kind === 'max') storeIntegers(elements, 'f32', to, v(i), count, spare);
    else {
      if (input.type !== 'f32') asm.vcvtdq2ps(v(i), v(i));
      if (reduce.kind === 'average') asm.vdivps(v(i), v(i), divisor);
      else asm.vmulps(v(i), v(i), ptr(rsi, constants + constantsAt.factor));
      storeReals(elements, output.type, to, v(i), count, spare);
    }
  }
}
