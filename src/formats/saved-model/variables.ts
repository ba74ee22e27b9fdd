import { UserError } from '../../base/errors.ts';
import { type Tensor, textAt } from '../../base/tensor.ts';
import { attrValue, readAttr } from '../../graph/attr.ts';
import { constTensor } from '../../graph/constant.ts';
import type { Graph, Node, Value } from '../../graph/graph.ts';
import { decodeMessage } from '../proto/decode.ts';
import { type SavedObjectGraph, TrackableObjectGraphSchema } from '../proto/gen/octet/tensorflow/saved_model_pb.ts';
import type { Bundle } from './bundle.ts';

/** Where a variable's value comes from: a tensor of the checkpoint, or a value of the graph that initializes it. */
export type Source = { readonly key: string; readonly slice: string } | { readonly value: Value };

/** Ops that are a variable. AutoReloadVariable is an old fork's. */
export const isVariable = ({ op }: Node): boolean =>
  op === 'VarHandleOp' || op === 'VariableV2' || op === 'Variable' || op === 'AutoReloadVariable';

const isAssign = ({ op }: Node): boolean => op === 'Assign' || op === 'AssignVariableOp';
const passes = (op: string): boolean => op === 'Identity' || op === 'Cast' || op === 'Reshape';

/** The node that made a value, through ops that only pass it on. */
function origin(graph: Graph, from: Value): Node | undefined {
  let node = graph.nodes.get(from.node);
  for (let steps = 0; node !== undefined && passes(node.op) && steps < 1000; steps++)
    node = graph.nodes.get(node.inputs[0]?.node ?? '');
  return node;
}

/**
 * The source of each variable, by its node's name, read off the graph's own restore op: `RestoreV2` → `Assign`. The same
 * way serves TensorFlow 1, whose graph restores itself, and 2, whose restore function has been inlined. A variable that
 * is not restored but assigned by an initializer takes that value.
 */
export function restoredVariables(graph: Graph): ReadonlyMap<string, Source> {
  const sources = new Map<string, Source>();
  for (const node of graph.nodes.values()) {
    const [ref, from] = node.inputs;
    if (!isAssign(node) || ref === undefined || from === undefined) continue;
    const variable = origin(graph, ref);
    if (variable === undefined || !isVariable(variable)) continue;
    const restored = restoredFrom(graph, from);
    if (restored !== undefined) sources.set(variable.name, restored);
    else if (!sources.has(variable.name)) sources.set(variable.name, { value: from });
  }
  return sources;
}

/** The key and slice of a value that comes from a RestoreV2. */
export function restoredFrom(graph: Graph, from: Value): { key: string; slice: string } | undefined {
  let at = from;
  let node = graph.nodes.get(at.node);
  while (node !== undefined && node.op === 'Identity' && node.inputs[0] !== undefined) {
    at = node.inputs[0];
    node = graph.nodes.get(at.node);
  }
  if (node?.op !== 'RestoreV2') return undefined;
  const text = (input: number): string | undefined => {
    const source = graph.nodes.get(node.inputs[input]?.node ?? '');
    const t = source && (constTensor(source) as Tensor<'string'> | undefined);
    return t?.dtype === 'string' && at.port < t.data.length ? textAt(t, at.port) : undefined;
  };
  const key = text(1);
  return key === undefined ? undefined : { key, slice: text(2) ?? '' };
}

/**
 * The checkpoint key of each variable by name, from the two object graphs of TensorFlow 2: the SavedModel's knows the
 * variables' names, the checkpoint's, whose nodes have the same numbers, their keys.
 */
export async function keysByName(objects: SavedObjectGraph | undefined, bundle: Bundle): Promise<Map<string, string>> {
  const keys = new Map<string, string>();
  if (objects === undefined || !bundle.has('_CHECKPOINTABLE_OBJECT_GRAPH')) return keys;
  const stored = (await bundle.read('_CHECKPOINTABLE_OBJECT_GRAPH')) as Tensor<'string'>;
  const { nodes } = decodeMessage(TrackableObjectGraphSchema, stored.data[0] ?? new Uint8Array(0));
  for (const [i, { kind }] of objects.nodes.entries()) {
    const key = nodes[i]?.attributes[0]?.checkpointKey;
    if (kind.case === 'variable' && key !== undefined) keys.set(kind.value.name, key);
  }
  return keys;
}

/** Where to find a variable that nothing restores: under the name it is shared by, or its node's. Throws `UserError`. */
export function sourceByName(variable: Node, names: ReadonlyMap<string, string>, bundle: Bundle): Source {
  const sharedName = variable.attrs.get('shared_name');
  const shared = (sharedName && attrValue(sharedName, 'string')) || undefined;
  for (const name of shared === undefined ? [variable.name] : [shared, variable.name]) {
    const key = names.get(name) ?? name;
    if (bundle.has(key)) return { key, slice: '' };
  }
  const dtype = readAttr(variable, 'dtype', 'type');
  throw new UserError(
    `the ${dtype} variable is neither in the checkpoint nor given a value by an initializer`,
    { node: variable.name, op: variable.op },
    'export the model again with all its variables saved',
  );
}
