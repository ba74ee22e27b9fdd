import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { reduceKernels } from './reduce.ts';
import { scanKernels } from './scan.ts';
import { segmentKernels } from './segment.ts';

/** Reductions, running sums, segments. */
export const reduceReference = {
  ...reduceKernels,
  ...scanKernels,
  ...segmentKernels,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
