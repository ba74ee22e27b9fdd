import { UserError } from '../../base/errors.ts';
import { formatShape, normalizeAxis } from '../../base/shape.ts';
import { numberOf, type Tensor } from '../../base/tensor.ts';
import { copy, view, window } from '../array/view.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import { affineDecoder, affineEncoder, limitsOf } from '../quantize/codes.ts';
import type { Range } from '../quantize/quantize.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

/** Tensors of codes one after another along `axis`. Throws `UserError` where their other sizes differ. */
function concatenate(tensors: readonly Tensor[], axis: number): Tensor {
  const first = inputAt(tensors, 0);
  for (const t of tensors)
    if (t.shape.length !== first.shape.length || t.shape.some((dim, i) => i !== axis && dim !== first.shape[i]))
      throw new UserError(`can't join ${formatShape(first.shape)} with ${formatShape(t.shape)} along axis ${axis}`);
  const size = tensors.reduce((sum, t) => sum + t.shape[axis]!, 0);
  const shape = first.shape.with(axis, size);
  const out = tensorOfNumbers(first.dtype, shape, new Float64Array(shape.reduce((a, b) => a * b, 1))) as Tensor;
  let start = 0;
  for (const t of tensors) {
    copy(view(t), window(view(out), axis, start, t.shape[axis]!));
    start += t.shape[axis]!;
  }
  return out;
}

/** Codes over one affine range as codes over another; equal ranges leave them as they are. */
function reranged(t: Tensor, from: Range, to: Range): Tensor {
  if (from.min === to.min && from.max === to.max) return t;
  const limits = limitsOf(t.dtype);
  const [decode, encode] = [affineDecoder({ ...from, limits }), affineEncoder({ ...to, limits })];
  return tensorOfNumbers(
    t.dtype,
    t.shape,
    Float64Array.from(numbers(t), (code) => encode(decode(code))),
  );
}

/** The least range around all others; symmetric for signed codes. */
function commonRange(ranges: readonly Range[], signed: boolean): Range {
  const min = Math.min(...ranges.map((r) => r.min));
  const max = Math.max(...ranges.map((r) => r.max));
  const bound = Math.max(Math.abs(min), Math.abs(max));
  return signed ? { min: -bound, max: bound } : { min, max };
}

/** QuantizedConcat (the axis first) and QuantizedConcatV2 (behind the values), then mins and maxes of each. */
export const quantizedConcat: ReferenceKernel = (inputs, node) => {
  const axisFirst = node.op === 'QuantizedConcat';
  const count = (inputs.length - 1) / 3;
  const values = inputs.slice(axisFirst ? 1 : 0, axisFirst ? count + 1 : count);
  const axis = numberOf(inputAt(inputs, axisFirst ? 0 : count));
  const ranges = values.map((_, i) => ({
    min: numberOf(inputAt(inputs, 1 + count + i)),
    max: numberOf(inputAt(inputs, 1 + 2 * count + i)),
  }));
  const first = inputAt(values, 0);
  const common = commonRange(ranges, limitsOf(first.dtype).low < 0);
  const to = axisFirst || first.dtype !== 'quint8' ? common : { min: Math.max(0, common.min), max: common.max };
  const parts = values.map((t, i) => reranged(t, ranges[i]!, to));
  const bound = (x: number) => tensorOfNumbers('float32', [], Float64Array.of(x));
  return [concatenate(parts, normalizeAxis(axis, first.shape.length)), bound(to.min), bound(to.max)];
};
