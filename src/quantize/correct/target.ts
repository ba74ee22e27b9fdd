import { numberOf, numbersOf } from '../../base/tensor.ts';
import { attrValue, readAttr } from '../../graph/attr.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Graph, Node, Value } from '../../graph/graph.ts';
import { floatResultBehind } from '../float-result.ts';
import { rangeKey } from '../int8.ts';
import { type Layer, layersOf } from '../layers.ts';
import { endsOf, isUnsigned } from './frozen-graph.ts';

/** A layer of a calibrated graph whose bias can be changed, and where to see what that does. */
export type Target = {
  readonly layer: Layer;
  /** The Const of its bias: qint32, or float32 where no fused form took it in. */
  readonly bias: Node;
  /** How much of the output one unit of the bias is, a channel. */
  readonly unit: Float64Array;
  /** How near a float32 mean has to come: a step of the sums, a channel. */
  readonly step: Float64Array;
  /** The value that stands for the layer's output: codes or float32. */
  readonly out: Value;
  readonly isFloat: boolean;
  /** What one code of it stands for; 1 of float32. */
  readonly scale: number;
  /** The codes (or values) between which a change of the bias shows, exclusive. */
  readonly low: number;
  readonly high: number;
};

/** The layers of a graph with constant ends whose bias can be corrected, each behind those it reads. */
export function targetsOf(graph: Graph): readonly Target[] {
  const int8 = int8Values(graph);
  const inside = controlled(graph);
  return layersOf(graph).flatMap((layer) => (inside.has(layer.node.name) ? [] : (targetOf(graph, layer, int8) ?? [])));
}

/** The nodes that give int8 values, by the names of the fp32 values that those stand for. */
function int8Values(graph: Graph): ReadonlyMap<string, Node> {
  const int8 = new Map<string, Node>();
  for (const node of graph.nodes.values()) {
    const key = node.attrs.get(rangeKey);
    const name = key && attrValue(key, 'string');
    if (name !== undefined) int8.set(name, node);
  }
  return int8;
}

export function targetOf(graph: Graph, layer: Layer, int8 = int8Values(graph)): Target | undefined {
  const { node } = layer;
  const result = floatResultBehind(graph, node);
  const of = result?.biased.inputs[1] ?? node.inputs[2];
  const bias = of && graph.node(of.node);
  const unit = bias && unitOf(graph, node, bias);
  if (bias === undefined || unit === undefined) return undefined;
  const multipliers = result?.scaled.inputs[1] && constTensor(graph.node(result.scaled.inputs[1].node));
  const step = multipliers === undefined ? unit : Float64Array.from(numbersOf(multipliers));
  const codes = int8.get(layer.key);
  if (codes !== undefined) {
    const max = endsOf(codes)?.[1];
    const tensor = max && constTensor(graph.node(max.node));
    if (tensor === undefined) return undefined;
    const isQuint8 = isUnsigned(codes);
    const [low, high] = isQuint8 ? [0, 255] : [-127, 127];
    return {
      layer,
      bias,
      unit,
      step,
      out: { node: codes.name, port: 0 },
      isFloat: false,
      scale: numberOf(tensor) / high,
      low,
      high,
    };
  }
  const value = graph.nodes.get(layer.key);
  if (value === undefined) return undefined;
  const low = value.op === 'Relu' || value.op === 'Relu6' ? 0 : Number.NEGATIVE_INFINITY;
  const high = value.op === 'Relu6' ? 6 : Number.POSITIVE_INFINITY;
  return { layer, bias, unit, step, out: { node: value.name, port: 0 }, isFloat: true, scale: 1, low, high };
}

/** s_x · s_w[c] of an integer bias, 1 of a float32 one; times what a matmul's columns are multiplied by behind it. */
function unitOf(graph: Graph, node: Node, bias: Node): Float64Array | undefined {
  const tensor = constTensor(bias);
  if (tensor === undefined) return undefined;
  const channels = tensor.shape.at(-1) ?? 1;
  const shares = sharesOf(graph, node, channels);
  if (tensor.dtype === 'float32') return Float64Array.from({ length: channels }, (_, c) => shares?.[c] ?? 1);
  const input = inputSteps(graph, node);
  const maxW = constTensor(graph.node(node.inputs[6]!.node));
  if (tensor.dtype !== 'qint32' || input === undefined || maxW === undefined) return undefined;
  const { scale } = input;
  const limits = numbersOf(maxW);
  return Float64Array.from(
    { length: channels },
    (_, c) => scale * (limits[limits.length === 1 ? 0 : c]! / 127) * (shares?.[c] ?? 1),
  );
}

/** What one code of a layer's input stands for, and what code 0 does. */
export function inputSteps(graph: Graph, node: Node): { readonly scale: number; readonly zero: number } | undefined {
  const [min, max] = node.inputs.slice(3, 5).map((v) => constTensor(graph.node(v.node)));
  if (min === undefined || max === undefined) return undefined;
  const isMatMul = node.op.includes('MatMul');
  const isQuint8 = readAttr(node, isMatMul ? 'T1' : 'Tinput', 'type') === 'quint8';
  if (!isQuint8) return { scale: numberOf(max) / 127, zero: 0 };
  const zero = Math.min(0, numberOf(min));
  return { scale: (numberOf(max) - zero) / 255, zero };
}

/** The constant that the columns of a matmul's result are multiplied by. */
export function sharesOf(graph: Graph, node: Node, channels: number): Float32Array | undefined {
  if (!node.op.includes('MatMul')) return undefined;
  for (const { node: reader } of graph.consumers(node.name)) {
    if (reader.op !== 'Mul') continue;
    const tensor = constTensor(graph.node(reader.inputs[1]!.node));
    if (tensor?.dtype === 'float32' && tensor.data.length === channels) return tensor.data;
  }
  return undefined;
}

/** Nodes that run in a loop or in a branch: what they give can't be kept from one part of a run to the next. */
function controlled(graph: Graph): ReadonlySet<string> {
  const found = new Set<string>();
  const stack = [...graph.nodes.values()].filter(({ op }) => op === 'Enter' || op === 'Switch').map((n) => n.name);
  while (stack.length > 0) {
    const name = stack.pop()!;
    if (found.has(name)) continue;
    found.add(name);
    for (const { node } of graph.consumers(name)) {
      const isJoin = node.op === 'Merge' && !node.inputs.some((v) => graph.node(v.node).op === 'NextIteration');
      if (node.op !== 'Exit' && !isJoin) stack.push(node.name);
    }
  }
  return found;
}
