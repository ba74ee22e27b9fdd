import { type Tensor, tensor } from '../base/tensor.ts';
import { constTensor } from '../graph/constant.ts';
import type { Node } from '../graph/graph.ts';
import type { RewriteContext } from '../graph/rewrite.ts';
import { readLayout } from '../graph/shapes/geometry.ts';
import { opAttr } from '../graph/signature.ts';
import type { Channels } from './affine.ts';

/** Channel c of element i of the weights: ⌊i / inner⌋ mod count. */
export type WeightAxis = { readonly inner: number; readonly count: number };

/** A convolution or matrix product whose weights are a float32 constant. */
export type Weighted = {
  readonly node: Node;
  readonly weights: Tensor<'float32'>;
  /** Which input the weights are. */
  readonly input: number;
  readonly output: WeightAxis;
  /** Channels of what it reads; undefined where a channel of the input is not one of the weights (groups, transposes). */
  readonly source: WeightAxis | undefined;
  readonly channels: Channels;
};

export const weightedOps = ['Conv2D', 'DepthwiseConv2dNative', 'MatMul', 'Conv2DBackpropInput'] as const;

type Shape4 = readonly [number, number, number, number];
type Axes = Pick<Weighted, 'output' | 'source'>;

/** HWIO; [h, w, C, M] with output channel c·M + m; [K, N] or [N, K]; [h, w, O, I]. */
const axes: Readonly<Record<(typeof weightedOps)[number], (shape: readonly number[], node: Node) => Axes>> = {
  Conv2D: (shape) => {
    const [, , i, o] = shape as Shape4;
    return { output: { inner: 1, count: o }, source: { inner: o, count: i } };
  },
  DepthwiseConv2dNative: (shape) => {
    const [, , c, m] = shape as Shape4;
    return { output: { inner: 1, count: c * m }, source: { inner: m, count: c } };
  },
  Conv2DBackpropInput: (shape) => {
    const [, , o, i] = shape as Shape4;
    return { output: { inner: i, count: o }, source: undefined };
  },
  MatMul: (shape, node) => {
    const [first, last] = shape as readonly [number, number];
    const [isTransposed, isLeftTransposed] = [opAttr(node, 'transpose_b', 'bool'), opAttr(node, 'transpose_a', 'bool')];
    const [rows, columns] = [
      { inner: last, count: first },
      { inner: 1, count: last },
    ];
    return {
      output: isTransposed ? rows : columns,
      source: isLeftTransposed ? undefined : isTransposed ? columns : rows,
    };
  },
};

/** `node` with its weights, or undefined where it is none of `weightedOps` or its weights are not a float32 constant. */
export function weighted(node: Node | undefined, { find }: Pick<RewriteContext, 'find'>): Weighted | undefined {
  const op = weightedOps.find((name) => name === node?.op);
  const input = 1;
  const from = node?.inputs[input];
  const constant = from && find(from.node);
  const weights = constant && constTensor(constant);
  if (op === undefined || node === undefined || weights?.dtype !== 'float32') return undefined;
  const rank = op === 'MatMul' ? 2 : 4;
  if (weights.shape.length !== rank || weights.data.length === 0) return undefined;
  const found = axes[op](weights.shape, node);
  const axis = rank === 4 && readLayout(node) === 'NCHW' ? 1 : rank - 1;
  return { node, weights, input, ...found, channels: { rank, axis, count: found.output.count } };
}

/** w·s along an axis of the weights, in float64, rounded once; undefined where a product leaves float32. */
export function scaledWeights(
  weights: Tensor<'float32'>,
  { inner, count }: WeightAxis,
  scale: Float64Array,
): Tensor<'float32'> | undefined {
  const data = new Float32Array(weights.data.length);
  for (let i = 0; i < data.length; i++) {
    data[i] = weights.data[i]! * scale[Math.floor(i / inner) % count]!;
    if (!Number.isFinite(data[i])) return undefined;
  }
  return tensor('float32', weights.shape, data);
}

/** Σ w·t over all weights of an output channel: what a constant t per input channel adds to each output. */
export function summedWeights({ weights, output, source }: Weighted, offset: Float64Array): Float64Array {
  const sums = new Float64Array(output.count);
  for (let i = 0; i < weights.data.length; i++) {
    const c = Math.floor(i / source!.inner) % source!.count;
    sums[Math.floor(i / output.inner) % output.count]! += weights.data[i]! * offset[c]!;
  }
  return sums;
}
