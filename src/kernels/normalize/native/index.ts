import {
  type Assembler,
  ecx,
  k1,
  type Mem,
  ptr,
  r8q,
  r9,
  rax,
  rdi,
  rdx,
  rsi,
  type Vmm,
  vmm,
} from '../../../asm/x64/index.ts';
import { bufferProblem, sameSizes } from '../../native/buffers.ts';
import { type Elements, maskTail, storeIntegers } from '../../native/elements.ts';
import { type Machine, vectorBytes } from '../../native/machine.ts';
import { pixelKernels } from '../../native/pixel-kernel.ts';
import { emitWalk, pixelWalk } from '../../native/walk.ts';
import type { Buffer, NativeKernel } from '../../native-kernel.ts';

/**
 * Local response normalization in float32: y = x / (bias + alpha·Σ x²)^beta, summed over the channels at most `radius` away,
 * from the first to the last. Every operation rounds, so the result is the reference's in every bit: int8 layers that read it
 * agree. Buffers of one shape. beta is 0.5, 0.75 or 1: what square roots make.
 */
export type LrnSpec = {
  readonly input: Buffer;
  readonly output: Buffer;
  readonly radius: number;
  readonly bias: number;
  readonly alpha: number;
  readonly beta: number;
};

/** The code has a load for each vector of a pixel and each neighbour. */
const MOST_LOADS = 4000;

function whyNot({ input, output, radius, beta, bias, alpha }: LrnSpec): string | undefined {
  if (input.type !== 'f32' || output.type !== 'f32') return `${input.type} to ${output.type}`;
  if (!sameSizes(input.shape, output.shape)) return 'shapes that differ';
  if (![0.5, 0.75, 1].includes(beta)) return `an exponent of ${beta}`;
  if (input.shape.c < 8) return `${input.shape.c} channels`;
  if (!(bias > 0 && alpha >= 0)) return 'a base that may be negative';
  if (!Number.isInteger(radius) || radius < 0 || (input.shape.c / 8 + 1) * (2 * radius + 1) > MOST_LOADS)
    return `${radius} neighbours of ${input.shape.c} channels`;
  return bufferProblem(input) ?? bufferProblem(output);
}

/** Vectors of bias and alpha, then 8 words of zeros, 8 of ones and 8 of zeros, in which AVX2 finds the masks of its loads. */
const layoutOf = (machine: Machine) => {
  const bytes = vectorBytes(machine);
  return { alpha: bytes, masks: 2 * bytes, bytes: 2 * bytes + 4 * 24 };
};

function pack({ bias, alpha }: LrnSpec, machine: Machine): Uint8Array {
  const { lanes } = machine;
  const floats = new Float32Array(layoutOf(machine).bytes / 4);
  floats.fill(bias, 0, lanes);
  floats.fill(alpha, lanes, 2 * lanes);
  new Int32Array(floats.buffer).fill(-1, 2 * lanes + 8, 2 * lanes + 16);
  return new Uint8Array(floats.buffer);
}

/** Elements of a vector that exist: from `from` up to `to`. */
type Span = { readonly from: number; readonly to: number };

/** The neighbours that the channels from `first` on have, by their distance. */
const windowOf = ({ input, radius }: LrnSpec, first: number, lanes: number): (Span & { readonly d: number })[] =>
  Array.from({ length: 2 * radius + 1 }, (_, i) => i - radius)
    .map((d) => ({ d, from: Math.max(0, -(first + d)), to: Math.min(lanes, input.shape.c - first - d) }))
    .filter(({ from, to }) => from < to);

const [FROM, TO] = [r8q, r9];

function emit(asm: Assembler, spec: LrnSpec, machine: Machine, constants: number): void {
  const layout = layoutOf(machine);
  const { lanes } = machine;
  const v = vmm(machine.bits);
  const [squares, value, own, spare, bias, alpha] = [v(0), v(1), v(2), v(3), v(4), v(5)];
  const maskAt = ({ from, to }: Span): Mem =>
    // Ones begin at word 8: a window that starts before or within them; both ends can't be short at once.
    ptr(rsi, constants + layout.masks + 4 * (from > 0 ? 8 - from : 16 - to));
  const elements: Elements = { asm, machine, tail: (count) => maskAt({ from: 0, to: count }) };
  const load = (to: Vmm, from: Mem, span: Span): void => {
    if (span.from === 0 && span.to === lanes) asm.vmovups(to, from);
    else if (machine.bits === 512) {
      asm.mov(ecx, ((2 ** span.to - 1) & ~(2 ** span.from - 1)) >>> 0);
      asm.kmovd(k1, ecx);
      asm.vmovups(to.maskz(k1), from);
    } else {
      asm.vmovups(spare, maskAt(span));
      asm.vmaskmovps(to, spare, from);
    }
  };
  const { c } = spec.input.shape;
  asm.vmovups(bias, ptr(rsi, constants));
  asm.vmovups(alpha, ptr(rsi, constants + layout.alpha));
  emitWalk(asm, pixelWalk([spec.input, spec.output], tileOf(spec)), [FROM, TO], [rdx, rdi, rax], () => {
    for (let first = 0; first < c; first += lanes) {
      const count = Math.min(lanes, c - first);
      load(own, ptr(FROM, 4 * first), { from: 0, to: count });
      windowOf(spec, first, lanes).forEach(({ d, ...span }, i) => {
        load(value, ptr(FROM, 4 * (first + d)), span);
        asm.vmulps(i === 0 ? squares : value, value, value);
        if (i > 0) asm.vaddps(squares, squares, value);
      });
      asm.vmulps(squares, squares, alpha);
      asm.vaddps(squares, squares, bias);
      power(asm, spec.beta, squares, value);
      asm.vdivps(own, own, squares);
      maskTail(elements, count);
      storeIntegers(elements, 'f32', ptr(TO, 4 * first), own, count, spare);
    }
  });
  asm.vzeroupper();
  asm.ret();
}

/** x^beta, by square roots. */
function power(asm: Assembler, beta: number, x: Vmm, spare: Vmm): void {
  if (beta === 1) return;
  asm.vsqrtps(x, x);
  if (beta === 0.5) return;
  asm.vsqrtps(spare, x);
  asm.vmulps(x, x, spare);
}

const tileOf = ({ input }: LrnSpec): number => Math.max(1, Math.floor(8192 / input.shape.c));

/** Local response normalization, best first. */
export const lrnKernels: readonly NativeKernel<LrnSpec>[] = pixelKernels({
  name: 'lrn',
  whyNot,
  title: ({ input }) => `lrn, ${input.shape.c}`,
  tile: tileOf,
  constantBytes: (machine) => layoutOf(machine).bytes,
  pack,
  emit,
});
