import { UserError } from '../../base/errors.ts';
import { broadcastShapes, formatShape, normalizeAxis, sizeOf } from '../../base/shape.ts';
import { numbersOf, type Tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { axisOf, checkAlike, shapeOf } from './common.ts';
import {
  broadcastView,
  copy,
  dropped,
  materialize,
  permuted,
  repeated,
  splitAxis,
  type View,
  view,
  window,
} from './view.ts';

const transpose: ReferenceKernel = ([x, perm]) => {
  const rank = x!.shape.length;
  const axes = numbersOf(perm!).map((axis) => normalizeAxis(axis, rank));
  if (axes.length !== rank || new Set(axes).size !== rank)
    throw new UserError(`[${axes}] is not a permutation of the axes of ${formatShape(x!.shape)}`);
  return [materialize(permuted(view(x!), axes), x!)];
};

/** `values` one after another along `axis`. */
export function concat(values: readonly Tensor[], axis: number): Tensor {
  const first = values[0]!;
  for (const value of values) checkAlike(first.shape, value.shape, axis);
  const total = values.reduce((sum, value) => sum + value.shape[axis]!, 0);
  const out = zeros(first.dtype, first.shape.with(axis, total)) as Tensor;
  let start = 0;
  for (const value of values) {
    const size = value.shape[axis]!;
    copy(view(value), window(view(out), axis, start, size));
    start += size;
  }
  return out;
}

const concatV2: ReferenceKernel = (inputs) => {
  const values = inputs.slice(0, -1);
  return [concat(values, axisOf(inputs.at(-1)!, values[0]!.shape.length))];
};

/** `values` along a new `axis`. */
function pack(values: readonly Tensor[], axis: number): Tensor {
  const first = values[0]!;
  for (const value of values) checkAlike(first.shape, value.shape);
  const out = zeros(first.dtype, first.shape.toSpliced(axis, 0, values.length)) as Tensor;
  values.forEach((value, i) => {
    copy(view(value), dropped(window(view(out), axis, i, 1), axis));
  });
  return out;
}

const unpack: ReferenceKernel = ([value], node) => {
  const axis = normalizeAxis(readAttr(node, 'axis', 'int', 0), value!.shape.length);
  const count = readAttr(node, 'num', 'int');
  if (value!.shape[axis] !== count)
    throw new UserError(`${formatShape(value!.shape)} does not unpack into ${count} along axis ${axis}`);
  return Array.from({ length: count }, (_, i) => materialize(dropped(window(view(value!), axis, i, 1), axis), value!));
};

const tile: ReferenceKernel = ([input, multiples]) => {
  const times = shapeOf(multiples!);
  if (times.length !== input!.shape.length)
    throw new UserError(`${times.length} multiples for a tensor of rank ${input!.shape.length}`);
  let v = view(input!);
  for (let axis = times.length - 1; axis >= 0; axis--) v = repeated(v, axis, times[axis]!);
  return [
    materialize(
      v,
      input!,
      input!.shape.map((dim, i) => dim * times[i]!),
    ),
  ];
};

/** `t` broadcast to `shape`. Throws `UserError` where it does not fit. */
export function broadcastTo<T extends Tensor>(t: T, shape: readonly number[]): T {
  const to = broadcastShapes(t.shape, shape);
  if (to === undefined || to.length !== shape.length || to.some((dim, i) => dim !== shape[i]))
    throw new UserError(`${formatShape(t.shape)} can't be broadcast to ${formatShape(shape)}`);
  return materialize(broadcastView(view(t), shape), t);
}

function reversed(t: Tensor, axes: readonly number[]): Tensor {
  let v = view(t);
  for (const axis of axes) v = window(v, axis, t.shape[axis]! - 1, t.shape[axis]!, -1);
  return materialize(v, t);
}

const roll: ReferenceKernel = ([input, shift, axis]) => {
  const shifts = numbersOf(shift!);
  let out = input!;
  numbersOf(axis!).forEach((at, i) => {
    const along = normalizeAxis(at, input!.shape.length);
    const size = input!.shape[along]!;
    if (size === 0) return;
    const by = (((shifts[i]! % size) + size) % size) as number;
    const from = view(out);
    const next = zeros(out.dtype, out.shape) as Tensor;
    copy(window(from, along, 0, size - by), window(view(next), along, by, size - by));
    copy(window(from, along, size - by, by), window(view(next), along, 0, by));
    out = next;
  });
  return [out];
};

/** Each batch's first `seq_lengths[b]` elements along `seq_dim`, back to front. */
const reverseSequence: ReferenceKernel = ([input, seqLengths], node) => {
  const seqDim = readAttr(node, 'seq_dim', 'int');
  const batchDim = readAttr(node, 'batch_dim', 'int', 0);
  const out = materialize(view(input!), input!);
  numbersOf(seqLengths!).forEach((length, batch) => {
    if (length < 0 || length > input!.shape[seqDim]!)
      throw new UserError(`a sequence length of ${length} in ${formatShape(input!.shape)}`);
    const head = (t: Tensor, start: number, step: number) =>
      window(window(view(t), batchDim, batch, 1), seqDim, start, length, step);
    copy(head(input!, length - 1, -1), head(out, 0, 1));
  });
  return [out];
};

/** Pairs of one axis: sizes before and after. */
const pairsOf = (t: Tensor, rank: number): [number, number][] => {
  const flat = numbersOf(t);
  if (flat.length !== rank * 2 || flat.some((p) => p < 0))
    throw new UserError(`paddings of shape ${formatShape(t.shape)} for rank ${rank}, or negative`);
  return Array.from({ length: rank }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
};

/** `input` with `value` (or zeros) around it. */
export function pad(input: Tensor, pads: readonly (readonly [number, number])[], value?: Tensor): Tensor {
  const shape = input.shape.map((dim, i) => dim + pads[i]![0] + pads[i]![1]);
  const out = zeros(input.dtype, shape) as Tensor;
  if (value !== undefined) copy(broadcastView(view(value), shape), view(out));
  let inner = view(out);
  pads.forEach(([before], axis) => {
    inner = window(inner, axis, before, input.shape[axis]!);
  });
  copy(view(input), inner);
  return out;
}

const padKernel: ReferenceKernel = ([input, paddings, value]) => [
  pad(input!, pairsOf(paddings!, input!.shape.length), value),
];

/** Axis by axis; REFLECT leaves the edge out of the mirror image, SYMMETRIC repeats it. */
const mirrorPad: ReferenceKernel = ([input, paddings], node) => {
  const reflect = readAttr(node, 'mode', 'string') === 'REFLECT' ? 1 : 0;
  let out = input!;
  pairsOf(paddings!, input!.shape.length).forEach(([before, after], axis) => {
    if (before === 0 && after === 0) return;
    const size = out.shape[axis]!;
    if (Math.max(before, after) > size - reflect)
      throw new UserError(`paddings ${before} and ${after} are more than an axis of size ${size} mirrors`);
    const mirror = (start: number, count: number) => materialize(window(view(out), axis, start, count, -1), out);
    out = concat([mirror(before - 1 + reflect, before), out, mirror(size - 1 - reflect, after)], axis);
  });
  return [out];
};

/** Swaps NHWC's blocks of pixels with channels; other layouts by way of NHWC. */
function blocks(rearrange: (v: View, block: number) => { v: View; shape: number[] }): ReferenceKernel {
  return ([input], node) => {
    const format = readAttr(node, 'data_format', 'string', 'NHWC');
    const block = readAttr(node, 'block_size', 'int');
    if (format !== 'NHWC' && format !== 'NCHW') throw new UserError(`data_format ${format} has no CPU kernel`);
    const toNhwc = format === 'NCHW' ? permuted(view(input!), [0, 2, 3, 1]) : view(input!);
    const { v, shape } = rearrange(toNhwc, block);
    if (format === 'NHWC') return [materialize(v, input!, shape)];
    return [materialize(permuted(view(materialize(v, input!, shape)), [0, 3, 1, 2]), input!)];
  };
}

const spaceToDepth = blocks((v, block) => {
  const [n, h, w, c] = v.shape as [number, number, number, number];
  if (h % block !== 0 || w % block !== 0) throw new UserError(`${h} × ${w} pixels are not blocks of ${block}`);
  const split = splitAxis(splitAxis(v, 2, w / block, block), 1, h / block, block);
  return { v: permuted(split, [0, 1, 3, 2, 4, 5]), shape: [n, h / block, w / block, c * block * block] };
});

const depthToSpace = blocks((v, block) => {
  const [n, h, w, c] = v.shape as [number, number, number, number];
  const depth = c / (block * block);
  if (!Number.isInteger(depth)) throw new UserError(`${c} channels are not blocks of ${block} × ${block}`);
  const split = splitAxis(splitAxis(v, 3, block * block, depth), 3, block, block);
  return { v: permuted(split, [0, 1, 3, 2, 4, 5]), shape: [n, h * block, w * block, depth] };
});

function spaceToBatch(input: Tensor, block: readonly number[], paddings: Tensor): Tensor {
  const spatial = block.length;
  const rest = input.shape.length - 1 - spatial;
  const around = pairsOf(paddings, spatial);
  const none = new Array<[number, number]>(rest).fill([0, 0]);
  const padded = pad(input, [[0, 0], ...around, ...none]);
  let v = view(padded);
  for (let i = spatial; i >= 1; i--) {
    const size = padded.shape[i]!;
    if (block[i - 1]! < 1 || size % block[i - 1]! !== 0)
      throw new UserError(`a padded size of ${size} is not blocks of ${block[i - 1]}`);
    v = splitAxis(v, i, size / block[i - 1]!, block[i - 1]!);
  }
  // [n, s1/b1, b1, s2/b2, b2, …, rest] → [b1, b2, …, n, s1/b1, s2/b2, …, rest]
  const axes = block.map((_, i) => 2 + 2 * i);
  const order = [...axes, 0, ...axes.map((a) => a - 1), ...Array.from({ length: rest }, (_, i) => 1 + 2 * spatial + i)];
  const shape = padded.shape.map((dim, i) =>
    i === 0 ? dim * sizeOf(block) : i <= spatial ? dim / block[i - 1]! : dim,
  );
  return materialize(permuted(v, order), padded, shape);
}

function batchToSpace(input: Tensor, block: readonly number[], crops: Tensor): Tensor {
  const spatial = block.length;
  const rest = input.shape.length - 1 - spatial;
  const batch = input.shape[0]! / sizeOf(block);
  if (!Number.isInteger(batch)) throw new UserError(`a batch of ${input.shape[0]} is not blocks of ${sizeOf(block)}`);
  const v = { ...view(input), shape: [...block, batch, ...input.shape.slice(1)] };
  const inner = sizeOf(input.shape.slice(1));
  let step = inner * batch;
  const blockStrides = block.map(() => 0);
  for (let i = spatial - 1; i >= 0; i--) {
    blockStrides[i] = step;
    step *= block[i]!;
  }
  const strided = { ...v, strides: [...blockStrides, ...view(input).strides] };
  const order = [
    spatial,
    ...block.flatMap((_, i) => [spatial + 1 + i, i]),
    ...Array.from({ length: rest }, (_, i) => 1 + 2 * spatial + i),
  ];
  const shape = [batch, ...input.shape.slice(1).map((dim, i) => (i < spatial ? dim * block[i]! : dim))];
  const whole = materialize(permuted(strided, order), input, shape);
  let cropped = view(whole);
  pairsOf(crops, spatial).forEach(([before, after], i) => {
    const size = shape[i + 1]! - before - after;
    if (size < 0) throw new UserError(`crops ${before} and ${after} of an axis of size ${shape[i + 1]}`);
    cropped = window(cropped, i + 1, before, size);
  });
  return materialize(cropped, input);
}

const squareBlock = (node: Node): [number, number] => {
  const size = readAttr(node, 'block_size', 'int');
  return [size, size];
};

export const moveKernels = {
  BatchToSpace: ([input, crops], node) => [batchToSpace(input!, squareBlock(node), crops!)],
  BatchToSpaceND: ([input, block, crops]) => [batchToSpace(input!, numbersOf(block!), crops!)],
  BroadcastTo: ([input, shape]) => [broadcastTo(input!, shapeOf(shape!))],
  Concat: ([dim, ...values]) => [concat(values, axisOf(dim!, values[0]!.shape.length))],
  ConcatV2: concatV2,
  DepthToSpace: depthToSpace,
  MirrorPad: mirrorPad,
  Pack: (values, node) => [pack(values, normalizeAxis(readAttr(node, 'axis', 'int', 0), values[0]!.shape.length + 1))],
  Pad: padKernel,
  PadV2: padKernel,
  ParallelConcat: (values) => [concat(values, 0)],
  Reverse: ([t, dims]) => [
    reversed(
      t!,
      numbersOf(dims!).flatMap((on, axis) => (on ? [axis] : [])),
    ),
  ],
  ReverseSequence: reverseSequence,
  ReverseV2: ([t, axes]) => [
    reversed(
      t!,
      numbersOf(axes!).map((axis) => normalizeAxis(axis, t!.shape.length)),
    ),
  ],
  Roll: roll,
  SpaceToBatch: ([input, paddings], node) => [spaceToBatch(input!, squareBlock(node), paddings!)],
  SpaceToBatchND: ([input, block, paddings]) => [spaceToBatch(input!, numbersOf(block!), paddings!)],
  SpaceToDepth: spaceToDepth,
  Tile: tile,
  Transpose: transpose,
  Unpack: unpack,
  Fill: ([dims, value]) => {
    if (sizeOf(value!.shape) !== 1) throw new UserError(`a scalar is wanted, not ${formatShape(value!.shape)}`);
    return [materialize(broadcastView({ ...view(value!), shape: [], strides: [] }, shapeOf(dims!)), value!)];
  },
} satisfies Partial<Record<OpName, ReferenceKernel>>;
