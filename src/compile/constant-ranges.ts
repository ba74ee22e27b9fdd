import { scalar, type Tensor, tensor, zeros } from '../base/tensor.ts';
import { readAttr } from '../graph/attr.ts';
import { freshName } from '../graph/builder.ts';
import { constNode, constTensor } from '../graph/constant.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import { argRanges, opAttr } from '../graph/signature.ts';
import type { ReferenceKernel } from '../kernels/reference-kernel.ts';

/**
 * Lets readers of a quantized tensor read its range from the constant that it is, instead of from the op that hands it on:
 * then what becomes of codes is known without running anything. Exact: QuantizeV2's own range is computed as it does.
 */
export function constantRanges(graph: Graph, reference: (op: string) => ReferenceKernel | undefined): Graph {
  const nodes = new Map<string, Node>();
  const ranges = new Map<string, readonly [Value, Value]>();
  const taken = (name: string): boolean => graph.nodes.has(name) || nodes.has(name);
  const put = (name: string, found: Tensor): Value => {
    const node = constNode(freshName(name, taken), found);
    nodes.set(node.name, node);
    return { node: node.name, port: 0 };
  };
  const constantAt = (v: Value): Tensor | undefined => {
    const node = nodes.get(v.node) ?? graph.node(v.node);
    return constTensor(node);
  };
  for (const original of graph.order()) {
    const inputs = original.inputs.map((v) => (v.port === 0 ? v : (ranges.get(v.node)?.[v.port - 1] ?? v)));
    const node = { ...original, inputs };
    nodes.set(node.name, node);
    const constants = rangeInputs(node)?.map((i) => node.inputs[i]!);
    const known = constants?.map(constantAt);
    if (constants === undefined || known === undefined || !known.every((t) => t !== undefined)) continue;
    const sample = samples[node.op];
    if (sample === undefined) ranges.set(node.name, constants as unknown as [Value, Value]);
    else {
      const [, low, high] = reference(node.op)!(sample(node, known), node, none);
      ranges.set(node.name, [put(`${node.name}/min`, low!), put(`${node.name}/max`, high!)]);
    }
  }
  return graph.with(nodes.values());
}

const none = { session: new Map(), run: new Map(), assets: new Map() };

/** Inputs with hardly any elements for ops that make a range of their own from those that they get. */
const samples: Readonly<Record<string, ((node: Node, ranges: readonly Tensor[]) => readonly Tensor[]) | undefined>> =
  Object.assign(Object.create(null), {
    QuantizeV2: (_: Node, ranges: readonly Tensor[]) => [tensor('float32', [0], new Float32Array(0)), ...ranges],
    QuantizedConcatV2: (node: Node, ranges: readonly Tensor[]) => [
      ...Array.from({ length: ranges.length / 2 }, () => zeros(opAttr(node, 'T', 'type'), [1])),
      scalar('int32', 0),
      ...ranges,
    ],
  });

/** The inputs that outputs 1 and 2 of a quantized op are copies of (of QuantizeV2: are made of), where they are. */
function rangeInputs(node: Node): readonly number[] | undefined {
  if (node.op === '_FusedQuantizedConv2D' || node.op === '_FusedQuantizedDepthwiseConv2D') {
    const fused = opAttr(node, 'fused_ops', 'strings');
    const start = argRanges(node, 'inputs').get('host_inputs')!.start + 4;
    return fused.includes('Requantize') ? [start, start + 1] : undefined;
  }
  if (!/^(Quantize|Requantize)/.test(node.op)) return undefined;
  const at = argRanges(node, 'inputs');
  const pair = (min: string, max: string): readonly [number, number] | undefined =>
    at.has(min) && at.has(max) ? [at.get(min)!.start, at.get(max)!.start] : undefined;
  if (node.op === 'QuantizeV2') return opAttr(node, 'axis', 'int') === -1 ? pair('min_range', 'max_range') : undefined;
  if (node.op === 'QuantizedMaxPool' || node.op === 'QuantizedAvgPool') return pair('min_input', 'max_input');
  if (node.op === 'QuantizedReshape') return pair('input_min', 'input_max');
  if (node.op.startsWith('Requantize')) return pair('requested_output_min', 'requested_output_max');
  // All mins, then all maxes.
  if (node.op === 'QuantizedConcatV2')
    return node.inputs.flatMap((_, i) => (i > readAttr(node, 'N', 'int') ? [i] : []));
  return pair('min_freezed_output', 'max_freezed_output');
}
