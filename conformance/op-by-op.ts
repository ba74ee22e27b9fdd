import { isQuantized } from '../src/base/dtype.ts';
import { sizeOf } from '../src/base/shape.ts';
import type { Tensor } from '../src/base/tensor.ts';
import { attrValue } from '../src/graph/attr.ts';
import { constNode, constTensor } from '../src/graph/constant.ts';
import { formatValue, type Graph, type Node, type Value } from '../src/graph/graph.ts';
import type { Model } from '../src/graph/model.ts';
import type { Feeds } from '../src/graph/runner.ts';
import { argRanges, outputTypes } from '../src/graph/signature.ts';
import { openReference } from '../src/runtime/reference/open.ts';
import { differenceOf, type Tolerance } from './difference.ts';
import { type GraphCase, placeholder, pooled, runTensorFlow } from './graph-case.ts';
import type { RunResult, TensorFlow } from './tensorflow.ts';

/** What TensorFlow made of one quantized op, fed with octet's inputs of it. */
export type OpResult = {
  readonly node: Node;
  readonly form: Form;
  readonly status: RunResult['status'];
  /** Elements of output 0, how many of them differ, and by how much at most. */
  readonly elements: number;
  readonly different: number;
  readonly largest: number;
  /** What breaks the tolerance in any output, or TensorFlow's error. */
  readonly problem: string | undefined;
};

/** A form of a quantized op: what of a node decides which kernel TensorFlow takes. */
export type Form = {
  readonly op: string;
  readonly input: string;
  readonly output: string;
  /** Empty where the op has no weights. */
  readonly weights: string;
  readonly geometry: string;
};

/** Codes may be one step apart (the share is judged over whole models); fp32 results and ranges are rounded in another order. */
const tolerance: Tolerance = { relative: 1e-5, absolute: 1e-6, steps: { largest: 1, share: 1 } };

/**
 * Of a channel that never fires the range is nearly nothing, and its step a subnormal number, which TensorFlow's threads flush
 * to zero. Octet does not: a range of zero makes garbage of what follows.
 */
const rangeTolerance: Tolerance = { ...tolerance, floor: 1e-25 };

/** Bytes of feeds in one request. */
const batchBytes = 256 << 20;

/** The ops, and the model's outputs in octet, in its order. */
export type OpByOp = { readonly ops: readonly OpResult[]; readonly outputs: readonly Tensor[] };

/**
 * Runs the model in octet and each of its quantized ops in TensorFlow, on octet's own inputs of the op: so one difference
 * does not become the next op's. The model must have no loops around quantized ops.
 */
export async function opByOp(tf: TensorFlow, model: Model, feeds: Feeds): Promise<OpByOp> {
  const { graph } = model;
  const nodes = graph.order().filter(isInt8);
  const outputsOf = (node: Node) =>
    (outputTypes(node, graph.library) ?? []).map((_, port) => ({ node: node.name, port }));
  const wanted = new Map<string, Value>();
  for (const node of nodes)
    for (const value of [...node.inputs, ...outputsOf(node)]) wanted.set(formatValue(value), value);
  const values = [...wanted.values()].filter((value) => constTensor(graph.node(value.node)) === undefined);
  const runner = await openReference(model, [...values, ...model.outputs.map(({ value }) => value)]);
  const tensors = runner.runSync(feeds);
  runner.dispose();
  const ours = new Map(values.map((value, i) => [formatValue(value), tensors[i]!]));
  const results: OpResult[] = [];
  let batch: GraphCase[] = [];
  let bytes = 0;
  const flush = async (from: number) => {
    const answers = await runTensorFlow(tf, batch, 300);
    for (const [i, answer] of answers.entries()) {
      const node = nodes[from + i]!;
      results.push(
        judge(
          graph,
          node,
          outputsOf(node).map((value) => ours.get(formatValue(value))!),
          answer,
        ),
      );
    }
    batch = [];
    bytes = 0;
  };
  for (const node of nodes) {
    const one = caseOf(graph, node, outputsOf(node).length, ours);
    batch.push(one);
    for (const t of one.feeds.values()) bytes += (t.data as unknown as ArrayBufferView).byteLength;
    if (bytes > batchBytes) await flush(results.length);
  }
  if (batch.length > 0) await flush(results.length);
  return { ops: results, outputs: tensors.slice(values.length) };
}

const typeAttr = (node: Node, name: string): string => {
  const attr = node.attrs.get(name);
  return (attr && attrValue(attr, 'type')) ?? '';
};

function isInt8(node: Node): boolean {
  if (/^(Quantize|Quantized.*|Dequantize|Requantize.*|QuantizeV2|RequantizationRange.*)$/.test(node.op)) return true;
  const T = typeAttr(node, 'T');
  return node.op !== 'Const' && node.op !== 'Placeholder' && (T === 'qint8' || T === 'quint8');
}

/** The node alone: constants as they are, other inputs fed, a summand out of an op that gives it as it is. */
function caseOf(graph: Graph, node: Node, outputs: number, ours: ReadonlyMap<string, Tensor>): GraphCase {
  const nodes: Node[] = [];
  const feeds = new Map<string, Tensor>();
  const summand = node.op.includes('Sum') ? argRanges(node, 'inputs').get('summand')?.start : undefined;
  const inputs = node.inputs.map((value, i): Value => {
    const name = `x${i}`;
    const constant = constTensor(graph.node(value.node));
    const tensor = constant ?? ours.get(formatValue(value))!;
    nodes.push(constant === undefined ? placeholder(name, tensor) : constNode(name, tensor));
    if (constant === undefined) feeds.set(name, tensor);
    if (i !== summand) return { node: name, port: 0 };
    nodes.push(...pooled(name, tensor));
    return { node: `${name}/pooled`, port: 0 };
  });
  nodes.push({ ...node, name: 'op', inputs, controls: [] });
  return { name: node.name, nodes, feeds, fetches: Array.from({ length: outputs }, (_, port) => `op:${port}`) };
}

function judge(graph: Graph, node: Node, ours: readonly Tensor[], answer: RunResult): OpResult {
  const form = formOf(graph, node);
  const base = { node, form, status: answer.status, elements: sizeOf(ours[0]!.shape), different: 0, largest: 0 };
  if (answer.status !== 'ok') return { ...base, problem: answer.message };
  const differences = [...answer.outputs.values()].map((theirs, i) =>
    differenceOf(ours[i]!, theirs, i === 0 ? tolerance : rangeTolerance),
  );
  const problems = differences.flatMap(({ problem }, i) => (problem === undefined ? [] : [`output ${i}: ${problem}`]));
  const isInteger = isQuantized(ours[0]!.dtype);
  return {
    ...base,
    different: isInteger ? differences[0]!.different : 0,
    largest: differences[0]!.largest,
    problem: problems.length === 0 ? undefined : problems.join('; '),
  };
}

export function formOf(graph: Graph, node: Node): Form {
  const first = (...names: readonly string[]) => names.map((name) => typeAttr(node, name)).find((t) => t !== '') ?? '';
  const input = first('Tinput', 'T1', 'T');
  const summand = typeAttr(node, 'Tsummand');
  const output =
    node.op === 'QuantizeV2' ? input : node.op === 'Dequantize' ? 'float32' : first('out_type', 'Toutput', 'T');
  return {
    op: node.op,
    input: (node.op === 'QuantizeV2' ? 'float32' : input) + (summand === '' ? '' : ` + ${summand}`),
    output,
    weights: weightsOf(graph, node),
    geometry: geometryOf(node),
  };
}

function weightsOf(graph: Graph, node: Node): string {
  const ranges = argRanges(node, 'inputs');
  const range = ranges.get('max_filter') ?? ranges.get('max_b');
  if (range === undefined) return '';
  const { node: from } = node.inputs[range.start]!;
  const isPerChannel = sizeOf(constTensor(graph.node(from))?.shape ?? []) > 1;
  const bias = typeAttr(node, 'Tbias');
  return `${isPerChannel ? 'per channel' : 'per tensor'}${bias === '' ? '' : `, ${bias} bias`}`;
}

function geometryOf(node: Node): string {
  const ints = (name: string): readonly number[] => {
    const attr = node.attrs.get(name);
    return (attr && attrValue(attr, 'ints')) ?? [];
  };
  const text = (name: string): string => {
    const attr = node.attrs.get(name);
    return (attr && attrValue(attr, 'string')) ?? '';
  };
  const isListed = ints('padding_list').length > 0;
  const parts = [
    text('mode') || text('input_quant_mode'),
    isListed ? 'padding_list' : text('padding'),
    ...(ints('strides')[1] === undefined ? [] : [`stride ${ints('strides')[1]}`]),
    ...(ints('ksize')[1] === undefined ? [] : [`window ${ints('ksize')[1]}`]),
    ...((ints('dilations')[1] ?? 1) > 1 ? [`dilation ${ints('dilations')[1]}`] : []),
  ];
  return parts.filter((part) => part !== '').join(', ');
}
