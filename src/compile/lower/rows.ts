import { opAttr } from '../../graph/signature.ts';
import { lrnKernels, softmaxKernels } from '../kernels.ts';
import { chosen } from '../layer.ts';
import { addKernel, decline, type Lower, valueAt } from './lowering.ts';

/** Softmax over the last axis. */
const lowerSoftmax: Lower = (context) => {
  const input = valueAt(context, 0);
  if (input.dtype !== 'float32' || input.shape.length === 0) decline(`a softmax of ${input.dtype}`);
  const output = addKernel(context, {
    inputs: [input.id],
    dtype: 'float32',
    shape: input.shape,
    choose: ({ inputs: [from], output: to, isa }) => chosen(softmaxKernels, isa, { input: from!, output: to }),
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

/** The ops whose lowering is here. */
export const rowLowerings: Readonly<Record<string, Lower>> = { Softmax: lowerSoftmax, LRN: lowerLrn };
