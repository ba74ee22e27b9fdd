import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { tensorArrayKernels } from './tensor-array.ts';
import { tensorListKernels } from './tensor-list.ts';

/** Arrays and lists of tensors. */
export const tensorListReference = {
  ...tensorArrayKernels,
  ...tensorListKernels,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
