import {
  type Assembler,
  k1,
  type Mem,
  ptr,
  r8q,
  r9,
  rax,
  rcx,
  rdi,
  rdx,
  rsi,
  type Vmm,
  vmm,
  xmm,
  ymm,
  zmm,
} from '../../../asm/x64/index.ts';
import { exp, log } from '../../activation/native/formulas.ts';
import { bufferProblem, sameSizes } from '../../native/buffers.ts';
import { type Elements, maskTail, storeIntegers, tailMask, tailMaskAt } from '../../native/elements.ts';
import { type Machine, vectorBytes } from '../../native/machine.ts';
import { pixelKernels } from '../../native/pixel-kernel.ts';
import { emitRun, emitWalk, pixelWalk } from '../../native/walk.ts';
import type { Buffer, NativeKernel } from '../../native-kernel.ts';
import { evaluate } from '../../pointwise/native/evaluate.ts';
import { constantsOf, input, sub } from '../../pointwise/native/expr.ts';

/**
 * y = e^(x − max x) / Σ e^(x − max x) over the channels of each pixel, in float32; its logarithm
 * x − max x − ln Σ e^(x − max x) where `isLog` says so. Buffers of one shape.
 */
export type SoftmaxSpec = { readonly input: Buffer; readonly output: Buffer; readonly isLog?: boolean };

const shifted = exp(sub(input(0), input(1)));
const logarithm = log(input(0));
const patterns = [...new Set([...constantsOf(shifted), ...constantsOf(logarithm)])];

/** The constants of eˣ and ln x as vectors, then a vector of the least float and one of 1, then the tail's masks. */
const layoutOf = (machine: Machine) => {
  const bytes = vectorBytes(machine);
  const least = patterns.length * bytes;
  return { least, one: least + bytes, tail: least + 2 * bytes, bytes: least + 2 * bytes + tailMask.byteLength };
};

function pack(machine: Machine): Uint8Array {
  const layout = layoutOf(machine);
  const words = new Int32Array(layout.bytes / 4);
  const { lanes } = machine;
  patterns.forEach((pattern, i) => {
    words.fill(pattern, i * lanes, (i + 1) * lanes);
  });
  const floats = new Float32Array(words.buffer);
  floats.fill(Number.NEGATIVE_INFINITY, layout.least / 4, layout.least / 4 + lanes);
  floats.fill(1, layout.one / 4, layout.one / 4 + lanes);
  words.set(tailMask, layout.tail / 4);
  return new Uint8Array(words.buffer);
}

function whyNot({ input: from, output }: SoftmaxSpec): string | undefined {
  if (from.type !== 'f32' || output.type !== 'f32') return `${from.type} to ${output.type}`;
  if (!sameSizes(from.shape, output.shape)) return 'shapes that differ';
  return bufferProblem(from) ?? bufferProblem(output);
}

/** Pixels in a tile: so many that their elements take some microseconds. */
const tileOf = ({ input: from }: SoftmaxSpec): number => Math.max(1, Math.floor(4096 / from.shape.c));

const [FROM, TO] = [r8q, r9];
const [SUM, MAX, VALUE, SPARE, MASK] = [0, 1, 2, 3, 4] as const;

type Code = {
  readonly asm: Assembler;
  readonly spec: SoftmaxSpec;
  readonly machine: Machine;
  readonly elements: Elements;
  /** Registers by number, and constants by byte. */
  readonly v: (n: number) => Vmm;
  readonly at: (offset: number) => Mem;
  /** Registers for intermediate results. */
  readonly free: Vmm[];
};

/** Where a vector of the pixel's channels is, from its first. */
type Place = (pointer: typeof FROM) => Mem;

function emit(asm: Assembler, spec: SoftmaxSpec, machine: Machine, constants: number): void {
  const layout = layoutOf(machine);
  const v = vmm(machine.bits);
  const at = (offset: number): Mem => ptr(rsi, constants + offset);
  const elements: Elements = { asm, machine, tail: (count) => at(layout.tail + tailMaskAt(count)) };
  const free = Array.from({ length: 10 }, (_, i) => v(5 + i));
  const code: Code = { asm, spec, machine, elements, v, at, free };
  emitWalk(asm, pixelWalk([spec.input, spec.output], tileOf(spec)), [FROM, TO], [rdx, rdi, rax], () => {
    asm.vmovups(v(MAX), at(layout.least));
    eachVector(code, (place, n) => {
      load(code, v(VALUE), place(FROM), n);
      asm.vmaxps(v(MAX), v(MAX), v(VALUE));
    });
    acrossLanes(asm, machine, MAX, 'vmaxps');
    exponentials(code);
    acrossLanes(asm, machine, SUM, 'vaddps');
    if (spec.isLog === true) logarithms(code);
    else shares(code);
  });
  asm.vzeroupper();
  asm.ret();
}

function eachVector({ asm, spec, machine, elements }: Code, vector: (place: Place, count: number) => void): void {
  emitRun(asm, {
    count: spec.input.shape.c,
    lanes: machine.lanes,
    unroll: 1,
    vector: (first, n, isIndexed) =>
      vector((pointer) => ptr(pointer, isIndexed ? { index: rcx, scale: 4, disp: 4 * first } : 4 * first), n),
    mask: (rest) => maskTail(elements, rest),
  });
}

/** Loads; elements that are missing become the least float. */
function load({ asm, machine, elements, v, at }: Code, to: Vmm, from: Mem, n: number): void {
  const { least } = layoutOf(machine);
  if (n === machine.lanes) asm.vmovups(to, from);
  else if (machine.bits === 512) {
    asm.vmovups(to, at(least));
    asm.vmovups(zmm(to).mask(k1), from);
  } else {
    asm.vmovups(v(MASK), elements.tail(n));
    asm.vmaskmovps(to, v(MASK), from);
    asm.vmovups(v(SPARE), at(least));
    asm.vblendvps(to, v(SPARE), to, v(MASK));
  }
}

const constantAt =
  ({ machine, at }: Code) =>
  (pattern: number): Mem =>
    at(patterns.indexOf(pattern) * vectorBytes(machine));

/** SUM = e^(x − MAX) lane by lane, each of which is stored unless only their sum is wanted. */
function exponentials(code: Code): void {
  const { asm, spec, machine, elements, v, free } = code;
  asm.vxorps(ymm(SUM), ymm(SUM), ymm(SUM));
  eachVector(code, (place, n) => {
    const loadShifted = (i: number, to: Vmm): void =>
      i === 0 ? load(code, to, place(FROM), n) : asm.vmovups(to, v(MAX));
    const result = evaluate({ asm, machine, free, load: loadShifted, constant: constantAt(code) }, shifted);
    // What is missing is e^(−∞), 0.
    asm.vaddps(v(SUM), v(SUM), result);
    if (spec.isLog !== true) storeIntegers(elements, 'f32', place(TO), result, n, v(SPARE));
    free.push(result);
  });
}

/** x − MAX − ln SUM. */
function logarithms(code: Code): void {
  const { asm, machine, elements, v, free } = code;
  const loadSum = (_: number, to: Vmm): void => asm.vmovups(to, v(SUM));
  const result = evaluate({ asm, machine, free, load: loadSum, constant: constantAt(code) }, logarithm);
  eachVector(code, (place, n) => {
    load(code, v(VALUE), place(FROM), n);
    asm.vsubps(v(VALUE), v(VALUE), v(MAX));
    asm.vsubps(v(VALUE), v(VALUE), result);
    storeIntegers(elements, 'f32', place(TO), v(VALUE), n, v(SPARE));
  });
  free.push(result);
}

/** Divides what is stored by SUM. */
function shares(code: Code): void {
  const { asm, machine, elements, v, at } = code;
  asm.vmovups(v(VALUE), at(layoutOf(machine).one));
  asm.vdivps(v(SUM), v(VALUE), v(SUM));
  eachVector(code, (place, n) => {
    if (n === machine.lanes) asm.vmulps(v(VALUE), v(SUM), place(TO));
    else {
      load(code, v(VALUE), place(TO), n);
      asm.vmulps(v(VALUE), v(VALUE), v(SUM));
    }
    storeIntegers(elements, 'f32', place(TO), v(VALUE), n, v(SPARE));
  });
}

/** Register `n` = its elements taken together, in every element. Changes the spare one. */
function acrossLanes(asm: Assembler, machine: Machine, n: number, fold: 'vaddps' | 'vmaxps'): void {
  if (machine.bits === 512) {
    asm.vextractf64x4(ymm(SPARE), zmm(n), 1);
    asm[fold](ymm(n), ymm(n), ymm(SPARE));
  }
  asm.vextractf128(xmm(SPARE), ymm(n), 1);
  asm[fold](xmm(n), xmm(n), xmm(SPARE));
  for (const order of [0b01_00_11_10, 0b10_11_00_01]) {
    asm.vpermilps(xmm(SPARE), xmm(n), order);
    asm[fold](xmm(n), xmm(n), xmm(SPARE));
  }
  asm.vbroadcastss(vmm(machine.bits)(n), xmm(n));
}

/** Softmax and its logarithm over the last axis, best first. */
export const softmaxKernels: readonly NativeKernel<SoftmaxSpec>[] = pixelKernels({
  name: 'softmax',
  whyNot,
  title: ({ input, isLog }) => `${isLog === true ? 'log-' : ''}softmax, ${input.shape.c}`,
  tile: tileOf,
  constantBytes: (machine) => layoutOf(machine).bytes,
  pack: (_, machine) => pack(machine),
  emit,
});
