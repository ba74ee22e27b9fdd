import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { colorKernels } from './color.ts';
import { resizeKernels } from './resize.ts';

/** Resizing, cropping, colours. */
export const imageReference = {
  ...colorKernels,
  ...resizeKernels,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
