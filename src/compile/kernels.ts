/** The tables of native kernels that layers are lowered to, best first. */
export { convKernels } from '../kernels/conv/native/index.ts';
export { depthwiseKernels } from '../kernels/depthwise/native/index.ts';
export { pointwiseKernels } from '../kernels/pointwise/native/index.ts';
