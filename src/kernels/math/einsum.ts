import { isBigInt } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { broadcastShapes, formatShape, sizeOf } from '../../base/shape.ts';
import { type Tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import { parseEinsum } from '../../graph/shapes/einsum.ts';
import { broadcastView, materialize, permuted, type View, view } from '../array/view.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { bigIntData, numberData, throughFloat32 } from './numeric.ts';

/** Axes of one operand by label; those of the ellipsis are numbered from its end. */
type Labelled = { readonly v: View; readonly labels: readonly string[] };

/** The operand's axes with repeated labels (a diagonal) joined into one. */
function labelled(t: Tensor, labels: readonly string[]): Labelled {
  let v = view(t);
  let names = [...labels];
  if (names.length !== t.shape.length)
    throw new UserError(`'${labels.join('')}' does not label a tensor of shape ${formatShape(t.shape)}`);
  for (let i = 0; i < names.length; i++) {
    const again = names.indexOf(names[i]!, i + 1);
    if (again === -1) continue;
    if (v.shape[i] !== v.shape[again]) throw new UserError(`label '${names[i]}' has two sizes`);
    v = {
      ...v,
      strides: v.strides.with(i, v.strides[i]! + v.strides[again]!).toSpliced(again, 1),
      shape: v.shape.toSpliced(again, 1),
    };
    names = names.toSpliced(again, 1);
    i--;
  }
  return { v, labels: names };
}

/** The sizes of all labels; an axis of size 1 in an ellipsis is broadcast. */
function sizesOf(operands: readonly Labelled[]): Map<string, number> {
  const sizes = new Map<string, number>();
  for (const { v, labels } of operands)
    labels.forEach((label, i) => {
      const joined = broadcastShapes([sizes.get(label) ?? 1], [v.shape[i]!]);
      if (joined === undefined) throw new UserError(`label '${label}' has sizes ${sizes.get(label)} and ${v.shape[i]}`);
      sizes.set(label, joined[0]!);
    });
  return sizes;
}

/** The operand with its axes in the order of `labels`, those it does not have repeated. */
function aligned(
  { v, labels: own }: Labelled,
  labels: readonly string[],
  sizes: ReadonlyMap<string, number>,
  like: Tensor,
): Tensor {
  const order = labels.filter((label) => own.includes(label)).map((label) => own.indexOf(label));
  const sorted = permuted(v, order);
  let next = 0;
  const spread = {
    ...sorted,
    shape: labels.map((label) => (own.includes(label) ? sorted.shape[next++]! : 1)),
  };
  next = 0;
  const strides = labels.map((label) => (own.includes(label) ? sorted.strides[next++]! : 0));
  const shape = labels.map((label) => sizes.get(label)!);
  return materialize(broadcastView({ ...spread, strides }, shape), like);
}

/**
 * Einsum of one or two operands: out[kept] = Σ over the rest of a · b. Labels of both operands and the output are a batch,
 * those summed over are brought last, so that the innermost loop is a dot product of contiguous rows.
 */
function einsum(inputs: readonly Tensor[], equation: string): Tensor {
  const { operands: names, output } = parseEinsum(
    equation,
    inputs.map((t) => t.shape.length),
  );
  const operands = inputs.map((t, i) => labelled(t, names[i]!));
  const sizes = sizesOf(operands);
  const summed = [...sizes.keys()].filter((label) => !output.includes(label));
  for (const label of output) if (!sizes.has(label)) throw new UserError(`label '${label}' is in no operand`);
  const has = (i: number, label: string) => operands[i]!.labels.includes(label);
  const like = inputs[0]!;
  if (operands.length === 1) {
    const rows = aligned(operands[0]!, [...output, ...summed], sizes, like);
    return dotRows(
      rows,
      undefined,
      1,
      sizeOf(output.map((l) => sizes.get(l)!)),
      1,
      sizeOf(summed.map((l) => sizes.get(l)!)),
      output.map((l) => sizes.get(l)!),
    );
  }
  const batch = output.filter((label) => has(0, label) && has(1, label));
  const left = output.filter((label) => has(0, label) && !has(1, label));
  const right = output.filter((label) => !has(0, label) && has(1, label));
  const count = (labels: readonly string[]) => sizeOf(labels.map((label) => sizes.get(label)!));
  const a = aligned(operands[0]!, [...batch, ...left, ...summed], sizes, like);
  const b = aligned(operands[1]!, [...batch, ...right, ...summed], sizes, like);
  const natural = [...batch, ...left, ...right];
  const shape = natural.map((label) => sizes.get(label)!);
  const product = dotRows(a, b, count(batch), count(left), count(right), count(summed), shape);
  return materialize(
    permuted(
      view(product),
      output.map((label) => natural.indexOf(label)),
    ),
    product,
  );
}

/** out[n, i, j] = Σ_k a[n, i, k] · b[n, j, k]; without b the sum of a's rows. */
function dotRows(
  a: Tensor,
  b: Tensor | undefined,
  batch: number,
  rows: number,
  columns: number,
  depth: number,
  shape: readonly number[],
): Tensor {
  const out = zeros(a.dtype, shape) as Tensor;
  if (isBigInt(a.dtype)) {
    const [x, y, z] = [bigIntData(a), b && bigIntData(b), bigIntData(out)];
    for (let o = 0; o < batch * rows * columns; o++) {
      const [i, j] = [
        Math.floor(o / columns) * depth,
        (Math.floor(o / (rows * columns)) * columns + (o % columns)) * depth,
      ];
      let sum = 0n;
      for (let k = 0; k < depth; k++) sum += x[i + k]! * (y === undefined ? 1n : y[j + k]!);
      z[o] = sum;
    }
    return out;
  }
  const [x, y, z] = [numberData(a), b && numberData(b), numberData(out)];
  const whole = a.dtype === 'int32' || a.dtype === 'uint32';
  for (let n = 0, o = 0; n < batch; n++)
    for (let row = 0; row < rows; row++)
      for (let column = 0; column < columns; column++, o++) {
        const [i, j] = [(n * rows + row) * depth, (n * columns + column) * depth];
        let sum = 0;
        if (y === undefined) for (let k = 0; k < depth; k++) sum += x[i + k]!;
        else if (whole) for (let k = 0; k < depth; k++) sum = (sum + Math.imul(x[i + k]!, y[j + k]!)) | 0;
        else for (let k = 0; k < depth; k++) sum += x[i + k]! * y[j + k]!;
        z[o] = sum;
      }
  return out;
}

export const einsumKernel: ReferenceKernel = throughFloat32((inputs, node) => [
  einsum(inputs, readAttr(node, 'equation', 'string')),
]);
