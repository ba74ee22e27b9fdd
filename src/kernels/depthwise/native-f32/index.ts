import { inputAccess } from '../../conv/native/spec.ts';
import { realConvKernels } from '../../conv/native-f32/index.ts';
import { asBytes, type RealConvSpec } from '../../conv/native-f32/spec.ts';
import { accessTo } from '../../native/buffers.ts';
import { type Machine, machines, vectorBytes } from '../../native/machine.ts';
import type { NativeKernel, Step } from '../../native-kernel.ts';
import { emitDepthwise } from './emit.ts';
import { layoutOf, packDepthwise } from './layout.ts';

/** Straight-line code grows with the window. */
const MOST_TAPS = 81;

function whyNot(spec: RealConvSpec): string | undefined {
  const { input, output, groups, kernel, summand } = spec;
  if (groups !== input.shape.c || output.shape.c !== groups) return 'not one output channel for each input channel';
  if (summand !== undefined) return 'a summand';
  if (kernel.h * kernel.w > MOST_TAPS) return `a window of ${kernel.h} × ${kernel.w}`;
  return realConvKernels[0]?.whyNot(spec);
}

function step(spec: RealConvSpec, machine: Machine, constants: number): Step {
  const layout = layoutOf(spec, machine);
  const { kernel, input, output } = spec;
  const { n, h, w, c } = output.shape;
  // Whole vectors are read, also of the last channels.
  const over = Math.ceil(c / machine.lanes) * vectorBytes(machine) - 4 * c;
  return {
    name: `depthwise ${kernel.h}×${kernel.w}, ${input.shape.c}`,
    tiles: n * layout.rowGroups,
    macs: n * h * w * c * kernel.h * kernel.w,
    accesses: [
      inputAccess(asBytes(spec), over),
      accessTo(output, 'write'),
      { base: 'constants', mode: 'read', begin: constants, end: constants + layout.bytes },
    ],
    emit: (asm) => emitDepthwise({ asm, spec, machine, layout, constants }),
  };
}

const kernel = (machine: Machine): NativeKernel<RealConvSpec> => ({
  name: `depthwise f32 ${machine.isa}`,
  isa: machine.isa,
  whyNot,
  pack: (spec) => packDepthwise(spec, machine, layoutOf(spec, machine)),
  step: (spec, constants) => step(spec, machine, constants),
});

/** Float32 depthwise convolutions, best first; channel multipliers and summands are left to grouped convolutions. */
export const realDepthwiseKernels: readonly NativeKernel<RealConvSpec>[] = [
  ...machines.map(kernel),
  ...realConvKernels,
];
