import { convKernels } from '../../conv/native/index.ts';
import { macsOf, mayOverflow } from '../../conv/native/plan.ts';
import { bufferAccess, type ConvSpec, inputAccess } from '../../conv/native/spec.ts';
import { type Target, targets } from '../../conv/native/target.ts';
import type { NativeKernel, Step } from '../../native-kernel.ts';
import { emitDepthwise } from './emit.ts';
import { layoutOf, rowBytes } from './layout.ts';
import { packDepthwise } from './pack.ts';
import { planOf } from './plan.ts';

/** Straight-line code grows with the window. */
const MOST_TAPS = 81;

function whyNot(spec: ConvSpec): string | undefined {
  const { input, output, groups, kernel, result } = spec;
  if (groups !== input.shape.c || output.shape.c !== groups) return 'not one output channel for each input channel';
  if (result.kind !== 'requantize') return `${result.kind} in place of requantize`;
  if (result.summand !== undefined) return 'a summand';
  if (kernel.h * kernel.w > MOST_TAPS) return `a window of ${kernel.h} × ${kernel.w}`;
  return convKernels[0]?.whyNot(spec);
}

function step(spec: ConvSpec, target: Target, constants: number): Step {
  const layout = layoutOf(spec, target);
  const plan = planOf(spec, layout);
  const last = layout.blocks.at(-1)!;
  return {
    name: `depthwise ${spec.kernel.h}×${spec.kernel.w}, ${spec.input.shape.c}`,
    tiles: plan.chunks * spec.output.shape.n,
    macs: macsOf(spec),
    accesses: [
      inputAccess(spec, rowBytes(last) - last.channels),
      bufferAccess(spec.output, 'write'),
      { base: 'constants', mode: 'read', begin: constants, end: constants + layout.bytes },
    ],
    emit: (asm) => emitDepthwise({ asm, spec, target, layout, plan, constants, mayOverflow: mayOverflow(spec) }),
  };
}

const kernel = (target: Target): NativeKernel<ConvSpec> => ({
  name: `depthwise ${target.isa}`,
  isa: target.isa,
  whyNot,
  pack: (spec) => packDepthwise(spec, target, layoutOf(spec, target)),
  step: (spec, constants) => step(spec, target, constants),
});

/**
 * Depthwise convolutions, best first: a `ConvSpec` with as many groups as input channels (TensorFlow's filter
 * [kh, kw, c, multiplier] is its HWIO as it stands). Channel multipliers, summands and results other than bytes are left
 * to the kernels of grouped convolutions at the end.
 */
export const depthwiseKernels: readonly NativeKernel<ConvSpec>[] = [...targets.map(kernel), ...convKernels];
