import { roundHalfEven } from '../../base/round.ts';
import { numbersOf, type Tensor, tensor } from '../../base/tensor.ts';
import { constNode, constTensor } from '../../graph/constant.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import type { WeightChoice } from '../options.ts';
import { drawPatches, type Patches } from './patches.ts';
import { limitsFor, roundByCovariance } from './rounding.ts';
import type { Target } from './target.ts';

/** Patches that a covariance is measured on. */
const maxRows = 4096;
/** Added to each variance, as a share of their mean: what few patches don't show is not free. */
const ridge = 0.01;

/** Which layers have their weights rounded by what their inputs are like. */
export type Rounding = 'none' | 'depthwise' | 'all';

export const isDepthwise = ({ op }: Node): boolean => op.includes('Depthwise');

/**
 * The graph with the weights of a layer rounded so that its results change least on these inputs, and the weights as
 * quantizing takes them. Undefined where the layer has one scale for all channels.
 *
 * @param original the fp32 weights, HWIO, HWCM or [K, N].
 */
export function roundWeights(
  graph: Graph,
  { layer, bias }: Target,
  original: Tensor<'float32'>,
  inputs: readonly Tensor[],
): { readonly graph: Graph; readonly choice: WeightChoice } | undefined {
  const { node } = layer;
  const weights = graph.node(node.inputs[1]!.node);
  const [low, high] = [graph.node(node.inputs[5]!.node), graph.node(node.inputs[6]!.node)];
  const before = constTensor(high);
  const codes = constTensor(weights);
  const steps = constTensor(bias);
  if (before === undefined || codes?.dtype !== 'qint8' || before.shape.length === 0 || steps?.dtype !== 'qint32')
    return undefined;
  const [kh = 1, kw = 1] = original.shape;
  const patches = drawPatches(node, inputs, [kh, kw], maxRows);
  const found = isDepthwise(node)
    ? roundDepthwise(original, patches)
    : roundDense(original, patches, numbersOf(before));
  const was = numbersOf(before);
  const rescaled = Int32Array.from(numbersOf(steps), (b, c) => roundHalfEven((b * was[c]!) / found.limits[c]!));
  const changed = [
    constNode(weights.name, tensor('qint8', codes.shape, found.codes)),
    constNode(high.name, tensor('float32', before.shape, found.limits)),
    constNode(
      low.name,
      tensor(
        'float32',
        before.shape,
        found.limits.map((limit) => -limit),
      ),
    ),
    constNode(bias.name, tensor('qint32', steps.shape, rescaled)),
  ];
  const nodes = new Map(graph.nodes);
  for (const constant of changed) nodes.set(constant.name, constant);
  return { graph: graph.with(nodes.values()), choice: found };
}

type Found = { readonly codes: Int8Array<ArrayBuffer>; readonly limits: Float32Array<ArrayBuffer> };

/** Each channel by the covariance of its own window; with its limit. */
function roundDepthwise({ data, shape }: Tensor<'float32'>, patches: Patches): Found {
  const [, , channels = 0, multiplier = 1] = shape;
  const { taps } = patches;
  const codes = new Int8Array(data.length);
  const limits = new Float32Array(channels * multiplier);
  const w = new Float64Array(taps);
  for (let c = 0; c < channels; c++) {
    const covariance = covarianceOf(patches, taps, (tap) => tap * channels + c);
    for (let m = 0; m < multiplier; m++) {
      for (let tap = 0; tap < taps; tap++) w[tap] = data[(tap * channels + c) * multiplier + m]!;
      const rounded = roundByCovariance(w, covariance, limitsFor(w));
      limits[c * multiplier + m] = rounded.limit > 0 ? rounded.limit : 1;
      for (let tap = 0; tap < taps; tap++) codes[(tap * channels + c) * multiplier + m] = rounded.codes[tap]!;
    }
  }
  return { codes, limits };
}

/** All channels by the covariance of the whole window, with the limits that they have. */
function roundDense({ data }: Tensor<'float32'>, patches: Patches, limits: readonly number[]): Found {
  const depth = patches.taps * patches.channels;
  const channels = data.length / depth;
  const covariance = covarianceOf(patches, depth, (i) => i);
  const codes = new Int8Array(data.length);
  const w = new Float64Array(depth);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < depth; i++) w[i] = data[i * channels + c]!;
    const rounded = roundByCovariance(w, covariance, [limits[c]!]);
    for (let i = 0; i < depth; i++) codes[i * channels + c] = rounded.codes[i]!;
  }
  return { codes, limits: Float32Array.from(limits) };
}

/** The covariance of `size` of a patch's elements, with the ridge. */
function covarianceOf({ data, rows, taps, channels }: Patches, size: number, at: (i: number) => number): Float64Array {
  const width = taps * channels;
  const mean = new Float64Array(size);
  const columns = Array.from({ length: size }, (_, i) => {
    const column = new Float32Array(rows);
    let sum = 0;
    for (let row = 0, from = at(i); row < rows; row++, from += width) {
      column[row] = data[from]!;
      sum += data[from]!;
    }
    mean[i] = sum / Math.max(1, rows);
    return column;
  });
  const covariance = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    const a = columns[i]!;
    for (let j = i; j < size; j++) {
      const b = columns[j]!;
      let sum = 0;
      for (let row = 0; row < rows; row++) sum += a[row]! * b[row]!;
      covariance[i * size + j] = covariance[j * size + i] = sum / Math.max(1, rows) - mean[i]! * mean[j]!;
    }
  }
  let trace = 0;
  for (let i = 0; i < size; i++) trace += covariance[i * size + i]!;
  for (let i = 0; i < size; i++) covariance[i * size + i]! += (ridge * trace) / size + 1e-9;
  return covariance;
}
