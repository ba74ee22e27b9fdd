import { UserError } from '../../base/errors.ts';
import { broadcastShapes } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { broadcastView, materialize, view } from '../array/view.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

/** x − log Σ eˣ of each row of `size` elements; the largest is taken out first, so that nothing overflows. */
export function logSoftmax(x: ArrayLike<number>, size: number): Float64Array {
  const out = new Float64Array(x.length);
  for (let row = 0; row < x.length; row += size) {
    let max = -Infinity;
    for (let i = row; i < row + size; i++) if (!(x[i]! <= max)) max = x[i]!;
    let sum = 0;
    for (let i = row; i < row + size; i++) sum += Math.exp(x[i]! - max);
    const logSum = Math.log(sum);
    for (let i = row; i < row + size; i++) out[i] = x[i]! - max - logSum;
  }
  return out;
}

const overRows =
  (finish: (logits: number) => number): ReferenceKernel =>
  (inputs) => {
    const x = inputAt(inputs, 0);
    if (x.shape.length < 1) throw new UserError('softmax of a scalar');
    return [tensorOfNumbers(x.dtype, x.shape, logSoftmax(numbers(x), x.shape.at(-1)!).map(finish))];
  };

/** features, labels → loss −Σ label·log softmax of each row, and its gradient softmax − label. */
const crossEntropy: ReferenceKernel = (inputs) => {
  const [features, labels] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const shape = broadcastShapes(features.shape, labels.shape);
  if (shape?.length !== 2) throw new UserError(`can't compare [${features.shape}] with [${labels.shape}]`);
  const [rows, size] = shape as [number, number];
  const full = (t: Tensor) => numbers(materialize(broadcastView(view(t), shape), t));
  const logits = logSoftmax(full(features), size);
  const wanted = full(labels);
  const loss = new Float64Array(rows);
  for (let i = 0; i < logits.length; i++) if (wanted[i] !== 0) loss[Math.floor(i / size)]! -= wanted[i]! * logits[i]!;
  const gradient = logits.map((l, i) => Math.exp(l) - wanted[i]!);
  return [tensorOfNumbers(features.dtype, [rows], loss), tensorOfNumbers(features.dtype, shape, gradient)];
};

/** As crossEntropy, labels as class numbers. */
const sparseCrossEntropy: ReferenceKernel = (inputs) => {
  const features = inputAt(inputs, 0);
  const labels = numbers(inputAt(inputs, 1));
  const [rows, size] = features.shape;
  if (features.shape.length !== 2 || rows !== labels.length)
    throw new UserError(`${labels.length} labels do not fit [${features.shape}]`);
  const logits = logSoftmax(numbers(features), size!);
  const gradient = logits.map(Math.exp);
  const loss = Float64Array.from(labels, (label, row) => {
    if (!(label >= 0 && label < size!)) throw new UserError(`label ${label} is outside of ${size} classes`);
    gradient[row * size! + label]! -= 1;
    return -logits[row * size! + label]!;
  });
  return [tensorOfNumbers(features.dtype, [rows!], loss), tensorOfNumbers(features.dtype, features.shape, gradient)];
};

export const softmaxReference = {
  Softmax: overRows(Math.exp),
  LogSoftmax: overRows((x) => x),
  SoftmaxCrossEntropyWithLogits: crossEntropy,
  SparseSoftmaxCrossEntropyWithLogits: sparseCrossEntropy,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
