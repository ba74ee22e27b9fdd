import { isPlain } from '../base/dtype.ts';
import { bytesOf, equalTensors } from '../base/tensor.ts';
import type { Attr, Attrs } from '../graph/attr.ts';
import { constTensor } from '../graph/constant.ts';
import { type Graph, type Node, sameValue, type Value } from '../graph/graph.ts';
import { prune } from '../graph/rewrite.ts';
import { definitionOf, isKnownOp } from '../graph/signature.ts';
import { type Pass, type PassContext, steeredOps } from './pass.ts';
import { redirected } from './strip.ts';

/** Two of them that look alike are two. */
const excluded: ReadonlySet<string> = new Set(steeredOps);

/**
 * Two nodes of one op with the same inputs and attributes  ⇒  one of them; constants by their contents.
 *
 * Needs: ops without state, the same control inputs; a model's output keeps its own node. Exact.
 */
export const commonSubexpressions: Pass = {
  name: 'common-subexpressions',
  run: (graph, context) => {
    const same = duplicates(graph, context);
    if (same.size === 0) return graph;
    return prune(
      redirected(graph, (v) => sent(v, same)),
      context.keep,
    );
  },
};

const sent = (v: Value, same: ReadonlyMap<string, string>): Value => {
  const node = same.get(v.node);
  return node === undefined ? v : { node, port: v.port };
};

/** For each node that another one stands for already, that one. */
function duplicates(graph: Graph, { keep, trace }: PassContext): ReadonlyMap<string, string> {
  const same = new Map<string, string>();
  const seen = new Map<number, Node[]>();
  for (const node of graph.order()) {
    if (excluded.has(node.op) || !isKnownOp(node.op) || definitionOf(node.op).stateful) continue;
    const inputs = node.inputs.map((v) => sent(v, same));
    const candidate = { ...node, inputs };
    const key = hashNode(candidate);
    const others = seen.get(key) ?? [];
    seen.set(key, others);
    const first = others.find((other) => sameNode(other, candidate));
    if (first === undefined) others.push(candidate);
    else if (!keep.has(node.name) && graph.controlled(node.name).length === 0) {
      same.set(node.name, first.name);
      trace({ rule: 'common-subexpressions', node: node.name, from: node.op, to: node.op });
    }
  }
  return same;
}

const sameNode = (a: Node, b: Node): boolean =>
  a.op === b.op &&
  a.inputs.length === b.inputs.length &&
  a.inputs.every((v, i) => sameValue(v, b.inputs[i]!)) &&
  a.controls.length === b.controls.length &&
  a.controls.every((name) => b.controls.includes(name)) &&
  sameAttrs(a.attrs, b.attrs);

/** Attributes that TensorFlow notes for itself and that change nothing. */
const isNote = (name: string): boolean => name.startsWith('_');
const meant = (attrs: Attrs) => [...attrs].filter(([name]) => !isNote(name));

const sameAttrs = (a: Attrs, b: Attrs): boolean =>
  meant(a).length === meant(b).length &&
  meant(a).every(([name, attr]) => {
    const other = b.get(name);
    return other !== undefined && sameAttr(attr, other);
  });

function sameAttr(a: Attr, b: Attr): boolean {
  if ('tensor' in a && 'tensor' in b) return equalTensors(a.tensor, b.tensor);
  // Functions, bytes and lists of tensors are rare: not comparing them is safe.
  const isDeep = (attr: Attr) => 'tensor' in attr || 'func' in attr || 'bytes' in attr || 'raw' in attr;
  if (isDeep(a) || isDeep(b)) return false;
  if ('list' in a && (a.list.tensors !== undefined || a.list.funcs !== undefined)) return false;
  return text(a) === text(b);
}

const text = (attr: Attr): string =>
  JSON.stringify(attr, (_, x) => (typeof x === 'bigint' ? `${x}n` : Object.is(x, -0) ? '-0' : x));

/** FNV-1a over what two equal nodes have in common. */
function hashNode(node: Node): number {
  let hash = 0x811c9dc5;
  const mix = (code: number) => {
    hash = Math.imul(hash ^ code, 0x01000193);
  };
  const mixText = (s: string) => {
    for (let i = 0; i < s.length; i++) mix(s.charCodeAt(i));
  };
  mixText(node.op);
  for (const v of node.inputs) {
    mixText(v.node);
    mix(v.port);
  }
  const tensor = constTensor(node);
  if (tensor !== undefined) {
    mixText(tensor.dtype);
    for (const dim of tensor.shape) mix(dim);
    // The first bytes tell weights apart; equal hashes are compared in full.
    if (isPlain(tensor.dtype)) for (const byte of bytesOf(tensor).subarray(0, 256)) mix(byte);
  }
  return hash >>> 0;
}
