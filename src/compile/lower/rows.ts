import { numbersOf } from '../../base/tensor.ts';
import { opAttr } from '../../graph/signature.ts';
import { resizeTaps } from '../../kernels/image/resize.ts';
import { lrnKernels, resizeKernels, softmaxKernels } from '../kernels.ts';
import { chosen } from '../layer.ts';
import { addKernel, decline, type Lower, tensorAt, valueAt } from './lowering.ts';

/** Softmax and LogSoftmax over the last axis. */
const lowerSoftmax: Lower = (context) => {
  const isLog = context.node.op === 'LogSoftmax';
  const input = valueAt(context, 0);
  if (input.dtype !== 'float32' || input.shape.length === 0) decline(`a softmax of ${input.dtype}`);
  const output = addKernel(context, {
    inputs: [input.id],
    dtype: 'float32',
    shape: input.shape,
    choose: ({ inputs: [from], output: to, isa }) => chosen(softmaxKernels, isa, { input: from!, output: to, isLog }),
  });
  return [output];
};

const lowerLrn: Lower = (context) => {
  const { node } = context;
  const input = valueAt(context, 0);
  if (input.dtype !== 'float32') decline(`of ${input.dtype}`);
  const radius = opAttr(node, 'depth_radius', 'int');
  const [bias, alpha, beta] = ['bias', 'alpha', 'beta'].map((name) => opAttr(node, name, 'float')) as [
    number,
    number,
    number,
  ];
  const output = addKernel(context, {
    inputs: [input.id],
    dtype: 'float32',
    shape: input.shape,
    choose: ({ inputs: [from], output: to, isa }) =>
      chosen(lrnKernels, isa, { input: from!, output: to, radius, bias, alpha, beta }),
  });
  return [output];
};

/** ResizeBilinear and ResizeNearestNeighbor of float32 to a constant size. */
const lowerResize: Lower = (context) => {
  const { node } = context;
  const input = valueAt(context, 0);
  const [height, width] = numbersOf(tensorAt(context, 1));
  const [n, h, w, c] = input.shape;
  if (input.dtype !== 'float32' || c === undefined || !(height! > 0 && width! > 0)) return decline(`of ${input.dtype}`);
  const rows = resizeTaps(node, h!, height!);
  const columns = resizeTaps(node, w!, width!);
  const output = addKernel(context, {
    inputs: [input.id],
    dtype: 'float32',
    shape: [n!, height!, width!, c],
    choose: ({ inputs: [from], output: to, isa }) =>
      chosen(resizeKernels, isa, { input: from!, output: to, rows, columns }),
  });
  return [output];
};

/** The ops whose lowering is here. */
export const rowLowerings: Readonly<Record<string, Lower>> = {
  Softmax: lowerSoftmax,
  LogSoftmax: lowerSoftmax,
  LRN: lowerLrn,
  ResizeBilinear: lowerResize,
  ResizeNearestNeighbor: lowerResize,
};
