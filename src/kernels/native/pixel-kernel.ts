import type { Assembler } from '../../asm/x64/index.ts';
import type { Buffer, NativeKernel } from '../native-kernel.ts';
import { accessTo } from './buffers.ts';
import { type Machine, machines } from './machine.ts';
import { pixelWalk } from './walk.ts';

/** What differs between kernels that go pixel by pixel from one buffer to another of its shape, with a table of constants. */
export type PixelKernel<Spec> = {
  readonly name: string;
  readonly whyNot: NativeKernel<Spec>['whyNot'];
  readonly title: (spec: Spec) => string;
  /** Pixels that a thread takes at a time. */
  readonly tile: (spec: Spec) => number;
  readonly constantBytes: (machine: Machine) => number;
  readonly pack: (spec: Spec, machine: Machine) => Uint8Array;
  readonly emit: (asm: Assembler, spec: Spec, machine: Machine, constants: number) => void;
};

/** The kernel for each instruction set, best first. */
export const pixelKernels = <Spec extends { readonly input: Buffer; readonly output: Buffer }>({
  name,
  whyNot,
  title,
  tile,
  constantBytes,
  pack,
  emit,
}: PixelKernel<Spec>): readonly NativeKernel<Spec>[] =>
  machines.map((machine) => ({
    name: `${name} ${machine.isa}`,
    isa: machine.isa,
    whyNot,
    pack: (spec) => pack(spec, machine),
    step: (spec, constants) => ({
      name: title(spec),
      tiles: pixelWalk([spec.input, spec.output], tile(spec)).tiles,
      macs: 0,
      accesses: [
        accessTo(spec.input, 'read'),
        accessTo(spec.output, 'write'),
        { base: 'constants', mode: 'read', begin: constants, end: constants + constantBytes(machine) },
      ],
      emit: (asm) => emit(asm, spec, machine, constants),
    }),
  }));
