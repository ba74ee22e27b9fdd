import { debug } from '../../base/flags.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import { freshName } from '../../graph/builder.ts';
import { constNode, constTensor } from '../../graph/constant.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import { prune } from '../../graph/rewrite.ts';
import type { Feeds, OpenRunner } from '../../graph/runner.ts';
import { weightsOf } from '../weights.ts';
import { rangesOfValues } from './statistics.ts';

/** A relu whose channels are shifted: the bias before it, and what reads it with the bias behind each. */
type Shiftable = {
  readonly relu: Node;
  readonly bias: Node;
  readonly readers: readonly { readonly layer: Node; readonly bias: Node }[];
};

export type AbsorbOptions = {
  /** Samples to measure means on; only asked for where a bias can be moved. */
  readonly feeds: () => Promise<readonly Feeds[]>;
  readonly openRunner: OpenRunner;
  readonly signal?: AbortSignal;
};

/**
 * The same fp32 model with biases that only shift a channel moved behind the next layer, so that its values need a smaller
 * range: c = max(0, mean − 3σ), relu(x) − c = relu(x − c) wherever x ≥ c, b₁ − c, b₂ + W₂ c (Nagel et al., Data-Free Quantization
 * Through Weight Equalization and Bias Correction, 2019, section 4.1.3, with measured means). Not exact for the values
 * below c, about one in a thousand of a normal distribution. Where the next layer pads with zeros, or a relu6 cuts off,
 * nothing is moved.
 */
export async function absorbHighBiases(model: Model, { feeds, openRunner, signal }: AbsorbOptions): Promise<Model> {
  const found = shiftables(model);
  const keys = found.map(({ relu }) => relu.name);
  if (keys.length === 0) return model;
  const seen = await rangesOfValues(model, keys, await feeds(), openRunner, signal);
  const nodes = new Map(model.graph.nodes);
  for (const { relu, bias, readers } of found) {
    const ranges = seen.get(relu.name);
    if (ranges === undefined) continue;
    const shift = ranges.mean.map((mean, c) => highBias(mean, Math.sqrt(ranges.variance[c]!)));
    if (shift.every((c) => c === 0)) continue;
    debug(2, () => `absorb: ${shift.filter((c) => c > 0).length} channels of ${relu.name}`);
    addToBias(
      nodes,
      bias,
      shift.map((c) => -c),
    );
    for (const { layer, bias: behind } of readers) addToBias(nodes, behind, sumsOf(model.graph, layer, shift));
  }
  const ends = [...model.inputs, ...model.outputs].map((end) => end.value.node);
  return { ...model, graph: prune(model.graph.with(nodes.values()), [...ends, ...model.initializers]) };
}

/** What of a channel's values is there almost always. */
export const highBias = (mean: number, deviation: number): number => Math.max(0, mean - 3 * deviation);

function shiftables({ graph, outputs }: Model): readonly Shiftable[] {
  const ends = new Set(outputs.map(({ value }) => value.node));
  return [...graph.nodes.values()].flatMap((relu) => {
    if (relu.op !== 'Relu' || ends.has(relu.name)) return [];
    const bias = graph.node(relu.inputs[0]!.node);
    if (!isBias(graph, bias) || graph.consumers(bias.name).length !== 1 || ends.has(bias.name)) return [];
    const readers = graph.consumers(relu.name).flatMap(({ node: layer }) => {
      const [behind, ...others] = graph.consumers(layer.name);
      const isBiased =
        behind !== undefined && others.length === 0 && isBias(graph, behind.node) && !ends.has(layer.name);
      return isBiased && readsWhole(graph, layer) ? [{ layer, bias: behind.node }] : [];
    });
    return readers.length > 0 && readers.length === graph.consumers(relu.name).length ? [{ relu, bias, readers }] : [];
  });
}

const isBias = (graph: Graph, node: Node): boolean =>
  node.op === 'BiasAdd' && constTensor(graph.node(node.inputs[1]!.node))?.dtype === 'float32';

/** Whether a layer with constant weights reads no padding: that would not be shifted. */
function readsWhole(graph: Graph, layer: Node): boolean {
  const weights = layer.inputs[1] && constTensor(graph.node(layer.inputs[1].node));
  if (weights?.dtype !== 'float32') return false;
  if (layer.op === 'MatMul') return !readAttr(layer, 'transpose_a', 'bool', false);
  if (layer.op !== 'Conv2D' || readAttr(layer, 'data_format', 'string', 'NHWC') !== 'NHWC') return false;
  const padding = readAttr(layer, 'padding', 'string');
  return padding === 'VALID' || (padding === 'SAME' && weights.shape[0] === 1 && weights.shape[1] === 1);
}

/** W₂ c: what a constant in each channel adds to each that the layer makes. */
function sumsOf(graph: Graph, layer: Node, shift: Float64Array): Float64Array {
  const { data, shape } = weightsOf(graph, layer);
  const outs = shape.at(-1)!;
  const sums = new Float64Array(outs);
  for (let i = 0; i < data.length; i++) sums[i % outs]! += data[i]! * shift[Math.floor(i / outs) % shift.length]!;
  return sums;
}

function addToBias(nodes: Map<string, Node>, bias: Node, change: Float64Array): void {
  const current = nodes.get(bias.name)!;
  const { shape, data } = constTensor(nodes.get(current.inputs[1]!.node)!) as Tensor<'float32'>;
  const name = freshName(`${bias.name}/absorbed`, (taken) => nodes.has(taken));
  const shifted = tensor(
    'float32',
    shape,
    data.map((b, c) => b + change[c]!),
  );
  nodes.set(name, constNode(name, shifted));
  nodes.set(bias.name, { ...current, inputs: [current.inputs[0]!, { node: name, port: 0 }] });
}
