import { UserError } from '../../base/errors.ts';
import { numberOf, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { opAttr } from '../../graph/signature.ts';
import type { Numbers } from '../conv/convolve.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

/** The `k` largest of each row and where they were; of equals the first comes first. `sorted` or not, they come sorted. */
function topK(t: Tensor, k: number, node: Node): readonly Tensor[] {
  const size = t.shape.at(-1) ?? 0;
  if (t.shape.length < 1 || !(k >= 0 && k <= size)) throw new UserError(`can't take ${k} of [${t.shape}]`);
  const values = numbers(t);
  const rows = size === 0 ? 0 : values.length / size;
  const best = new Float64Array(rows * k);
  const indices = new Float64Array(rows * k);
  for (let row = 0; row < rows; row++) {
    for (const [i, index] of largest(values.subarray(row * size, (row + 1) * size), k).entries()) {
      best[row * k + i] = values[row * size + index]!;
      indices[row * k + i] = index;
    }
  }
  const shape = [...t.shape.slice(0, -1), k];
  const indexType = node.op === 'TopKV2' ? opAttr(node, 'index_type', 'type') : 'int32';
  return [tensorOfNumbers(t.dtype, shape, best), tensorOfNumbers(indexType, shape, indices)];
}

/** Where the `k` largest values are, the largest first. Sorts only what may be among them: rows can be long. */
function largest(values: Numbers, k: number): readonly number[] {
  const order = (a: number, b: number): number => values[b]! - values[a]! || a - b;
  let found: number[] = [];
  // What is not larger than this comes behind k others.
  let least: number | undefined;
  const most = 2 * k + 64;
  for (let i = 0; i < values.length && k > 0; i++) {
    if (least !== undefined && !(values[i]! > least)) continue;
    found.push(i);
    if (found.length < most) continue;
    found = found.sort(order).slice(0, k);
    least = values[found.at(-1)!]!;
  }
  return found.sort(order).slice(0, k);
}

/** predictions [batch, classes], targets [batch] → whether fewer than k classes beat the target's; not finite: false. */
function inTopK(predictions: Tensor, targets: Tensor, k: number): readonly Tensor[] {
  const [batch, classes] = predictions.shape as [number, number];
  const scores = numbers(predictions);
  const found = Float64Array.from(numbers(targets), (target, row) => {
    const own = scores[row * classes + target];
    if (own === undefined || !(target >= 0 && target < classes) || !Number.isFinite(own)) return 0;
    let better = 0;
    for (let c = 0; c < classes; c++) {
      const score = scores[row * classes + c]!;
      if (!Number.isFinite(score)) return 0;
      if (score > own) better++;
    }
    return better < k ? 1 : 0;
  });
  return [tensorOfNumbers('bool', [batch], found)];
}

/** The n-th smallest (`reverse`: largest) of each row. */
const nthElement: ReferenceKernel = (inputs, node) => {
  const t = inputAt(inputs, 0);
  const n = numberOf(inputAt(inputs, 1));
  const size = t.shape.at(-1) ?? 0;
  if (!(n >= 0 && n < size)) throw new UserError(`element ${n} of rows of ${size}`);
  const values = numbers(t);
  const at = opAttr(node, 'reverse', 'bool') ? size - 1 - n : n;
  const out = Float64Array.from(
    { length: values.length / size },
    (_, row) => Float64Array.from(values.subarray(row * size, (row + 1) * size)).sort()[at]!,
  );
  return [tensorOfNumbers(t.dtype, t.shape.slice(0, -1), out)];
};

export const topKReference = {
  TopK: ([t], node) => topK(t!, opAttr(node, 'k', 'int'), node),
  TopKV2: (inputs, node) => topK(inputAt(inputs, 0), numberOf(inputAt(inputs, 1)), node),
  InTopK: ([predictions, targets], node) => inTopK(predictions!, targets!, opAttr(node, 'k', 'int')),
  InTopKV2: (inputs) => inTopK(inputAt(inputs, 0), inputAt(inputs, 1), numberOf(inputAt(inputs, 2))),
  NthElement: nthElement,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
