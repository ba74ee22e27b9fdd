import { UserError } from '../../base/errors.ts';
import { readAttr } from '../attr.ts';
import type { Node } from '../graph.ts';

type Dims = readonly (number | null)[];

/** What a StridedSlice takes along one axis of its input: every `step`-th of `size` elements from `start`. */
export type AxisSlice = { readonly start: number; readonly size: number | null; readonly step: number };

/** The slice of each input axis, and which axes the output has: an input axis, or a new one of size 1. */
export type StridedSlice = { readonly axes: readonly AxisSlice[]; readonly kept: readonly (number | 'new')[] };

type Bound = { readonly value: number | null; readonly masked: boolean };
type AxisSpec = { readonly begin: Bound; readonly end: Bound; readonly step: number | null; readonly shrink: boolean };

/**
 * Resolves StridedSlice's begin, end, strides and masks against the input's shape, as TensorFlow's ValidateStridedSliceOp
 * does; null where a size or bound is not known. Throws `UserError` where TensorFlow refuses.
 */
export function resolveStridedSlice(node: Node, shape: Dims, begin: Dims, end: Dims, strides: Dims): StridedSlice {
  const { specs, kept } = denseSpec(node, shape.length, begin, end, strides);
  return { axes: specs.map((spec, axis) => axisSlice(spec, shape[axis]!, axis)), kept };
}

/** Spreads the given entries over the input's axes: the ellipsis stands for as many as are missing. */
function denseSpec(node: Node, rank: number, begin: Dims, end: Dims, strides: Dims) {
  const mask = (name: string) => readAttr(node, name, 'int', 0);
  const [beginMask, endMask, newMask, shrinkMask] = [
    mask('begin_mask'),
    mask('end_mask'),
    mask('new_axis_mask'),
    mask('shrink_axis_mask'),
  ];
  const ellipsisMask = mask('ellipsis_mask');
  if ((ellipsisMask & (ellipsisMask - 1)) !== 0) throw new UserError('a slice can have only one ellipsis');
  const bit = (bits: number, i: number) => (bits & (1 << i)) !== 0;
  const entries = begin.length;
  const hasEllipsis = Array.from({ length: entries }, (_, i) => bit(ellipsisMask, i)).includes(true);
  const newAxes = Array.from({ length: entries }, (_, i) => bit(newMask, i) && !bit(ellipsisMask, i));
  const used = newAxes.filter((isNew, i) => !isNew && !bit(ellipsisMask, i)).length;
  if (used > rank) throw new UserError(`a slice of ${used} axes of a tensor of rank ${rank}`);

  const specs: AxisSpec[] = [];
  const kept: (number | 'new')[] = [];
  const all: AxisSpec = {
    begin: { value: 0, masked: true },
    end: { value: 0, masked: true },
    step: 1,
    shrink: false,
  };
  const fill = (count: number) => {
    for (let i = 0; i < count; i++) kept.push(specs.push(all) - 1);
  };
  for (let i = 0; i < entries; i++) {
    if (bit(ellipsisMask, i)) fill(rank - used);
    else if (newAxes[i]) kept.push('new');
    else {
      const shrink = bit(shrinkMask, i);
      const spec = {
        begin: { value: begin[i]!, masked: bit(beginMask, i) },
        end: { value: end[i] ?? null, masked: bit(endMask, i) },
        step: strides[i] ?? null,
        shrink,
      };
      const axis = specs.push(spec) - 1;
      if (!shrink) kept.push(axis);
    }
  }
  if (!hasEllipsis) fill(rank - used);
  return { specs, kept };
}

function axisSlice({ begin, end, step, shrink }: AxisSpec, dim: number | null, axis: number): AxisSlice {
  if (step === 0) throw new UserError(`the stride of axis ${axis} is zero`);
  if (shrink && step !== null && step < 0) throw new UserError('only stride 1 is allowed where one element is taken');
  if (shrink) {
    if (dim === null || begin.value === null) return { start: begin.value ?? 0, size: 1, step: 1 };
    const start = begin.value < 0 ? dim + begin.value : begin.value;
    if (start < 0 || start >= dim)
      throw new UserError(`slice index ${begin.value} of axis ${axis} is out of bounds: its size is ${dim}`);
    return { start, size: 1, step: 1 };
  }
  if (dim === null || step === null) return { start: 0, size: null, step: step ?? 1 };
  const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
  const canonical = ({ value, masked }: Bound, whole: number): number | null => {
    if (masked) return whole;
    if (value === null) return null;
    return Math.min(Math.max(value < 0 ? dim + value : value, low), high);
  };
  const start = canonical(begin, step > 0 ? low : high);
  const stop = canonical(end, step > 0 ? high : low);
  if (start === null || stop === null) return { start: start ?? 0, size: null, step };
  return { start, size: Math.max(0, Math.ceil((stop - start) / step)), step };
}
