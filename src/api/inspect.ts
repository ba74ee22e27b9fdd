import type { DType } from '../base/dtype.ts';
import { type PartialShape, sizeOf } from '../base/shape.ts';
import { constTensor } from '../graph/constant.ts';
import type { Graph, Node } from '../graph/graph.ts';
import { inferTypes, type TypeInfo } from '../graph/infer.ts';
import type { Model } from '../graph/model.ts';
import { quantizableOps, whyNot } from '../quantize/eligible.ts';
import type { QuantizeOptions } from '../quantize/options.ts';

export type Inspection = {
  readonly inputs: readonly { readonly key: string; readonly dtype: DType; readonly shape: PartialShape }[];
  readonly outputs: readonly { readonly key: string; readonly dtype: DType; readonly shape: PartialShape }[];
  readonly nodes: number;
  /** How many nodes of each op, most frequent first. */
  readonly ops: readonly { readonly op: string; readonly count: number }[];
  /** Elements of floating-point and quantized constants. */
  readonly parameters: number;
  /** Bytes of all constants. */
  readonly bytes: number;
  /** Multiply-adds of one sample, of the ops whose shapes are known. */
  readonly macs: number;
  /** Convolutions and matmuls that are, or can be, computed in int8, and their share of the multiply-adds. */
  readonly int8: { readonly nodes: number; readonly macs: number };
  /** Those that stay in fp32, and why. */
  readonly fp32: readonly { readonly node: string; readonly op: string; readonly reason: string }[];
};

/** What a model is made of, what of it can be int8, and why the rest can't. Best asked of an optimized model. */
export function inspect(model: Model, options: QuantizeOptions = {}): Inspection {
  const { graph } = model;
  const types = inferTypes({ node: (name) => graph.nodes.get(name), library: graph.library });
  const nodes = [...graph.nodes.values()];
  const counted = nodes.map((node) => ({ node, macs: macsOf(node, graph, types) }));
  const find = { node: (name: string) => graph.nodes.get(name) };
  const quantized = counted.filter(({ node }) => node.op.startsWith('Quantized') && isProduct(node.op));
  // What a quantized model still has in fp32 stays so, whether or not it could have been int8.
  const leftOut = quantized.length > 0 ? 'left out when the model was quantized' : undefined;
  const candidates = counted
    .filter(({ node }) => (quantizableOps as readonly string[]).includes(node.op))
    .map(({ node, macs }) => ({ node, macs, reason: whyNot(node, find, options) ?? leftOut }));
  const int8 = [...candidates.filter(({ reason }) => reason === undefined), ...quantized];
  const constants = nodes.flatMap((node) => constTensor(node) ?? []);
  const plain = constants.filter((t) => t.dtype !== 'string' && t.dtype !== 'resource' && t.dtype !== 'variant');
  const end = ({ key, dtype, shape }: Model['inputs'][number]) => ({ key, dtype, shape });
  return {
    inputs: model.inputs.map(end),
    outputs: model.outputs.map(end),
    nodes: nodes.length,
    ops: countOps(nodes),
    parameters: plain
      .filter((t) => t.dtype.startsWith('float') || t.dtype.startsWith('q'))
      .reduce((n, t) => n + sizeOf(t.shape), 0),
    bytes: plain.reduce((n, t) => n + (t.data as ArrayBufferView).byteLength, 0),
    macs: counted.reduce((n, { macs }) => n + macs, 0),
    int8: { nodes: int8.length, macs: int8.reduce((n, { macs }) => n + macs, 0) },
    fp32: candidates.flatMap(({ node, reason }) =>
      reason === undefined ? [] : [{ node: node.name, op: node.op, reason }],
    ),
  };
}

function countOps(nodes: readonly Node[]): { op: string; count: number }[] {
  const counts = new Map<string, number>();
  for (const { op } of nodes) counts.set(op, (counts.get(op) ?? 0) + 1);
  return [...counts].map(([op, count]) => ({ op, count })).sort((a, b) => b.count - a.count || (a.op < b.op ? -1 : 1));
}

const isConv = (op: string): boolean => /Conv2[dD]/.test(op);
const isProduct = (op: string): boolean => isConv(op) || op.includes('MatMul');

/** Multiply-adds of a convolution or matmul for one sample; 0 for other ops and where shapes are unknown. */
export function macsOf(node: Node, graph: Graph, types: TypeInfo): number {
  if (!isProduct(node.op)) return 0;
  const weights = node.inputs[1] && graph.nodes.get(node.inputs[1].node);
  const shape = weights && constTensor(weights)?.shape;
  if (shape === undefined) return 0;
  if (!isConv(node.op)) return sizeOf(shape);
  const [, h, w] = types.of({ node: node.name, port: 0 }).shape ?? [];
  return (h ?? 0) * (w ?? 0) * sizeOf(shape);
}
