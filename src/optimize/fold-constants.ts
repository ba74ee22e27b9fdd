import { dtypes, isPlain } from '../base/dtype.ts';
import { UserError } from '../base/errors.ts';
import { isFullShape, sizeOf } from '../base/shape.ts';
import { type Tensor, tensorOf } from '../base/tensor.ts';
import { constNode, constTensor } from '../graph/constant.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';
import { value } from '../graph/graph.ts';
import { inferTypes, type TypeInfo } from '../graph/infer.ts';
import { prune } from '../graph/rewrite.ts';
import { definitionOf, isKnownOp } from '../graph/signature.ts';
import { type Pass, type PassContext, steeredOps } from './pass.ts';
import { redirected } from './strip.ts';

/** Results larger than this, and larger than what they are made of, stay computed: a Fill or Tile is small in the file. */
const maxBytes = 1 << 20;

/** Never computed beforehand; lists and optionals are held by the executor. */
const excluded: ReadonlySet<string> = new Set([...steeredOps, 'Const', 'EmptyTensorList', 'OptionalNone']);

/**
 * f(constants)  ⇒  constant, and Shape → StridedSlice → Pack …  ⇒  constant where types alone give all elements.
 *
 * Needs: an op without state; an evaluator; a result of at most 1 MiB, or no larger than its inputs. Exact: the evaluator
 * computes what the graph would.
 */
export const foldConstants: Pass = {
  name: 'fold-constants',
  run: (graph, context) => {
    const folded = constantsOf(graph, context);
    if (folded.size === 0) return graph;
    const nodes = [...graph.nodes.values()].flatMap((node) => folded.get(node.name) ?? [node]);
    const several = (v: Value): Value => {
      const to = folded.get(v.node);
      return to !== undefined && to.length > 1 ? value(to[v.port]!.name) : v;
    };
    return prune(redirected(graph.with(nodes), several), context.keep);
  },
};

/** For each node that can be computed the constants of its outputs: one under its name, or several under new ones. */
function constantsOf(graph: Graph, { keep, trace, evaluate }: PassContext): Map<string, readonly Node[]> {
  const folded = new Map<string, readonly Node[]>();
  const types = inferTypes({ node: (name) => graph.nodes.get(name), library: graph.library });
  const nodeOf = (v: Value): Node | undefined => folded.get(v.node)?.[v.port] ?? graph.nodes.get(v.node);
  const taken = new Set(graph.nodes.keys());
  for (const node of graph.order()) {
    if (excluded.has(node.op) || !isKnownOp(node.op) || definitionOf(node.op).stateful) continue;
    const from = node.inputs.map(nodeOf);
    const inputs = from.map((source) => source && constTensor(source));
    const outputs = inputs.every((input) => input !== undefined)
      ? evaluated(node, inputs, types, evaluate)
      : knownElements(node, types);
    if (outputs === undefined || outputs.length === 0) continue;
    if (outputs.length > 1 && (keep.has(node.name) || graph.controlled(node.name).length > 0)) continue;
    const waits = [...node.controls, ...from.flatMap((source) => (source?.op === 'Const' ? source.controls : []))];
    const named = outputs.map((output, port) => ({
      ...constNode(outputs.length === 1 ? node.name : free(`${node.name}/output_${port}`, taken), output),
      controls: [...new Set(waits)],
    }));
    folded.set(node.name, named);
    trace({ rule: 'fold-constants', node: node.name, from: node.op, to: 'Const' });
  }
  return folded;
}

function free(name: string, taken: Set<string>): string {
  let fresh = name;
  for (let i = 1; taken.has(fresh); i++) fresh = `${name}_${i}`;
  taken.add(fresh);
  return fresh;
}

const bytesOf = (t: Tensor): number =>
  t.dtype === 'string' ? t.data.reduce((sum, s) => sum + s.length, 0) : t.data.length * dtypes[t.dtype].bytes;

function evaluated(node: Node, inputs: readonly Tensor[], types: TypeInfo, evaluate: PassContext['evaluate']) {
  const limit = Math.max(maxBytes, ...inputs.map(bytesOf));
  const { dtype, shape } = types.of(value(node.name));
  if (evaluate === undefined || dtype === undefined) return undefined;
  if (isFullShape(shape) && sizeOf(shape) * dtypes[dtype].bytes > limit) return undefined;
  // An op that sizes its output by a value and not by an input's size may be of any size: know it before.
  if (!isFullShape(shape) && inputs.some((input) => input.dtype === 'int32' || input.dtype === 'int64'))
    return undefined;
  try {
    const outputs = evaluate(node, inputs);
    const isHeld = outputs?.every((output) => isPlain(output.dtype) || output.dtype === 'string');
    return isHeld && outputs!.every((output) => bytesOf(output) <= limit) ? outputs : undefined;
  } catch (error) {
    // What the op refuses it will refuse when the graph is run, naming the node: that is the place to fail.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Integers that types tell: the sizes of a tensor, and what is computed of them. */
function knownElements(node: Node, types: TypeInfo): readonly Tensor[] | undefined {
  const of = value(node.name);
  const { dtype, shape } = types.of(of);
  if ((dtype !== 'int32' && dtype !== 'int64') || !isFullShape(shape) || node.controls.length > 0) return undefined;
  if (isKnownOp(node.op) && definitionOf(node.op).outputs.length !== 1) return undefined;
  if (definitionOf(node.op as 'Shape').outputs[0]?.count !== undefined) return undefined;
  const elements = types.elements(of);
  if (elements?.length !== sizeOf(shape) || !elements.every((x) => x !== null)) return undefined;
  return [tensorOf(dtype, elements, shape)];
}
