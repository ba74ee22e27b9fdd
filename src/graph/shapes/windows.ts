import { UserError } from '../../base/errors.ts';
import type { PartialShape } from '../../base/shape.ts';
import { numbersOf } from '../../base/tensor.ts';
import type { InferContext } from '../infer.ts';
import { opAttr } from '../signature.ts';
import { axesOf, pictureShape, readWindows, type Stepping, windowAxis } from './geometry.ts';

export type Dim = number | null;

/** The outputs along an axis, as far as its size and the window's are known. */
const outputs = (input: Dim | undefined, kernel: Dim | undefined, stepping: Stepping): Dim =>
  input == null || kernel == null ? null : windowAxis(input, kernel, stepping).output;

/** Axis `i` of a shape of `rank` axes; null where it is not known. Throws `UserError` on another rank. */
export function dimOf(shape: PartialShape | undefined, i: number, rank: number): Dim {
  if (shape == null) return null;
  if (shape.length !== rank) throw new UserError(`expected ${rank} axes, found [${shape.map((d) => d ?? '?')}]`);
  return shape[i]!;
}

/** The pictures that a convolution makes; `depthwise` filters have a multiplier for their last axis. */
export function convolved({ node, inputs }: InferContext, { depthwise = false } = {}): PartialShape {
  const { layout, h, w } = readWindows(node);
  const axes = axesOf[layout];
  const input = (axis: number) => dimOf(inputs[0]?.shape, axis, 4);
  const filter = (axis: number) => dimOf(inputs[1]?.shape, axis, 4);
  const [perFilter, last] = [filter(2), filter(3)];
  const channels = !depthwise ? last : perFilter === null || last === null ? null : perFilter * last;
  return pictureShape<Dim>(
    layout,
    input(axes.n),
    outputs(input(axes.h), filter(0), h),
    outputs(input(axes.w), filter(1), w),
    channels,
  );
}

/** The pictures that a pooling makes; ksize and strides are attributes, or inputs 1 and 2. */
export function pooledShape({ node, inputs, constant }: InferContext): PartialShape {
  const byInput = node.op === 'MaxPoolV2';
  const listOf = (i: number, attr: string): readonly number[] | undefined => {
    const tensor = byInput ? constant(i) : undefined;
    return byInput ? tensor && numbersOf(tensor) : opAttr(node, attr, 'ints');
  };
  const [ksize, strides] = [listOf(1, 'ksize'), listOf(2, 'strides')];
  if (ksize === undefined || strides === undefined) return [null, null, null, null];
  const { layout, h, w } = readWindows(node, strides);
  const axes = axesOf[layout];
  const input = (axis: number) => dimOf(inputs[0]?.shape, axis, 4);
  return pictureShape<Dim>(
    layout,
    input(axes.n),
    outputs(input(axes.h), ksize[axes.h], h),
    outputs(input(axes.w), ksize[axes.w], w),
    input(axes.c),
  );
}
