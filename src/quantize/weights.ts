import { UserError } from '../base/errors.ts';
import { roundHalfEven } from '../base/round.ts';
import { sizeOf } from '../base/shape.ts';
import { type Tensor, tensor } from '../base/tensor.ts';
import { readAttr } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import type { Graph, Node } from '../graph/graph.ts';
import type { QuantizeOptions, WeightChoice } from './options.ts';

/** int8 codes with the magnitude that code 127 stands for: one an output channel, or one for all. */
export type QuantizedWeights = {
  readonly codes: Tensor<'qint8'>;
  /** Shape `[channels]` or `[]`; scale = limit / 127. */
  readonly limits: Tensor<'float32'>;
};

/**
 * A limit below this share of the bias would make the bias overflow int32 (at an input scale of 1/128 and up; what smaller
 * ones need is known when ranges are frozen: rules/fuse-convolution.ts).
 */
const smallestShareOfBias = 2 ** -17;

/** Biases have at most so many steps of the sums: half of int32, so that the sums and corrections of the bias fit in too. */
export const mostBiasSteps = 2 ** 30;

/**
 * Symmetric int8 weights: scale = limit / 127, rounded half to even, clamped to [−127, 127].
 *
 * @param weights fp32; the output channels are the last `channelAxes` axes (1 for HWIO and [K, N]; 2 for depthwise HWCM).
 * @param bias of the same channels, which bounds the scale from below: `b_q = b / (s_x · s_w)` must fit into int32.
 */
export function quantizeWeights(
  weights: Tensor<'float32'>,
  bias: ArrayLike<number>,
  {
    channelAxes = 1,
    perChannel = true,
    choice,
  }: { channelAxes?: 1 | 2; perChannel?: boolean; choice?: WeightChoice | undefined } = {},
): QuantizedWeights {
  const channels = sizeOf(weights.shape.slice(-channelAxes));
  const { data } = weights;
  const limits = choice === undefined ? largestPerChannel(data, channels) : Float32Array.from(choice.limits);
  for (let c = 0; c < channels; c++) {
    const floor = Math.abs(bias[c] ?? 0) * smallestShareOfBias;
    limits[c] = Math.max(limits[c]!, floor, Number.MIN_VALUE);
    // A channel of zeros without bias: any scale will do.
    if (limits[c] === 0) limits[c] = 1;
  }
  const shared = perChannel ? undefined : limits.reduce((a, b) => Math.max(a, b), 0);
  if (shared !== undefined) limits.fill(shared);
  const codes = choice?.codes ?? new Int8Array(data.length);
  if (choice?.codes === undefined)
    for (let i = 0; i < data.length; i++) {
      const scaled = roundHalfEven((data[i]! * 127) / limits[i % channels]!);
      codes[i] = Math.max(-127, Math.min(127, scaled));
    }
  return {
    codes: tensor('qint8', weights.shape, codes),
    limits:
      shared === undefined ? tensor('float32', [channels], limits) : tensor('float32', [], Float32Array.of(shared)),
  };
}

/** The bias of a layer with what is to be added to it: zeros where it has none; undefined where it is not one a channel. */
export function biasOf(
  layer: Node,
  bias: Tensor | undefined,
  channels: number,
  { biases }: QuantizeOptions,
): Tensor<'float32'> | undefined {
  const given = bias ?? tensor('float32', [channels], new Float32Array(channels));
  if (given.dtype !== 'float32' || given.data.length !== channels) return undefined;
  const change = biases?.get(layer.name);
  return change === undefined
    ? given
    : tensor(
        'float32',
        given.shape,
        given.data.map((b, c) => b + change[c]!),
      );
}

/** The largest magnitude of each channel. Throws `UserError` on weights that are not finite. */
export function largestPerChannel(data: Float32Array, channels: number): Float32Array<ArrayBuffer> {
  const limits = new Float32Array(channels);
  for (let i = 0; i < data.length; i++) {
    const magnitude = Math.abs(data[i]!);
    if (!(magnitude < Number.POSITIVE_INFINITY)) throw new UserError('has weights that are not finite numbers');
    if (magnitude > limits[i % channels]!) limits[i % channels] = magnitude;
  }
  return limits;
}

/** [K, N] of [N, K]. */
export function transposed(w: Tensor<'float32'>): Tensor<'float32'> {
  const [rows = 0, columns = 0] = w.shape;
  const data = new Float32Array(w.data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) data[j * rows + i] = w.data[i * columns + j]!;
  return tensor('float32', [columns, rows], data);
}

/** Whether the weights of a layer are [N, K]. */
export const isTransposed = (layer: Node): boolean =>
  layer.op === 'MatMul' && readAttr(layer, 'transpose_b', 'bool', false);

/** The fp32 weights of a layer of constant ones: HWIO, HWCM or [K, N]. */
export function weightsOf(graph: Graph, layer: Node): Tensor<'float32'> {
  const weights = constTensor(graph.node(layer.inputs[1]!.node)) as Tensor<'float32'>;
  return isTransposed(layer) ? transposed(weights) : weights;
}
