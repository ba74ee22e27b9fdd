import {
  type Assembler,
  type Mem,
  ptr,
  type R64,
  r8q,
  r9,
  r10,
  r11,
  rax,
  rcx,
  rdi,
  rdx,
  rsi,
  type Vmm,
  vmm,
} from '../../../asm/x64/index.ts';
import { InternalError } from '../../../base/errors.ts';
import { accessTo, bufferProblem, sizeOfElement } from '../../native/buffers.ts';
import { type Elements, loadReals, maskTail, storeReals, tailMask, tailMaskAt } from '../../native/elements.ts';
import { type Machine, machines, vectorBytes } from '../../native/machine.ts';
import { emitRun, emitWalk, MOST_LOOPS, type Operand, type Walk, walkOf } from '../../native/walk.ts';
import type { Buffer, ElementType, NativeKernel, Step } from '../../native-kernel.ts';
import { evaluate } from './evaluate.ts';
import { constantsOf, type Expr } from './expr.ts';
import { type Constants, isBuffer, type PointwiseSpec } from './spec.ts';

export type { PointwiseSpec } from './spec.ts';

const POINTERS: readonly R64[] = [r8q, r9, r10, r11];
const COUNTERS: readonly R64[] = [rdx, rdi, rax];
const axes = ['n', 'h', 'w', 'c'] as const;

/** Constants of the expression as full vectors, the tail's masks, then the values of constant inputs. */
type Layout = {
  readonly patterns: readonly number[];
  readonly tail: number;
  readonly values: readonly number[];
  readonly bytes: number;
};

function layoutOf(spec: PointwiseSpec, machine: Machine): Layout {
  const patterns = constantsOf(spec.compute);
  const tail = patterns.length * vectorBytes(machine);
  let bytes = tail + (machine.bits === 256 ? tailMask.byteLength : 0);
  const values = spec.inputs.map((input) => {
    const at = bytes;
    if (!isBuffer(input)) bytes += 4 * input.values.length;
    return at;
  });
  return { patterns, tail, values, bytes: Math.ceil(bytes / 64) * 64 };
}

const dims = (shape: Buffer['shape']): number[] => axes.map((axis) => shape[axis]);

function stridesOf(input: Buffer | Constants): readonly number[] {
  const { shape } = input;
  const strides = isBuffer(input)
    ? [input.stride.n, input.stride.h, input.stride.w, sizeOfElement(input.type)]
    : [shape.h * shape.w * shape.c * 4, shape.w * shape.c * 4, shape.c * 4, 4];
  return dims(shape).map((size, i) => (size === 1 ? 0 : strides[i]!));
}

const typeOf = (input: Buffer | Constants): ElementType => (isBuffer(input) ? input.type : 'f32');

function walk(spec: PointwiseSpec, machine: Machine, layout: Layout, constants: number): Walk {
  const operands = [...spec.inputs, spec.output].map((input, i): Operand => {
    const strides = stridesOf(input);
    const size = sizeOfElement(typeOf(input));
    return isBuffer(input)
      ? { base: 'arena', offset: input.offset, strides, size }
      : { base: 'constants', offset: constants + layout.values[i]!, strides, size };
  });
  return walkOf(dims(spec.output.shape), operands, machine.lanes * UNROLL);
}

function pack(spec: PointwiseSpec, machine: Machine): Uint8Array {
  const layout = layoutOf(spec, machine);
  const packed = new Uint8Array(layout.bytes);
  const words = new Int32Array(packed.buffer);
  layout.patterns.forEach((pattern, i) => {
    words.fill(pattern, i * machine.lanes, (i + 1) * machine.lanes);
  });
  if (machine.bits === 256) words.set(tailMask, layout.tail / 4);
  spec.inputs.forEach((input, i) => {
    if (!isBuffer(input)) new Float32Array(packed.buffer).set(input.values, layout.values[i]! / 4);
  });
  return packed;
}

function whyNot(spec: PointwiseSpec): string | undefined {
  const { inputs, output } = spec;
  if (inputs.length > POINTERS.length - 1) return `${inputs.length} inputs`;
  for (const input of [...inputs, output]) {
    const problem = isBuffer(input) ? bufferProblem(input) : undefined;
    if (problem !== undefined) return problem;
    if (!axes.every((axis) => [1, output.shape[axis]].includes(input.shape[axis])))
      return `an input of ${dims(input.shape)} for an output of ${dims(output.shape)}`;
    const count = dims(input.shape).reduce((a, b) => a * b, 1);
    if (!isBuffer(input) && input.values.length !== count) return `${input.values.length} constants for ${count}`;
  }
  if (output.type === 's32') return 'an output of s32';
  const { operands, outer, isRepeated } = walk(spec, machines[1]!, layoutOf(spec, machines[1]!), 0);
  if (outer.length > MOST_LOOPS) return 'too many loops';
  return operands.some(({ size }, i) => isRepeated[i] === true && size !== 4) ? 'a repeated byte' : undefined;
}

const UNROLL = 2;

function emit(asm: Assembler, spec: PointwiseSpec, machine: Machine, constants: number): void {
  const layout = layoutOf(spec, machine);
  const plan = walk(spec, machine, layout, constants);
  const v = vmm(machine.bits);
  const elements: Elements = { asm, machine, tail: (count) => ptr(rsi, constants + layout.tail + tailMaskAt(count)) };
  const at = (pattern: number): Mem => ptr(rsi, constants + layout.patterns.indexOf(pattern) * vectorBytes(machine));
  // Half of the registers keep constants.
  const kept = new Map(
    layout.patterns.slice(0, machine.registers / 2).map((p, i) => [p, v(machine.registers - 1 - i)]),
  );
  for (const [pattern, register] of kept) asm.vmovups(register, at(pattern));
  const free = Array.from({ length: machine.registers - kept.size }, (_, i) => v(i)).reverse();
  const vector = (first: number, count: number, isIndexed: boolean): void => {
    const place = (i: number): Mem => {
      const { size } = plan.operands[i]!;
      const disp = plan.isRepeated[i] ? 0 : first * size;
      const scale = size === 4 ? 4 : 1;
      return ptr(POINTERS[i]!, isIndexed && !plan.isRepeated[i] ? { index: rcx, scale, disp } : disp);
    };
    const load = (i: number, to: Vmm): void => {
      if (plan.isRepeated[i]) {
        asm.vbroadcastss(to, place(i));
        if (typeOf(spec.inputs[i]!) === 's32') asm.vcvtdq2ps(to, to);
      } else withSpare(free, (spare) => loadReals(elements, typeOf(spec.inputs[i]!), to, place(i), count, spare));
    };
    const result = evaluate({ asm, machine, free, load, constant: (p) => kept.get(p) ?? at(p) }, spec.compute);
    withSpare(free, (spare) => storeReals(elements, spec.output.type, place(spec.inputs.length), result, count, spare));
    free.push(result);
  };
  emitWalk(asm, plan, POINTERS.slice(0, plan.operands.length), COUNTERS, (count) =>
    emitRun(asm, { count, lanes: machine.lanes, unroll: UNROLL, vector, mask: (rest) => maskTail(elements, rest) }),
  );
  asm.vzeroupper();
  asm.ret();
}

function withSpare(free: Vmm[], use: (spare: Vmm) => void): void {
  const spare = free.pop();
  if (spare === undefined) throw new InternalError('no register is left to load or store with');
  use(spare);
  free.push(spare);
}

function step(spec: PointwiseSpec, machine: Machine, constants: number): Step {
  const layout = layoutOf(spec, machine);
  const buffers = spec.inputs.filter(isBuffer);
  return {
    name: spec.what,
    tiles: walk(spec, machine, layout, constants).tiles,
    macs: 0,
    accesses: [
      ...buffers.map((buffer) => accessTo(buffer, 'read')),
      accessTo(spec.output, 'write'),
      { base: 'constants', mode: 'read', begin: constants, end: constants + layout.bytes },
    ],
    emit: (asm) => emit(asm, spec, machine, constants),
  };
}

const kernel = (machine: Machine): NativeKernel<PointwiseSpec> => ({
  name: `pointwise ${machine.isa}`,
  isa: machine.isa,
  whyNot,
  pack: (spec) => pack(spec, machine),
  step: (spec, constants) => step(spec, machine, constants),
});

/** Functions of single elements, best first. */
export const pointwiseKernels: readonly NativeKernel<PointwiseSpec>[] = machines.map(kernel);

export type { Expr };
