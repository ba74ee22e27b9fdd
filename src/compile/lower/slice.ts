import type { Shape } from '../../base/shape.ts';
import { numbersOf } from '../../base/tensor.ts';
import { resolveStridedSlice } from '../../graph/shapes/strided-slice.ts';
import { sizeOfElement } from '../../kernels/native/buffers.ts';
import type { Buffer, Step } from '../../kernels/native-kernel.ts';
import { copyStep } from '../emit/move.ts';
import type { Operand } from '../layer.ts';
import { addKernel, decline, type Lower, type LowerContext, tensorAt, type Value, valueAt } from './lowering.ts';
import { viewed } from './pointwise.ts';

/** What is taken of an axis: `size` elements from `start`, `step` apart. */
export type Part = { readonly start: number; readonly size: number; readonly step: number };

/** The axes of a picture that the axes of a tensor become, and what is not there. */
const pictureAxes: readonly (readonly ('n' | 'h' | 'w' | 'c')[])[] = [
  [],
  ['c'],
  ['n', 'c'],
  ['n', 'w', 'c'],
  ['n', 'h', 'w', 'c'],
];

/** Some elements of a buffer, in place; undefined where they are not a picture with dense pixels. */
export function partOf(buffer: Buffer, parts: readonly Part[]): Buffer | undefined {
  let { offset } = buffer;
  const stride = { ...buffer.stride };
  const shape = { ...buffer.shape };
  for (const [i, axis] of pictureAxes[parts.length]!.entries()) {
    const { start, size, step } = parts[i]!;
    shape[axis] = size;
    if (axis === 'c') {
      if (step !== 1 && size > 1) return undefined;
      offset += start * sizeOfElement(buffer.type);
    } else {
      offset += start * stride[axis];
      stride[axis] *= step;
    }
  }
  return { ...buffer, offset, shape, stride, halo: { top: 0, bottom: 0, left: 0, right: 0 } };
}

/** A layer that copies a part of a value. */
function addSlice(context: LowerContext, input: Value, parts: readonly Part[], shape: Shape): Operand {
  const isPlain = parts.every(({ size, step }) => size > 0 && step > 0);
  if (input.shape.length > 4 || !isPlain) decline(`a slice of [${input.shape}]`);
  return addKernel(context, {
    inputs: [input.id],
    dtype: input.dtype,
    shape,
    choose: ({ inputs: [from], output }) => {
      const part = partOf(from!, parts);
      const to = part && viewed(output, part.shape);
      if (part === undefined || to === undefined) return { whyNot: 'it takes channels apart' };
      return { kernel: 'slice', steps: () => [copyStep(context.node.name, part, to)] };
    },
  });
}

const lowerStridedSlice: Lower = (context) => {
  const input = valueAt(context, 0);
  const [begin, end, strides] = [1, 2, 3].map((i) => numbersOf(tensorAt(context, i))) as [number[], number[], number[]];
  const { axes, kept } = resolveStridedSlice(context.node, input.shape, begin, end, strides);
  const parts = axes.map(({ start, size, step }): Part => ({ start, step, size: size ?? decline('its size varies') }));
  const shape = kept.map((axis) => (axis === 'new' ? 1 : parts[axis]!.size));
  return [addSlice(context, input, parts, shape)];
};

const lowerSlice: Lower = (context) => {
  const input = valueAt(context, 0);
  const [begin, sizes] = [1, 2].map((i) => numbersOf(tensorAt(context, i))) as [number[], number[]];
  const parts = input.shape.map((dim, axis): Part => {
    const [start, size] = [begin[axis] ?? -1, sizes[axis] === -1 ? dim - begin[axis]! : (sizes[axis] ?? -1)];
    return start >= 0 && start + size <= dim ? { start, size, step: 1 } : decline('it is outside of its input');
  });
  const shape = parts.map(({ size }) => size);
  return [addSlice(context, input, parts, shape)];
};

/**
 * Transpose of up to four axes: pixels are copied as a whole where the channels stay channels, else element by element, in
 * the order of the output, as pixels of one channel.
 */
export const lowerTranspose: Lower = (context) => {
  const input = valueAt(context, 0);
  const order = numbersOf(tensorAt(context, 1));
  const rank = input.shape.length;
  const isOrder = new Set(order).size === rank && order.every((axis) => axis >= 0 && axis < rank);
  if (rank > 4 || rank === 0 || order.length !== rank || !isOrder) decline(`axes [${order}]`);
  const shape = order.map((axis) => input.shape[axis]!);
  const output = addKernel(context, {
    inputs: [input.id],
    dtype: input.dtype,
    shape,
    choose: ({ inputs: [from], output: to }) => {
      const moved = (buffer: Buffer, axes: readonly number[]): Moved => {
        const strides = stridesOf(buffer, rank);
        return axes.map((axis, i) => ({ size: shape[i]!, stride: strides[axis]! }));
      };
      const own = order.map((_, i) => i);
      if (rank === 4 && order.at(-1) !== 3 && Math.min(...shape) > MOST_STEPS)
        return { whyNot: 'it moves too many axes' };
      const steps = transposeSteps(context.node.name, [from!, moved(from!, order)], [to, moved(to, own)]);
      return { kernel: 'transpose', steps: () => steps };
    },
  });
  return [output];
};

/** Each is a step of its own. */
const MOST_STEPS = 64;

/** Axes of a tensor, the outermost first: sizes and bytes from an element to the next. */
type Moved = readonly { readonly size: number; readonly stride: number }[];

const stridesOf = ({ stride, type }: Buffer, rank: number): number[] =>
  pictureAxes[rank]!.map((axis) => (axis === 'c' ? sizeOfElement(type) : stride[axis]));

/** Copies in nested loops: three around the pixels' channels, and a step for each index of an axis beyond them. */
function transposeSteps(name: string, from: readonly [Buffer, Moved], to: readonly [Buffer, Moved]): Step[] {
  const size = sizeOfElement(from[0].type);
  const isDense = [from, to].every(([, axes]) => axes.at(-1)!.stride === size);
  // Of the axes before the channels (or of all of them), those that loops do not cover become steps: the shortest.
  const axes = to[1].length - (isDense ? 1 : 0);
  const view = ([buffer, moved]: readonly [Buffer, Moved], offset: number, skipped: number): Buffer => {
    const outer = (isDense ? moved.slice(0, -1) : moved).filter((_, i) => i !== skipped);
    const padded = [...Array.from({ length: 3 - outer.length }, () => ({ size: 1, stride: 0 })), ...outer];
    const [n, h, w] = padded as [Moved[number], Moved[number], Moved[number]];
    return {
      ...buffer,
      offset: buffer.offset + offset,
      shape: { n: n.size, h: h.size, w: w.size, c: isDense ? moved.at(-1)!.size : 1 },
      stride: { n: n.stride, h: h.stride, w: w.stride },
      halo: { top: 0, bottom: 0, left: 0, right: 0 },
    };
  };
  if (axes <= 3) return [copyStep(name, view(from, 0, -1), view(to, 0, -1))];
  const sizes = to[1].map((axis) => axis.size);
  const skipped = sizes.indexOf(Math.min(...sizes));
  return Array.from({ length: sizes[skipped]! }, (_, i) =>
    copyStep(name, view(from, i * from[1][skipped]!.stride, skipped), view(to, i * to[1][skipped]!.stride, skipped)),
  );
}

/** The ops whose lowering is here. */
export const sliceLowerings: Readonly<Record<string, Lower>> = {
  StridedSlice: lowerStridedSlice,
  Slice: lowerSlice,
  Transpose: lowerTranspose,
};
