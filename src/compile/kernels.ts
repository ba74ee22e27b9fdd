import { convKernels } from '../kernels/conv/native/index.ts';
import type { ConvSpec } from '../kernels/conv/native/spec.ts';
import type { NativeKernel } from '../kernels/native-kernel.ts';

/** The tables of native kernels that layers are lowered to, best first. */
export { convKernels };

/** Depthwise convolutions: a kernel for them, else that for convolutions in groups. */
export const depthwiseKernels: readonly NativeKernel<ConvSpec>[] = [...convKernels];
