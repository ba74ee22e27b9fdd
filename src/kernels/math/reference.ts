import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { binaryKernels } from './binary.ts';
import { combineKernels } from './combine.ts';
import { einsumKernel } from './einsum.ts';
import { unaryKernels } from './unary.ts';

/** Elementwise arithmetic, comparison, conversion; Einsum. */
export const mathReference = {
  ...unaryKernels,
  ...binaryKernels,
  ...combineKernels,
  Einsum: einsumKernel,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
