import { roundHalfEven } from '../../base/round.ts';
import { numbersOf, type Tensor, tensor } from '../../base/tensor.ts';
import { constNode, constTensor } from '../../graph/constant.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import { floatResultBehind, weightLimits } from '../float-result.ts';
import type { WeightChoice } from '../options.ts';
import { mostBiasSteps } from '../weights.ts';
import { addRidge, type Columns, centredColumns, cholesky, covariance, solve } from './covariance.ts';
import { withNodes } from './known.ts';
import { drawPatches, type Patches } from './patches.ts';
import { limitsFor, roundByCovariance } from './rounding.ts';
import { inputSteps, sharesOf, type Target } from './target.ts';

/** Patches that a covariance is measured on. */
const maxRows = 4096;
/** Added to each variance, as a share of their mean: what few patches don't show is not free. */
const ridge = 0.01;
/** Patches for each weight of a channel without which errors of inputs are not made up for: fewer would fit to chance. */
const rowsPerWeight = 4;

/**
 * Which layers have their weights rounded by what their inputs are like; `asymmetric`: all, and so that they make up for the
 * errors of their inputs too.
 */
export const roundings = ['none', 'depthwise', 'all', 'asymmetric'] as const;
export type Rounding = (typeof roundings)[number];

const isDepthwise = ({ op }: Node): boolean => op.includes('Depthwise');

/** Whether the weights of a layer are to be rounded by its inputs. */
export const isRounded = (rounding: Rounding, node: Node): boolean =>
  rounding !== 'none' && (rounding !== 'depthwise' || isDepthwise(node));

/** What a layer reads, one tensor a sample. */
export type LayerInputs = {
  /** Its codes in the int8 model. */
  readonly codes: readonly Tensor[];
  /** The fp32 model's values of as many of the samples as these are, where errors of the codes are to be made up for. */
  readonly exact?: readonly Tensor[] | undefined;
};

/**
 * The graph with the weights of a layer rounded so that its results change least on these inputs, and the weights as
 * quantizing takes them. Undefined where a constant is missing.
 *
 * @param original the fp32 weights, HWIO, HWCM or [K, N].
 */
export function roundWeights(
  graph: Graph,
  { layer, bias }: Target,
  original: Tensor<'float32'>,
  inputs: LayerInputs,
): { readonly graph: Graph; readonly choice: WeightChoice } | undefined {
  const { node } = layer;
  const weights = graph.node(node.inputs[1]!.node);
  const [low, high] = [graph.node(node.inputs[5]!.node), graph.node(node.inputs[6]!.node)];
  const [before, codes, steps, input] = [
    constTensor(high),
    constTensor(weights),
    constTensor(bias),
    inputSteps(graph, node),
  ];
  if (before === undefined || codes?.dtype !== 'qint8' || steps === undefined || input === undefined) return undefined;
  const [kh = 1, kw = 1] = node.op.includes('MatMul') ? [] : original.shape;
  const patches = drawPatches(node, inputs.codes, [kh, kw], maxRows);
  const channels = isDepthwise(node) ? original.shape[2]! * original.shape[3]! : original.shape.at(-1)!;
  const shares = sharesOf(graph, node, channels);
  // Of a float32 result the multipliers hold the scales.
  const result = floatResultBehind(graph, node);
  const own = result && weightLimits(result, (name) => graph.nodes.get(name));
  const isUniform = own?.every((limit) => limit === own[0]) === true;
  const was = own === undefined ? numbersOf(before) : Array.from(isUniform ? own.subarray(0, 1) : own);
  const limits = Float32Array.from({ length: channels }, (_, c) => was[was.length === 1 ? 0 : c]! * (shares?.[c] ?? 1));
  const isFixed = was.length === 1;
  const found =
    isDepthwise(node) && !isFixed
      ? withRoomFor(steps, roundDepthwise(original, patches), { codes: codes.data, limits })
      : isDepthwise(node)
        ? undefined
        : roundDense(wanted(original, { node, inputs, window: [kh, kw], input, patches }), patches, limits);
  if (found === undefined) return undefined;
  const changed = [constNode(weights.name, tensor('qint8', codes.shape, found.codes))];
  if (result !== undefined && !isFixed) {
    const multipliers = graph.node(result.scaled.inputs[1]!.node);
    const scaled = numbersOf(constTensor(multipliers)!).map((m, c) => (m * found.limits[c]!) / was[c]!);
    changed.push(constNode(multipliers.name, tensor('float32', [channels], Float32Array.from(scaled))));
  } else if (!isFixed) {
    changed.push(constNode(high.name, tensor('float32', before.shape, found.limits)));
    const negated = found.limits.map((limit) => -limit);
    changed.push(constNode(low.name, tensor('float32', before.shape, negated)));
  }
  if (steps.dtype === 'qint32') {
    const moved = shifted(codes.data, found.codes, channels, input.zero / input.scale);
    const values = Array.from(steps.data, (b, c) =>
      roundHalfEven(((b + moved[c]!) * (isFixed ? 1 : was[c]!)) / (isFixed ? 1 : found.limits[c]!)),
    );
    changed.push(constNode(bias.name, tensor('qint32', steps.shape, Int32Array.from(values))));
  }
  return { graph: withNodes(graph, changed), choice: found };
}

/** What the sums of a matmul change by, whose operand's code 0 stands for so many steps: its bias holds their compensation. */
function shifted(before: Int8Array, after: Int8Array, channels: number, zero: number): Float64Array {
  const sums = new Float64Array(channels);
  if (zero !== 0) for (let i = 0; i < after.length; i++) sums[i % channels]! += (after[i]! - before[i]!) * zero;
  return sums;
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
    const H = ridged(columnsOf(patches, taps, (tap) => tap * channels + c));
    for (let m = 0; m < multiplier; m++) {
      for (let tap = 0; tap < taps; tap++) w[tap] = data[(tap * channels + c) * multiplier + m]!;
      const rounded = roundByCovariance(w, H, limitsFor(w));
      limits[c * multiplier + m] = rounded.limit > 0 ? rounded.limit : 1;
      for (let tap = 0; tap < taps; tap++) codes[(tap * channels + c) * multiplier + m] = rounded.codes[tap]!;
    }
  }
  return { codes, limits };
}

/** What was found, but `before` for channels whose bias would have too many of the new steps: hardly any weights beside it. */
function withRoomFor(bias: Tensor, found: Found, before: Found): Found {
  if (bias.dtype !== 'qint32') return found;
  const channels = found.limits.length;
  const isKept = bias.data.map((b, c) => +(Math.abs(b) * before.limits[c]! > mostBiasSteps * found.limits[c]!));
  const merge = <A extends Int8Array<ArrayBuffer> | Float32Array<ArrayBuffer>>(now: A, was: A): A =>
    now.map((x, i) => (isKept[i % channels] ? was[i]! : x)) as A;
  return { codes: merge(found.codes, before.codes), limits: merge(found.limits, before.limits) };
}

/** Weights of all channels, `[K, N]`, and the covariance of the whole window. */
type Wanted = { readonly data: Float32Array | Float64Array; readonly H: Float64Array };

/** All channels by the covariance of the whole window, with the limits that they have. */
function roundDense({ data, H }: Wanted, { taps, channels: ins }: Patches, limits: Float32Array<ArrayBuffer>): Found {
  const depth = taps * ins;
  const channels = data.length / depth;
  const codes = new Int8Array(data.length);
  const w = new Float64Array(depth);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < depth; i++) w[i] = data[i * channels + c]!;
    const rounded = roundByCovariance(w, H, [limits[c]!]);
    for (let i = 0; i < depth; i++) codes[i * channels + c] = rounded.codes[i]!;
  }
  return { codes, limits };
}

type Window = {
  readonly node: Node;
  readonly inputs: LayerInputs;
  readonly window: readonly [number, number];
  readonly input: { readonly scale: number; readonly zero: number };
  readonly patches: Patches;
};

/**
 * The weights to round: those of the layer, or those that give its fp32 results best from its int8 inputs, ŵ = H⁻¹ E[x̂ xᵀ] w
 * with H = E[x̂ x̂ᵀ] (Li et al., GPTAQ: Efficient Finetuning-Free Quantization for Asymmetric Calibration, 2025).
 */
function wanted(original: Tensor<'float32'>, { node, inputs, window, input, patches }: Window): Wanted {
  const depth = patches.taps * patches.channels;
  const columns = columnsOf(patches, depth, (i) => i);
  const H = ridged(columns);
  if (inputs.exact === undefined) return { data: original.data, H };
  const seen = drawPatches(node, inputs.codes.slice(0, inputs.exact.length), window, maxRows);
  if (seen.rows < rowsPerWeight * depth) return { data: original.data, H };
  const exact = drawPatches(node, inputs.exact, window, maxRows);
  // In steps of the codes; padding is 0 in both, and the zero point goes with the mean.
  const errors = exact.data.map((x, i) => x / input.scale - seen.data[i]!);
  const seenColumns = columnsOf(seen, depth, (i) => i);
  const cross = covariance(
    seenColumns,
    columnsOf({ ...seen, data: errors }, depth, (i) => i),
  );
  // Of the same patches: directions that these don't show must not be made much of.
  const L = cholesky(ridged(seenColumns), depth);
  const channels = original.data.length / depth;
  const data = Float64Array.from(original.data);
  const y = new Float64Array(depth);
  for (let c = 0; c < channels; c++) {
    for (let i = 0; i < depth; i++) {
      let sum = 0;
      for (let j = 0; j < depth; j++) sum += cross[i * depth + j]! * original.data[j * channels + c]!;
      y[i] = sum;
    }
    solve(L, depth, y);
    for (let i = 0; i < depth; i++) data[i * channels + c]! += y[i]!;
  }
  return { data, H };
}

const columnsOf = ({ data, rows, taps, channels }: Patches, size: number, at: (i: number) => number): Columns =>
  centredColumns(data, { rows, width: taps * channels }, size, at);

/** The covariance with the ridge. */
function ridged(columns: Columns): Float64Array {
  const H = covariance(columns, columns);
  addRidge(H, columns.length, ridge);
  return H;
}
