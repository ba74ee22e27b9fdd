/** The tables of native kernels that layers are lowered to, best first. */
export { convKernels } from '../kernels/conv/native/index.ts';
export { realConvKernels } from '../kernels/conv/native-f32/index.ts';
export { winogradKernels, winogradTransforms } from '../kernels/conv/winograd/index.ts';
export { depthwiseKernels } from '../kernels/depthwise/native/index.ts';
export { realDepthwiseKernels } from '../kernels/depthwise/native-f32/index.ts';
export { productKernels } from '../kernels/gemm/native/index.ts';
export { resizeKernels } from '../kernels/image/native/resize.ts';
export { lrnKernels } from '../kernels/normalize/native/index.ts';
export { pointwiseKernels } from '../kernels/pointwise/native/index.ts';
export { poolKernels } from '../kernels/pool/native/index.ts';
export { softmaxKernels } from '../kernels/softmax/native/index.ts';
export { tableKernels } from '../kernels/table/native/index.ts';
