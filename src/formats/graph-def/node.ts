import { create } from '@bufbuild/protobuf';
import { UserError } from '../../base/errors.ts';
import { formatValue, type Node, parseValue, type Value } from '../../graph/graph.ts';
import { type NodeDef, NodeDefSchema } from '../proto/gen/octet/tensorflow/graph_pb.ts';
import { readAttrs, writeAttrs } from './attr.ts';
import { atNode, type ReadContext } from './context.ts';

/** What of a NodeDef octet does not read: debug information, full types, fields of later TensorFlows. */
type NodeExtra = Pick<NodeDef, 'experimentalDebugInfo' | 'experimentalType' | '$unknown'>;

/** Puts an input of a NodeDef (`node:1`; in functions `node:out:0`) into values; several for a list without index. */
export type ReadInput = (text: string, context: ReadContext) => readonly Value[];
export type WriteInput = (value: Value) => string;

/** Inputs as graphs outside of functions write them. */
const graphInput: ReadInput = (text) => [parseValue(text)];

/** A node as the file has it. Throws `UserError` naming the node. */
export function readNode(def: NodeDef, context: ReadContext, readInput: ReadInput = graphInput): Node {
  if (!/^[^:^]+$/.test(def.name))
    throw new UserError(`a node of op ${def.op} has the name '${def.name}'`, context.place, 'names have no : or ^');
  const at = atNode(context, def.name, def.op);
  if (def.op === '') throw new UserError('the node has no op', { ...context.place, node: def.name });
  const inputs: Value[] = [];
  const controls: string[] = [];
  for (const text of def.input) {
    if (text.startsWith('^')) controls.push(text.slice(1));
    else inputs.push(...namingNode(() => readInput(text, at), at));
  }
  const extra = nodeExtra(def);
  return {
    name: def.name,
    op: def.op,
    inputs,
    controls,
    attrs: namingNode(() => readAttrs(def.attr, at), at),
    ...(def.device === '' ? {} : { device: def.device }),
    ...(extra === undefined ? {} : { extra }),
  };
}

/** Adds file and node to errors that were thrown without. */
function namingNode<T>(read: () => T, { place }: ReadContext): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof UserError && error.place.node === undefined)
      throw new UserError(error.what, place, error.remedy, { cause: error });
    throw error;
  }
}

function nodeExtra({ experimentalDebugInfo, experimentalType, $unknown }: NodeDef): NodeExtra | undefined {
  const extra: NodeExtra = {
    ...(experimentalDebugInfo && { experimentalDebugInfo }),
    ...(experimentalType && { experimentalType }),
    ...($unknown && { $unknown }),
  };
  return Object.keys(extra).length === 0 ? undefined : extra;
}

/** The NodeDef of a node: data inputs first, then control inputs, as TensorFlow wants them. */
export function writeNode(node: Node, writeInput: WriteInput = formatValue): NodeDef {
  const def = create(NodeDefSchema, {
    name: node.name,
    op: node.op,
    input: [...node.inputs.map(writeInput), ...node.controls.map((name) => `^${name}`)],
    device: node.device ?? '',
    attr: writeAttrs(node.attrs),
  });
  // Only readNode makes an extra for nodes.
  return Object.assign(def, node.extra as NodeExtra | undefined);
}
