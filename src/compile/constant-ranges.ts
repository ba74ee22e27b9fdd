import { scalar, type Tensor, tensor, zeros } from '../base/tensor.ts';
import { readAttr } from '../graph/attr.ts';
import { freshName } from '../graph/builder.ts';
import { constNode, constTensor } from '../graph/constant.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import { argRanges, opAttr } from '../graph/signature.ts';
import { sumRange } from '../kernels/quantized-conv/finish.ts';
import type { ReferenceKernel } from '../kernels/reference-kernel.ts';
import { sumOps } from './internal-requantized.ts';

/**
 * Lets readers of a quantized tensor read its range from the constant that it is, instead of from the op that hands it on:
 * then what becomes of codes is known without running anything. Exact: QuantizeV2's own range, that of sums and arithmetic on
 * ranges are computed as the ops do.
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
    const constants = (arithmetic.has(node.op) ? inputs : rangeInputs(node)?.map((i) => inputs[i]!)) ?? [];
    const known = constants.map(constantAt);
    if (constants.length === 0 || node.controls.length > 0 || !known.every((t) => t !== undefined)) continue;
    const sample = samples[node.op];
    if (arithmetic.has(node.op)) nodes.set(node.name, constNode(node.name, reference(node.op)!(known, node, none)[0]!));
    else if (sample !== undefined || isSums(node)) {
      const [low, high] = sample?.(node, known, reference(node.op)!) ?? rangeOfSums(node, known);
      ranges.set(node.name, [put(`${node.name}/min`, low!), put(`${node.name}/max`, high!)]);
    } else ranges.set(node.name, constants as unknown as [Value, Value]);
  }
  return graph.with(nodes.values());
}

const none = { session: new Map(), run: new Map(), assets: new Map() };

/** What is done to the ranges of sums before they are requantized by them. */
const arithmetic: ReadonlySet<string> = new Set(['Min', 'Max', 'Fill', 'Neg', 'Minimum', 'Maximum', 'Mul']);

type Sample = (node: Node, ranges: readonly Tensor[], kernel: ReferenceKernel) => readonly Tensor[];

/** The ranges of ops that make one of their own from those that they get, by running them on hardly any elements. */
const samples: Readonly<Record<string, Sample | undefined>> = Object.assign(Object.create(null), {
  QuantizeV2: (node: Node, ranges: readonly Tensor[], kernel: ReferenceKernel) =>
    kernel([tensor('float32', [0], new Float32Array(0)), ...ranges], node, none).slice(1),
  QuantizedConcatV2: (node: Node, ranges: readonly Tensor[], kernel: ReferenceKernel) => {
    const codes = Array.from({ length: ranges.length / 2 }, () => zeros(opAttr(node, 'T', 'type'), [1]));
    return kernel([...codes, scalar('int32', 0), ...ranges], node, none).slice(1);
  },
});

/** Of quint8 weights the ranges are others. */
const isSums = (node: Node): boolean =>
  sumOps.some((name) => name === node.op) &&
  opAttr(node, node.op.includes('MatMul') ? 'T2' : 'Tfilter', 'type') === 'qint8';

/** The range that sums claim, from those of the product's operands. */
function rangeOfSums(node: Node, [minX, maxX, minW, maxW]: readonly Tensor[]): readonly Tensor[] {
  const dtype = opAttr(node, node.op.includes('MatMul') ? 'T1' : 'Tinput', 'type');
  return sumRange(dtype, minX!, maxX!, minW!, maxW!);
}

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
  if (isSums(node)) {
    const operands = ['min_input', 'max_input', 'min_filter', 'max_filter', 'min_a', 'max_a', 'min_b', 'max_b'];
    return operands.flatMap((name) => (at.has(name) ? [at.get(name)!.start] : []));
  }
  if (node.op.startsWith('Requantize')) return pair('requested_output_min', 'requested_output_max');
  // All mins, then all maxes.
  if (node.op === 'QuantizedConcatV2')
    return node.inputs.flatMap((_, i) => (i > readAttr(node, 'N', 'int') ? [i] : []));
  return pair('min_freezed_output', 'max_freezed_output');
}
