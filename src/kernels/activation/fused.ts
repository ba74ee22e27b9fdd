import { UnsupportedError } from '../../base/errors.ts';
import { sameShape } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import { opAttr } from '../../graph/signature.ts';
import { inputAt, numbers, vector } from '../numbers.ts';
import { type Activation, activations } from './functions.ts';

/** The names that `fused_ops` of _FusedConv2D, _FusedMatMul and the TensorFlow.js converter give to activations. */
const fusedActivations: ReadonlyMap<string, Activation> = new Map<string, Activation>([
  ...Object.entries(activations),
  ['_FusedHardSwish', activations.HardSwish],
  ['_MklSwish', (x) => x / (1 + Math.exp(-x))],
]);

/**
 * Applies the node's `fused_ops` in their order to sums whose last axis is `channels` long, in place. `args` are what the
 * fused ops read, one after another: a bias, a batch norm's four vectors, a summand, a slope a channel.
 */
export function applyFusedOps(node: Node, sums: Float64Array, channels: number, args: readonly Tensor[]): void {
  let next = 0;
  const perChannel = (what: string) => vector(args[next++], channels, what);
  for (const name of opAttr(node, 'fused_ops', 'strings')) {
    const activation = fusedActivations.get(name);
    if (activation !== undefined) {
      const alpha = name === 'LeakyRelu' ? opAttr(node, 'leakyrelu_alpha', 'float') : 0;
      for (let i = 0; i < sums.length; i++) sums[i] = activation(sums[i]!, alpha);
    } else if (name === 'BiasAdd') addPerChannel(sums, perChannel('the bias'));
    else if (name === 'Add') addTensor(sums, inputAt(args, next++));
    else if (name === 'Prelu') preluPerChannel(sums, channels, inputAt(args, next++));
    else if (name === 'FusedBatchNorm') {
      const [scale, offset, mean, variance] = ['scale', 'offset', 'mean', 'variance'].map(perChannel);
      const epsilon = opAttr(node, 'epsilon', 'float');
      const factor = Float64Array.from(scale!, (s, c) => s / Math.sqrt(variance![c]! + epsilon));
      for (let i = 0; i < sums.length; i++) {
        const c = i % channels;
        sums[i] = (sums[i]! - mean![c]!) * factor[c]! + offset![c]!;
      }
    } else throw new UnsupportedError([{ node: node.name, op: node.op, what: `the fused op '${name}'` }]);
  }
}

function addPerChannel(sums: Float64Array, bias: ArrayLike<number>): void {
  const channels = bias.length;
  for (let i = 0; i < sums.length; i += channels) for (let c = 0; c < channels; c++) sums[i + c]! += bias[c]!;
}

function addTensor(sums: Float64Array, summand: Tensor): void {
  const values = vector(summand, sums.length, 'the summand');
  for (let i = 0; i < sums.length; i++) sums[i]! += values[i]!;
}

function preluPerChannel(sums: Float64Array, channels: number, alpha: Tensor): void {
  const slopes = numbers(alpha);
  const single = sameShape(alpha.shape, []) || slopes.length === 1;
  if (!single) vector(alpha, channels, 'the slope');
  for (let i = 0; i < sums.length; i++) if (sums[i]! < 0) sums[i]! *= slopes[single ? 0 : i % channels]!;
}
