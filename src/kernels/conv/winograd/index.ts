import type { NativeKernel } from '../../native-kernel.ts';
import { packWinograd } from './pack.ts';
import { productStep } from './product.ts';
import { ELEMENTS, fills, haloOf, type TransformSpec, targets, tilingOf, type WinogradSpec } from './spec.ts';
import { transformStep } from './transform.ts';

function whyNotTransform({ input, output, tiling, padding }: TransformSpec): string | undefined {
  const { n, c } = input.shape;
  const tiles = n * tiling.rows * tiling.columns;
  if (input.type !== 'f32' || output.type !== 'f32') return `${input.type} to ${output.type}`;
  if (!fills(c, 0)) return `${c} channels`;
  if (output.shape.n !== ELEMENTS || output.shape.h !== 1 || output.shape.w < tiles || output.shape.c !== c)
    return 'tiles in another shape';
  const halo = haloOf(input.shape, tiling, padding);
  for (const side of ['top', 'bottom', 'left', 'right'] as const)
    if (halo[side] > input.halo[side])
      return `the input's ${side} halo is ${input.halo[side]} wide where the tiles reach ${halo[side]} out`;
  return undefined;
}

function whyNotProduct({ input, output, weights, bias, summand }: WinogradSpec): string | undefined {
  const { n, h, w, c } = output.shape;
  const { rows, columns } = tilingOf(output.shape);
  for (const buffer of [input, output, ...(summand === undefined ? [] : [summand])])
    if (buffer.type !== 'f32') return `a buffer of ${buffer.type}`;
  if (input.shape.n !== ELEMENTS || input.shape.h !== 1 || input.shape.w < n * rows * columns)
    return 'tiles in another shape';
  if (!fills(input.shape.c, c)) return `${input.shape.c} to ${c} channels`;
  if (weights.length !== 9 * input.shape.c * c) return `${weights.length} weights`;
  if (bias !== undefined && bias.length !== c) return `a bias of ${bias.length} for ${c} channels`;
  const isOther =
    summand !== undefined && (['n', 'h', 'w', 'c'] as const).some((a) => summand.shape[a] !== output.shape[a]);
  return isOther ? `a summand of another shape than ${[n, h, w, c]}` : undefined;
}

/** Tiles to BᵀdB, best first. */
export const winogradTransforms: readonly NativeKernel<TransformSpec>[] = targets.map((target) => ({
  name: `winograd tiles ${target.isa}`,
  isa: target.isa,
  whyNot: whyNotTransform,
  pack: () => new Uint8Array(0),
  step: (spec) => transformStep(spec, target),
}));

/** The products of transformed tiles and weights, and the way back, best first. */
export const winogradKernels: readonly NativeKernel<WinogradSpec>[] = targets.map((target) => ({
  name: `conv winograd f32 ${target.isa}`,
  isa: target.isa,
  whyNot: whyNotProduct,
  pack: (spec) => packWinograd(spec, target),
  step: (spec, constants) => productStep(spec, target, constants),
}));
