import { sizeOf } from '../base/shape.ts';
import type { Tensor } from '../base/tensor.ts';
import { readAttr } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import type { Model } from '../graph/model.ts';
import { quantizableOps, whyNot } from './eligible.ts';
import type { QuantizeOptions, WeightChoice } from './options.ts';
import { largestPerChannel, transposed } from './weights.ts';

/** Limits that are tried: shares of the largest magnitude of a channel. */
const shares = Array.from({ length: 61 }, (_, i) => 1 - i / 100);

/** Limits of the weights of all layers that can be quantized, by the layer's name. */
export function chooseWeights({ graph }: Model, options: QuantizeOptions): ReadonlyMap<string, WeightChoice> {
  const chosen = new Map<string, WeightChoice>();
  const find = { node: (name: string) => graph.nodes.get(name) };
  for (const node of graph.nodes.values()) {
    if (!(quantizableOps as readonly string[]).includes(node.op) || whyNot(node, find, options) !== undefined) continue;
    const weights = constTensor(graph.node(node.inputs[1]!.node)) as Tensor<'float32'>;
    const isTransposed = node.op === 'MatMul' && readAttr(node, 'transpose_b', 'bool', false);
    const channelAxes = node.op === 'DepthwiseConv2dNative' ? 2 : 1;
    chosen.set(node.name, { limits: leastSquaresLimits(isTransposed ? transposed(weights) : weights, channelAxes) });
  }
  return chosen;
}

/**
 * For each output channel (the last `channelAxes` axes) the limit between 0.4 and 1 of its largest magnitude that the
 * weights' rounding error Σ (w − ŵ)² is least with. Nagel et al., A White Paper on Neural Network Quantization (2021), 3.1.
 */
export function leastSquaresLimits(weights: Tensor<'float32'>, channelAxes: 1 | 2): Float32Array {
  const { data } = weights;
  const channels = sizeOf(weights.shape.slice(-channelAxes));
  const largest = largestPerChannel(data, channels);
  const limits = Float32Array.from(largest);
  const least = new Float64Array(channels).fill(Number.POSITIVE_INFINITY);
  const errors = new Float64Array(channels);
  const steps = new Float64Array(channels);
  for (const share of shares) {
    for (let c = 0; c < channels; c++) steps[c] = (share * largest[c]!) / 127;
    errors.fill(0);
    for (let i = 0, c = 0; i < data.length; i++) {
      const step = steps[c]!;
      const scaled = data[i]! / step;
      const error = data[i]! - Math.max(-127, Math.min(127, Math.round(scaled))) * step;
      errors[c]! += error * error;
      if (++c === channels) c = 0;
    }
    for (let c = 0; c < channels; c++)
      if (errors[c]! < least[c]!) {
        least[c] = errors[c]!;
        limits[c] = share * largest[c]!;
      }
  }
  return limits;
}
