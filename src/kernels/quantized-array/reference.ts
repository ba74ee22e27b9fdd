import { UserError } from '../../base/errors.ts';
import { formatShape, sizeOf } from '../../base/shape.ts';
import { numbersOf, reshaped } from '../../base/tensor.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { inputAt } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { quantizedConcat } from './concat.ts';
import { quantizedResizeBilinear } from './resize.ts';

/** tensor, shape (one size may be −1), min, max. */
const quantizedReshape: ReferenceKernel = (inputs) => {
  const t = inputAt(inputs, 0);
  const wanted = numbersOf(inputAt(inputs, 1));
  const known = wanted.filter((dim) => dim !== -1).reduce((a, b) => a * b, 1);
  if (wanted.filter((dim) => dim === -1).length > 1 || wanted.some((dim) => dim < -1))
    throw new UserError(`can't reshape ${formatShape(t.shape)} into [${wanted}]`);
  const shape = wanted.map((dim) => (dim === -1 ? sizeOf(t.shape) / Math.max(known, 1) : dim));
  return [reshaped(t, shape), inputAt(inputs, 2), inputAt(inputs, 3)];
};

/** Codes moved about. */
export const quantizedArrayReference = {
  QuantizedConcat: quantizedConcat,
  QuantizedConcatV2: quantizedConcat,
  QuantizedReshape: quantizedReshape,
  QuantizedResizeBilinear: quantizedResizeBilinear,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
