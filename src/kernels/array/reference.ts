import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { diagonalKernels } from './diagonal.ts';
import { fakeQuantKernels } from './fake-quant.ts';
import { gatherKernels } from './gather.ts';
import { moveKernels } from './move.ts';
import { selectKernels } from './select.ts';
import { shapeKernels } from './shape.ts';
import { sliceKernels } from './slice.ts';

/** Constants, shapes, and moving elements about. */
export const arrayReference = {
  ...diagonalKernels,
  ...fakeQuantKernels,
  ...gatherKernels,
  ...moveKernels,
  ...selectKernels,
  ...shapeKernels,
  ...sliceKernels,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
