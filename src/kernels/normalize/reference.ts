import { UserError } from '../../base/errors.ts';
import { sizeOf } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { readLayout } from '../../graph/shapes/geometry.ts';
import { opAttr } from '../../graph/signature.ts';
import { activations } from '../activation/functions.ts';
import { channelsLast, inLayout, inputAt, numbers, tensorOfNumbers, vector } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

/** y = (x − mean)·factor + offset over the last axis, in float64. */
function affine(x: ArrayLike<number>, mean: ArrayLike<number>, factor: ArrayLike<number>, offset: ArrayLike<number>) {
  const channels = factor.length;
  const out = new Float64Array(x.length);
  for (let i = 0; i < x.length; i += channels)
    for (let c = 0; c < channels; c++) out[i + c] = (x[i + c]! - mean[c]!) * factor[c]! + offset[c]!;
  return out;
}

type Moments = { readonly mean: Float64Array; readonly variance: Float64Array };

/** Mean and biased variance of each channel, in two passes. */
function momentsOf(x: ArrayLike<number>, channels: number): Moments {
  const count = Math.max(1, x.length / channels);
  const mean = new Float64Array(channels);
  const variance = new Float64Array(channels);
  for (let i = 0; i < x.length; i++) mean[i % channels]! += x[i]! / count;
  for (let i = 0; i < x.length; i++) variance[i % channels]! += (x[i]! - mean[i % channels]!) ** 2 / count;
  return { mean, variance };
}

/**
 * x, scale, offset, mean, variance → y, batch_mean, batch_variance and what the gradient reads. In training the batch's
 * moments are used, and the running ones move by exponential_avg_factor, the variance by its unbiased estimate.
 */
function fusedBatchNorm(inputs: readonly Tensor[], node: Node, finish: (y: Float64Array) => void): readonly Tensor[] {
  const layout = readLayout(node);
  const x = channelsLast(inputAt(inputs, 0), layout);
  const channels = x.shape[3]!;
  const values = numbers(x);
  const training = opAttr(node, 'is_training', 'bool');
  const given = (i: number, what: string) => vector(inputs[i], channels, what);
  const running = (i: number, what: string) =>
    training && inputAt(inputs, i).data.length === 0 ? new Float64Array(channels) : given(i, what);
  const before = { mean: running(3, 'the mean'), variance: running(4, 'the variance') };
  const used = training ? momentsOf(values, channels) : before;
  const epsilon = opAttr(node, 'epsilon', 'float');
  const scale = given(1, 'the scale');
  const factor = Float64Array.from(scale, (s, c) => s / Math.sqrt(used.variance[c]! + epsilon));
  const y = affine(values, used.mean, factor, given(2, 'the offset'));
  finish(y);

  const share = training ? opAttr(node, 'exponential_avg_factor', 'float') : 0;
  const count = values.length / Math.max(1, channels);
  const unbiased = count / Math.max(1, count - 1);
  const moved = (old: ArrayLike<number>, now: number, c: number) => (1 - share) * old[c]! + share * now;
  const mean = Float64Array.from(used.mean, (m, c) => moved(before.mean, m, c));
  const variance = Float64Array.from(used.variance, (v, c) => moved(before.variance, v * unbiased, c));
  const vectorOf = (values: Float64Array) => tensorOfNumbers(inputAt(inputs, 3).dtype, [values.length], values);
  const outputs = [
    inLayout(tensorOfNumbers(x.dtype, x.shape, y), layout),
    ...[mean, variance, used.mean, used.variance].map((values) => vectorOf(Float64Array.from(values))),
  ];
  const hasThirdReserve = node.op === 'FusedBatchNormV3' || node.op === '_FusedBatchNormEx';
  // Only GPUs fill it.
  return hasThirdReserve ? [...outputs, vectorOf(new Float64Array(0))] : outputs;
}

const batchNorm: ReferenceKernel = (inputs, node) => fusedBatchNorm(inputs, node, () => {});

/** With a side input added and an activation behind, as grappler writes it. */
const batchNormEx: ReferenceKernel = (inputs, node) =>
  fusedBatchNorm(inputs, node, (y) => {
    const side = inputs[5] === undefined ? undefined : vector(inputs[5], y.length, 'the side input');
    const relu = opAttr(node, 'activation_mode', 'string') === 'Relu';
    for (let i = 0; i < y.length; i++) {
      const sum = y[i]! + (side?.[i] ?? 0);
      y[i] = relu ? activations.Relu(sum) : sum;
    }
  });

/** t, m, v, beta, gamma: the batch norm of 2015. Without scale_after_normalization gamma is not used. */
const globalBatchNorm: ReferenceKernel = (inputs, node) => {
  const t = inputAt(inputs, 0);
  const channels = t.shape.at(-1) ?? 0;
  const [mean, variance, beta, gamma] = ['mean', 'variance', 'beta', 'gamma'].map((what, i) =>
    vector(inputs[i + 1], channels, `the ${what}`),
  );
  const epsilon = opAttr(node, 'variance_epsilon', 'float');
  const scaled = opAttr(node, 'scale_after_normalization', 'bool');
  const factor = Float64Array.from(variance!, (v, c) => (scaled ? gamma![c]! : 1) / Math.sqrt(v + epsilon));
  return [tensorOfNumbers(t.dtype, t.shape, affine(numbers(t), mean!, factor, beta!))];
};

/** The bias is added along the last axis, or along axis 1 in NCHW (of any rank). */
const biasAdd: ReferenceKernel = (inputs, node) => {
  const x = inputAt(inputs, 0);
  const channelsFirst = node.op === 'BiasAdd' && opAttr(node, 'data_format', 'string') === 'NCHW';
  const axis = channelsFirst ? 1 : x.shape.length - 1;
  if (x.shape.length < 2) throw new UserError(`BiasAdd wants at least a matrix, found [${x.shape}]`);
  const channels = x.shape[axis]!;
  const bias = vector(inputs[1], channels, 'the bias');
  const inner = sizeOf(x.shape.slice(axis + 1));
  const values = numbers(x);
  const out = new Float64Array(values.length);
  for (let i = 0; i < out.length; i += inner) {
    const b = bias[(i / inner) % channels]!;
    for (let j = i; j < i + inner; j++) out[j] = values[j]! + b;
  }
  return [tensorOfNumbers(x.dtype, x.shape, out)];
};

const { fround, sqrt } = Math;

/**
 * What LRN divides by: base^beta in float32 steps where square roots make it, as machine code does; other exponents are
 * rounded once.
 */
function lrnDivisor(base: number, beta: number): number {
  if (beta === 1) return base;
  const root = fround(sqrt(base));
  if (beta === 0.5) return root;
  return fround(beta === 0.75 ? root * fround(sqrt(root)) : base ** beta);
}

/**
 * Local response normalization: x / (bias + alpha·Σ x²)^beta, summed over 2·depth_radius + 1 channels. Every step is
 * rounded to float32 and squares are added from the first channel of the window to the last, so that machine code gives
 * the same bits.
 */
const lrn: ReferenceKernel = (inputs, node) => {
  const x = inputAt(inputs, 0);
  const channels = x.shape.at(-1) ?? 0;
  const values = numbers(x);
  const radius = opAttr(node, 'depth_radius', 'int');
  const bias = fround(opAttr(node, 'bias', 'float'));
  const alpha = fround(opAttr(node, 'alpha', 'float'));
  const beta = opAttr(node, 'beta', 'float');
  const squares = Float32Array.from(values, (value) => value * value);
  const out = new Float64Array(values.length);
  for (let pixel = 0; pixel < values.length; pixel += channels)
    for (let c = 0; c < channels; c++) {
      let sum = 0;
      const last = Math.min(channels - 1, c + radius);
      for (let i = Math.max(0, c - radius); i <= last; i++) sum = fround(sum + squares[pixel + i]!);
      out[pixel + c] = values[pixel + c]! / lrnDivisor(fround(bias + fround(alpha * sum)), beta);
    }
  return [tensorOfNumbers(x.dtype, x.shape, out)];
};

/** Half the sum of squares. */
const l2Loss: ReferenceKernel = (inputs) => {
  const t = inputAt(inputs, 0);
  let squares = 0;
  for (const x of numbers(t)) squares += x * x;
  return [tensorOfNumbers(t.dtype, [], Float64Array.of(squares / 2))];
};

/** Normalization over channels, and biases. */
export const normalizeReference = {
  FusedBatchNorm: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
  _FusedBatchNormEx: batchNormEx,
  BatchNormWithGlobalNormalization: globalBatchNorm,
  BiasAdd: biasAdd,
  BiasAddV1: biasAdd,
  LRN: lrn,
  L2Loss: l2Loss,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
