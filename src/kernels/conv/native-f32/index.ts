import type { NativeKernel, Step } from '../../native-kernel.ts';
import { emitConv } from '../native/emit.ts';
import { layoutOf, overRead } from '../native/layout.ts';
import { macsOf, planOf } from '../native/plan.ts';
import { bufferAccess, type ConvSpec, inputAccess, reachProblem, windowProblem } from '../native/spec.ts';
import { elements, type Target } from '../native/target.ts';
import { packRealConv } from './pack.ts';
import { asBytes, type RealConvSpec } from './spec.ts';

export type { RealConvSpec } from './spec.ts';

/** Best first. avx_vnni machines take the avx2 row. */
const targets: readonly Target[] = [
  { isa: 'avx512_vnni', bits: 512, dot: 'vfmadd231ps', mr: 8 },
  { isa: 'avx2', bits: 256, dot: 'vfmadd231ps', mr: 6 },
];

function whyNot(spec: RealConvSpec): string | undefined {
  const { input, output, groups, kernel, weights, bias, summand } = spec;
  const { c } = output.shape;
  for (const buffer of [input, output, ...(summand === undefined ? [] : [summand])])
    if (buffer.type !== 'f32') return `a buffer of ${buffer.type}`;
  if (!(Number.isInteger(groups) && groups > 0) || input.shape.c % groups !== 0 || c % groups !== 0)
    return `${groups} groups of ${input.shape.c} to ${c} channels`;
  const count = kernel.h * kernel.w * (input.shape.c / groups) * c;
  if (weights.length !== count) return `${weights.length} weights where ${count} are needed`;
  if (bias !== undefined && bias.length !== c) return `a bias of ${bias.length} for ${c} channels`;
  if (summand !== undefined) {
    for (const axis of ['n', 'h', 'w', 'c'] as const)
      if (summand.shape[axis] !== output.shape[axis]) return 'a summand of another shape';
    const problem = reachProblem(summand);
    if (problem !== undefined) return problem;
  }
  return windowProblem(asBytes(spec));
}

/** Without masks the last columns of a summand are read with their neighbours. */
const summandOver = (spec: ConvSpec, target: Target): number =>
  target.bits === 512 || spec.output.shape.c % elements(target) === 0 ? 0 : 4 * elements(target);

function step(spec: RealConvSpec, target: Target, constants: number): Step {
  const bytes = asBytes(spec);
  const layout = layoutOf(bytes, target);
  const plan = planOf(bytes, target, layout);
  const { kernel, input, output, summand } = spec;
  return {
    name: `conv ${kernel.h}×${kernel.w}, ${input.shape.c} → ${output.shape.c}`,
    tiles: plan.pictures * plan.chunks * plan.ranges,
    macs: macsOf(bytes) / 4,
    accesses: [
      inputAccess(bytes, overRead(bytes, layout)),
      bufferAccess(output, 'write'),
      ...(summand === undefined ? [] : [bufferAccess(summand, 'read', summandOver(bytes, target))]),
      { base: 'constants', mode: 'read', begin: constants, end: constants + layout.panels.length * layout.panelBytes },
    ],
    emit: (asm) => emitConv({ asm, spec: bytes, target, layout, plan, constants }),
  };
}

const kernel = (target: Target): NativeKernel<RealConvSpec> => ({
  name: `conv f32 ${target.isa}`,
  isa: target.isa,
  whyNot,
  pack: (spec) => packRealConv(spec, target, layoutOf(asBytes(spec), target)),
  step: (spec, constants) => step(spec, target, constants),
});

/** Float32 convolutions of any window, stride, dilation and groups, best first. */
export const realConvKernels: readonly NativeKernel<RealConvSpec>[] = targets.map(kernel);
