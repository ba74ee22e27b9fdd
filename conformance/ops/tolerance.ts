import type { Tolerance } from '../difference.ts';

type Row = { readonly ops: RegExp; readonly tolerance: Tolerance };

/**
 * How near octet's reference kernels must be to TensorFlow's. The first row that matches counts. `absolute` is a share of the
 * tensor's largest element.
 */
const rows: readonly Row[] = [
  {
    ops: /^(_FusedConv2D|_?FusedDepthwise|Conv2D|DepthwiseConv|MatMul|BatchMatMul|_FusedMatMul|Einsum|SparseMatMul|SparseTensorDenseMatMul)/,
    tolerance: { relative: 1e-5, absolute: 2e-6, why: 'sums of products in another order: terms may cancel' },
  },
  {
    ops: /^(Sum|Mean|Prod|EuclideanNorm|Cumsum|Cumprod|CumulativeLogsumexp|L2Loss|.*Segment.*|AvgPool.*|LRN|AddN|AccumulateNV2|Bincount|DenseBincount)$/,
    tolerance: { relative: 1e-5, absolute: 1e-6, why: 'sums in another order: terms may cancel' },
  },
  {
    ops: /BatchNorm|Normalization|InstanceNorm|Moments/,
    tolerance: { relative: 1e-5, absolute: 2e-6, why: 'the mean is taken off before or after multiplying' },
  },
  {
    ops: /^(Resize|CropAndResize|AdjustContrast|RGBToHSV|HSVToRGB|AdjustHue|AdjustSaturation)/,
    tolerance: { relative: 1e-5, absolute: 2e-6, why: 'weights of neighbours are rounded in another order' },
  },
  {
    ops: /^(Mfcc|AudioSpectrogram)/,
    tolerance: { relative: 1e-4, absolute: 2e-6, why: 'a Fourier transform in another order, then logarithms' },
  },
  {
    ops: /^(Softmax|LogSoftmax|SoftmaxCrossEntropy|SparseSoftmax|Lgamma|Digamma|Erfinv|Ndtri|Sin|Cos|Tan|Sparse.*)/,
    tolerance: { relative: 1e-5, absolute: 1e-6, why: 'near their zeros, approximations differ in absolute terms' },
  },
  { ops: /./, tolerance: { relative: 1e-5, absolute: 1e-7 } },
];

export const toleranceOf = (op: string): Tolerance => rows.find(({ ops }) => ops.test(op))!.tolerance;
