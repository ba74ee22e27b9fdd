import { accessTo, sizeOfElement, spanOf } from '../../native/buffers.ts';
import { type Machine, machines } from '../../native/machine.ts';
import type { NativeKernel, Step } from '../../native-kernel.ts';
import { emitPool, perVector } from './emit.ts';
import { constantsAt, layoutOf, packPool } from './layout.ts';
import { type PoolSpec, poolProblem } from './spec.ts';

export type { PoolSpec } from './spec.ts';

function step(spec: PoolSpec, machine: Machine, constants: number): Step {
  const { input, output, kernel, reduce } = spec;
  const per = perVector(spec, machine);
  const layout = layoutOf(spec, per);
  const { c } = input.shape;
  // Whole vectors are read, also of the last channels.
  const over = (Math.ceil(c / per) * per - c) * sizeOfElement(input.type);
  const { begin, end } = spanOf(input);
  return {
    name: `${reduce.kind} pool ${kernel.h}×${kernel.w}, ${c}`,
    tiles: output.shape.n * layout.rowGroups * layout.blocks,
    macs: 0,
    accesses: [
      { base: 'arena', mode: 'read', begin, end: end + over },
      accessTo(output, 'write'),
      { base: 'constants', mode: 'read', begin: constants, end: constants + constantsAt.bytes },
    ],
    emit: (asm) => emitPool({ asm, spec, machine, layout, constants }),
  };
}

const kernel = (machine: Machine): NativeKernel<PoolSpec> => ({
  name: `pool ${machine.isa}`,
  isa: machine.isa,
  whyNot: poolProblem,
  pack: (spec) => packPool(spec, machine),
  step: (spec, constants) => step(spec, machine, constants),
});

/** Pooling of codes and float32, best first. */
export const poolKernels: readonly NativeKernel<PoolSpec>[] = machines.map(kernel);
