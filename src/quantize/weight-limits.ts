import { sizeOf } from '../base/shape.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Model } from '../graph/model.ts';
import { quantizableOps, whyNot } from './eligible.ts';
import type { QuantizeOptions, WeightChoice } from './options.ts';
import { largestPerChannel, weightsOf } from './weights.ts';

/** Limits that are tried: shares of the largest magnitude of a channel. */
const shares = Array.from({ length: 61 }, (_, i) => 1 - i / 100);

/** Limits of the weights of all layers that can be quantized, by the layer's name. */
export function chooseWeights({ graph }: Model, options: QuantizeOptions): ReadonlyMap<string, WeightChoice> {
  const chosen = new Map<string, WeightChoice>();
  const find = { node: (name: string) => graph.nodes.get(name) };
  for (const node of graph.nodes.values()) {
    if (!(quantizableOps as readonly string[]).includes(node.op) || whyNot(node, find, options) !== undefined) continue;
    const channelAxes = node.op === 'DepthwiseConv2dNative' ? 2 : 1;
    chosen.set(node.name, { limits: leastSquaresLimits(weightsOf(graph, node), channelAxes) });
  }
  return chosen;
}

/** Channels that are gathered at a time: their weights lie side by side, so a cache line serves all of them. */
const gathered = 16;

/**
 * For each output channel (the last `channelAxes` axes) the limit between 0.4 and 1 of its largest magnitude that the
 * weights' rounding error Σ (w − ŵ)² is least with. Nagel et al., A White Paper on Neural Network Quantization (2021), 3.1.
 */
export function leastSquaresLimits(weights: Tensor<'float32'>, channelAxes: 1 | 2): Float32Array {
  const { data } = weights;
  const channels = sizeOf(weights.shape.slice(-channelAxes));
  const limits = largestPerChannel(data, channels);
  if (channels === 0) return limits;
  const depth = data.length / channels;
  const magnitudes = Array.from({ length: Math.min(gathered, channels) }, () => new Float64Array(depth));
  for (let first = 0; first < channels; first += gathered) {
    const count = Math.min(gathered, channels - first);
    for (let i = 0; i < depth; i++)
      for (let c = 0; c < count; c++) magnitudes[c]![i] = Math.abs(data[i * channels + first + c]!);
    for (let c = 0; c < count; c++) limits[first + c] = leastSquaresLimit(magnitudes[c]!, limits[first + c]!);
  }
  return limits;
}

/**
 * The limit of one channel. What a limit cuts off only grows as limits fall, so the search ends where that alone is more than
 * the least error; and weights that no limit cuts off are looked at only while the others leave hope. Reorders `magnitudes`.
 */
function leastSquaresLimit(magnitudes: Float64Array, largest: number): number {
  if (largest === 0) return 0;
  const large = largeFirst(magnitudes, shares.at(-1)! * largest);
  let best = largest;
  let least = Number.POSITIVE_INFINITY;
  for (const share of shares) {
    const limit = share * largest;
    const perStep = 127 / limit;
    // In steps: Σ (w − ŵ)² is that times the step's square.
    const most = least * perStep * perStep;
    const { cut, rounded } = errorOfLarge(magnitudes, large, perStep);
    if (cut >= most) break;
    if (cut + rounded >= most) continue;
    const error = (cut + rounded + errorOfRounding(magnitudes, large, perStep)) / (perStep * perStep);
    if (error < least) [best, least] = [limit, error];
  }
  return best;
}

/** Moves what is not below `bound` to the front, and says how many there are. */
function largeFirst(magnitudes: Float64Array, bound: number): number {
  let large = 0;
  for (let i = 0; i < magnitudes.length; i++) {
    const w = magnitudes[i]!;
    if (w < bound) continue;
    magnitudes[i] = magnitudes[large]!;
    magnitudes[large++] = w;
  }
  return large;
}

/** Adding and subtracting 1.5 · 2^52 rounds half to even; `roundHalfEven` also asks for the size, which is bounded here. */
const magic = 1.5 * 2 ** 52;

/** The squared errors, in steps, of the first `large` weights: of those cut off at code 127, and of the others. */
function errorOfLarge(magnitudes: Float64Array, large: number, perStep: number): { cut: number; rounded: number } {
  let cut = 0;
  let rounded = 0;
  for (let i = 0; i < large; i++) {
    const x = magnitudes[i]! * perStep;
    if (x > 127) cut += (x - 127) * (x - 127);
    else {
      const error = x - (x + magic - magic);
      rounded += error * error;
    }
  }
  return { cut, rounded };
}

/** The squared errors, in steps, of the weights from `first` on. Two sums, so that one addition need not wait for another. */
function errorOfRounding(magnitudes: Float64Array, first: number, perStep: number): number {
  let even = 0;
  let odd = 0;
  let i = first;
  for (; i + 1 < magnitudes.length; i += 2) {
    const x = magnitudes[i]! * perStep;
    const y = magnitudes[i + 1]! * perStep;
    const errorX = x - (x + magic - magic);
    const errorY = y - (y + magic - magic);
    even += errorX * errorX;
    odd += errorY * errorY;
  }
  if (i < magnitudes.length) {
    const x = magnitudes[i]! * perStep;
    even += (x - (x + magic - magic)) ** 2;
  }
  return even + odd;
}
