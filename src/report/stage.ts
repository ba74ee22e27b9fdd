import { formatShape } from '../base/shape.ts';
import type { Tensor } from '../base/tensor.ts';
import { type Attr, attrValue } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import { inferTypes, type TypeInfo } from '../graph/infer.ts';
import type { Model } from '../graph/model.ts';
import { keyOf } from '../quantize/coverage.ts';
import { quantizableOps } from '../quantize/eligible.ts';
import { floatResultBehind, weightLimits } from '../quantize/float-result.ts';
import { layOut } from './layout.ts';
import { whyFloat } from './reasons.ts';
import { short } from './short.ts';
import type { ChannelRanges, NodeData, NodeKind, StageData } from './types.ts';

/** At most this many edges into one node are drawn: a `Pack` may have thousands. */
const maxEdges = 64;

/** What is known of a stage beside its graph. */
export type StageContext = {
  /** The convolutions and matmuls that stay in fp32, with the reasons. */
  readonly kept?: ReadonlyMap<string, string>;
  /** What the engine computes in int8 though the file has it in fp32. */
  readonly islands?: ReadonlySet<string>;
  /** The model that it was made from, which knows what its values are: the engine's own ops are in no table. */
  readonly from?: Model;
};

/** One stage of a model, laid out to be drawn. Constants are told of at their readers. */
export async function drawStage(
  { id, title, note }: Pick<StageData, 'id' | 'title' | 'note'>,
  model: Model,
  context: StageContext = {},
): Promise<StageData> {
  const { graph } = model;
  const named = (context.from ?? model).graph;
  const types = inferTypes({ node: (name) => named.nodes.get(name), library: named.library });
  const drawn = graph.order().filter((node) => node.op !== 'Const');
  const index = new Map(drawn.map((node, i) => [node.name, i]));
  const ends = new Set([...model.inputs, ...model.outputs].map((end) => end.value.node));
  const edges = drawn.flatMap((node, to) =>
    firstOf(node.inputs).flatMap((from) => {
      const i = index.get(from.node);
      return i === undefined ? [] : [{ from: i, to, isInt8: isInt8(types, from) }];
    }),
  );
  const layout = await layOut(
    drawn.length,
    edges.map(({ from, to }) => [from, to]),
  );
  const nodes = drawn.map((node, i): NodeData => {
    const weights = channelRanges(graph, node);
    const from = node.inputs[0] && keyOf(named, node.inputs[0]);
    const kind = kindOf(node, types, ends, context);
    const reason = reasonOf(node, kind, types, context);
    return {
      name: node.name,
      op: node.op,
      kind,
      ...layout.nodes[i]!,
      type: typeText(types, { node: node.name, port: 0 }),
      key: keyOf(named, { node: node.name, port: 0 }),
      ...(from !== undefined && { from }),
      attrs: [...node.attrs].map(([name, attr]) => [name, attrText(attr)]),
      constants: node.inputs.flatMap((v) => {
        const tensor = constTensor(graph.nodes.get(v.node) ?? node);
        return tensor === undefined ? [] : [[v.node, `${tensor.dtype} ${formatShape(tensor.shape)}`] as const];
      }),
      ...(weights && { weights }),
      ...(reason !== undefined && { reason }),
    };
  });
  return {
    id,
    title,
    note,
    width: layout.width,
    height: layout.height,
    nodes,
    edges: edges.map((edge, i) => ({ ...edge, points: layout.edges[i]! })),
  };
}

/** The inputs of a node that are drawn, those from one node once. */
const firstOf = (inputs: readonly Value[]): readonly Value[] =>
  inputs.filter((v, i) => inputs.findIndex((other) => other.node === v.node) === i).slice(0, maxEdges);

const isInt8 = (types: TypeInfo, value: Value): boolean => {
  const { dtype } = types.of(value);
  return dtype === 'qint8' || dtype === 'quint8' || dtype === 'qint32';
};

function kindOf(node: Node, types: TypeInfo, ends: ReadonlySet<string>, { kept, islands }: StageContext): NodeKind {
  if (islands?.has(node.name)) return 'island';
  if (node.op === 'QuantizeV2' || node.op === 'Dequantize') return 'convert';
  if (/^(Quantized|_Octet)/.test(node.op) || isInt8(types, { node: node.name, port: 0 })) return 'int8';
  if (kept?.has(node.name)) return 'fp32';
  return ends.has(node.name) ? 'end' : 'other';
}

/** Why a node is in fp32: told of stages that are quantized. */
function reasonOf(node: Node, kind: NodeKind, types: TypeInfo, { kept, islands }: StageContext): string | undefined {
  if (kind === 'int8' || kind === 'convert') return undefined;
  const told = kept?.get(node.name);
  if (told !== undefined || islands === undefined) return told;
  return whyFloat({ node, types, isIsland: kind === 'island' });
}

function typeText(types: TypeInfo, value: Value): string {
  const { dtype, shape } = types.of(value);
  return dtype === undefined ? '' : `${dtype} ${formatShape(shape)}`;
}

function attrText(attr: Attr): string {
  const [kind, value] = Object.entries(attr)[0] as [string, unknown];
  if (kind === 'tensor') return `${(value as Tensor).dtype} ${formatShape((value as Tensor).shape)}`;
  if (kind === 'shape') return formatShape(attrValue(attr, 'shape') ?? null);
  if (kind === 'list')
    return (
      Object.values(value as object)
        .flat()
        .slice(0, 32)
        .map(String)
        .join(', ') || '[]'
    );
  if (kind === 'func') return (value as { name: string }).name;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  const text = String(value);
  return text.length > 200 ? `${text.slice(0, 200)}…` : text;
}

/** The range of the weights of each output channel: what int8 codes stand for, or what the fp32 weights are. */
function channelRanges(graph: Graph, node: Node): ChannelRanges | undefined {
  const constant = (input: number) => {
    const from = node.inputs[input] && graph.nodes.get(node.inputs[input].node);
    const tensor = from && constTensor(from);
    return tensor?.dtype === 'float32' ? tensor : undefined;
  };
  if (/^Quantized.*(Conv2D|MatMul)/.test(node.op)) {
    const result = floatResultBehind(graph, node);
    const limits = result && weightLimits(result, (name) => graph.nodes.get(name));
    if (limits !== undefined) return { min: rounded(limits.map((limit) => -limit)), max: rounded(limits) };
    const [min, max] = [constant(5), constant(6)];
    return min && max && { min: rounded(min.data), max: rounded(max.data) };
  }
  const weights = (quantizableOps as readonly string[]).includes(node.op) ? constant(1) : undefined;
  if (weights === undefined) return undefined;
  const axes = node.op === 'DepthwiseConv2dNative' ? 2 : 1;
  const channels = weights.shape.slice(-axes).reduce((a, b) => a * b, 1);
  const min = new Float32Array(channels).fill(Number.POSITIVE_INFINITY);
  const max = new Float32Array(channels).fill(Number.NEGATIVE_INFINITY);
  const { data } = weights;
  for (let i = 0; i < data.length; i++) {
    const c = i % channels;
    if (data[i]! < min[c]!) min[c] = data[i]!;
    if (data[i]! > max[c]!) max[c] = data[i]!;
  }
  return data.length === 0 ? undefined : { min: rounded(min), max: rounded(max) };
}

const rounded = (values: Float32Array): number[] => Array.from(values, short);
