import { type Assembler, dword, eax, ecx, ptr, qword, rbx, rdx, rsi, rsp, vmm } from '../../../asm/x64/index.ts';
import { type Layout, scalars } from './layout.ts';
import type { Plan } from './plan.ts';
import type { ConvSpec } from './spec.ts';
import type { Target } from './target.ts';
import { load, store } from './tile.ts';

/** A convolution, laid out and shared out. */
type Planned = { readonly spec: ConvSpec; readonly layout: Layout; readonly plan: Plan };
type Code = Planned & { readonly asm: Assembler; readonly target: Target };

/** Longer sums hide what they flip behind their dot products. */
const MOST_STEPS = 24;
/** Of the stack; it stays in the first-level cache beside the panels. */
const MOST_BYTES = 16_384;
const LINE = 64;

/**
 * Bytes of the stack that hold a chunk's s8 activations with their signs flipped; 0 where there are none. Signs are flipped
 * for each panel otherwise, and beside few dot products a sum that takes a tenth of the time.
 */
export function flippedBytes({ spec, layout, plan }: Planned): number {
  const { rows, taps, steps, bytes } = layout.segments;
  const { step, row } = plan.walkers.input;
  const isDense = rows * taps === 1 && step === bytes && (plan.rows === 1 || row === plan.width * step);
  if (spec.input.type !== 's8' || !isDense || bytes % 4 !== 0 || steps > MOST_STEPS) return 0;
  if (plan.panelsInRange < 2 || layout.panels.some(({ firstIn }) => firstIn > 0)) return 0;
  const size = plan.tilesInChunk * plan.height * bytes;
  return size > MOST_BYTES ? 0 : Math.ceil(size / LINE) * LINE + LINE;
}

/**
 * Copies the chunk from its first pixel on, whose number is in eax, to `scratch` (byte offset from rsp) with signs flipped,
 * and lets the slot `input` point there. Changes rax, rbx, rcx, rdx.
 */
export function flipSigns({ asm, target, layout, plan }: Code, scratch: number, input: number): void {
  const v = vmm(target.bits);
  const [values, signs] = [v(0), v(1)];
  const vector = target.bits / 8;
  const [loop, rest, words, done] = [asm.label('flip'), asm.label('rest'), asm.label('words'), asm.label('flipped')];
  // No more than the picture has.
  asm.mov(ecx, plan.rows * plan.width);
  asm.sub(ecx, eax);
  asm.mov(eax, plan.tilesInChunk * plan.height);
  asm.cmp(ecx, eax);
  asm.cmova(ecx, eax);
  asm.imul(ecx, ecx, layout.segments.bytes);
  asm.lea(rdx, ptr(rsp, scratch + LINE - 1));
  asm.and(rdx, -LINE);
  asm.mov(rbx, qword(rsp, input));
  asm.mov(qword(rsp, input), rdx);
  asm.vpbroadcastd(signs, ptr(rsi, scalars.signBytes));
  asm.sub(ecx, vector);
  asm.jb(rest);
  asm.bind(loop);
  load(asm, target.bits, values, ptr(rbx));
  if (target.bits === 512) asm.vpxord(values, values, signs);
  else asm.vpxor(values, values, signs);
  store(asm, target.bits, ptr(rdx), values);
  asm.add(rbx, vector);
  asm.add(rdx, vector);
  asm.sub(ecx, vector);
  asm.jae(loop);
  asm.bind(rest);
  asm.add(ecx, vector);
  asm.jz(done);
  asm.bind(words);
  asm.mov(eax, dword(rbx));
  asm.xor(eax, 0x80808080 | 0);
  asm.mov(dword(rdx), eax);
  asm.add(rbx, 4);
  asm.add(rdx, 4);
  asm.sub(ecx, 4);
  asm.jnz(words);
  asm.bind(done);
}

const PAGE = 4096;

/** Makes room on the stack, page by page: Windows gives a thread's stack memory only where the page before is in use. */
export function growStack(asm: Assembler, bytes: number): void {
  let left = bytes;
  for (; left > PAGE; left -= PAGE) {
    asm.sub(rsp, PAGE);
    asm.mov(dword(rsp), eax);
  }
  asm.sub(rsp, left);
}
