import type { NativeKernel, Step } from '../../native-kernel.ts';
import { emitConv } from './emit.ts';
import { layoutOf, overRead } from './layout.ts';
import { packConv } from './pack.ts';
import { fitsInt32, macsOf, planOf, stepsMagnitude } from './plan.ts';
import { bufferAccess, type ConvSpec, inputAccess, resultProblem, summandOf, windowProblem } from './spec.ts';
import { type Target, targets } from './target.ts';

export type { ConvSpec, Result, Window } from './spec.ts';

/** So many products of 255 and −128 fit into an int32. */
const MOST_DEPTH = Math.floor((2 ** 31 - 1) / (255 * 128));

/** Where TensorFlow saturates; the margin is for what rounding adds. */
const MOST_STEPS = 2 ** 31 - 2 ** 16;

function whyNot(spec: ConvSpec): string | undefined {
  const { input, output, groups, kernel, weights, bias } = spec;
  const { c } = output.shape;
  if (!(Number.isInteger(groups) && groups > 0) || input.shape.c % groups !== 0 || c % groups !== 0)
    return `${groups} groups of ${input.shape.c} to ${c} channels`;
  const count = kernel.h * kernel.w * (input.shape.c / groups) * c;
  if (weights.length !== count) return `${weights.length} weights where ${count} are needed`;
  if (bias !== undefined && bias.length !== c) return `a bias of ${bias.length} for ${c} channels`;
  const depth = kernel.h * kernel.w * (input.shape.c / groups);
  if (depth > MOST_DEPTH) return `sums of ${depth} products, which may exceed int32`;
  if (!fitsInt32(spec)) return 'sums that exceed int32 with their bias';
  if (stepsMagnitude(spec) > MOST_STEPS) return 'steps beyond int32';
  return windowProblem(spec) ?? resultProblem(spec.result, output);
}

function step(spec: ConvSpec, target: Target, constants: number): Step {
  const layout = layoutOf(spec, target);
  const plan = planOf(spec, target, layout);
  const summand = summandOf(spec.result);
  // Without masks the last columns of a summand are read with their neighbours.
  const over = target.bits === 512 ? 0 : 15;
  return {
    name: `conv ${spec.kernel.h}×${spec.kernel.w}, ${spec.input.shape.c} → ${spec.output.shape.c}`,
    tiles: plan.pictures * plan.chunks * plan.ranges,
    macs: macsOf(spec),
    accesses: [
      inputAccess(spec, overRead(spec, layout)),
      bufferAccess(spec.output, 'write'),
      ...(summand === undefined ? [] : [bufferAccess(summand, 'read', over)]),
      { base: 'constants', mode: 'read', begin: constants, end: constants + layout.panels.length * layout.panelBytes },
    ],
    emit: (asm) => emitConv({ asm, spec, target, layout, plan, constants }),
  };
}

const kernel = (target: Target): NativeKernel<ConvSpec> => ({
  name: `conv ${target.isa}`,
  isa: target.isa,
  whyNot,
  pack: (spec) => packConv(spec, target, layoutOf(spec, target)),
  step: (spec, constants) => step(spec, target, constants),
});

/** Convolutions of any window, stride, dilation and groups, best first. */
export const convKernels: readonly NativeKernel<ConvSpec>[] = targets.map(kernel);
