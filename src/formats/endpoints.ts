import { UserError } from '../base/errors.ts';
import { formatValue, type Graph, type Node, parseValue, type Value, value } from '../graph/graph.ts';
import { inferTypes } from '../graph/infer.ts';
import type { Endpoint } from '../graph/model.ts';
import { outputTypes } from '../graph/signature.ts';

/** Which values a model takes and gives, where its file does not say or the caller wants others. */
export type EndpointOptions = { readonly inputs?: readonly string[]; readonly outputs?: readonly string[] };

/** The named values, or all placeholders that something reads. Keys are the names. Throws `UserError`. */
export function inputsOf(graph: Graph, names?: readonly string[]): Endpoint[] {
  if (names !== undefined) return endpointsAt(graph, names.map(parseValue));
  const placeholders = [...graph.nodes.values()].filter((n) => n.op === 'Placeholder' || n.op === 'PlaceholderV2');
  const read = placeholders.filter((n) => graph.consumers(n.name).length > 0);
  return endpointsAt(
    graph,
    (read.length > 0 ? read : placeholders).map((n) => value(n.name)),
  );
}

/** The named values, or all outputs of the nodes that nothing reads or waits for, constants excluded. */
export function outputsOf(graph: Graph, names?: readonly string[]): Endpoint[] {
  if (names !== undefined) return endpointsAt(graph, names.map(parseValue));
  const unread = [...graph.nodes.values()].filter((node) => isEnd(graph, node));
  // Nodes that others only wait for are there for their effect or for order, unless there is nothing else.
  const free = unread.filter((node) => graph.controlled(node.name).length === 0);
  const last = free.length > 0 ? free : unread;
  return endpointsAt(
    graph,
    last.flatMap((node) => (outputTypes(node, graph.library) ?? ['float32']).map((_, port) => value(node.name, port))),
  );
}

const isEnd = (graph: Graph, node: Node): boolean =>
  graph.consumers(node.name).length === 0 && !['Const', 'NoOp', 'Placeholder', 'PlaceholderV2'].includes(node.op);

/** Values as ends of a model, with the types that can be inferred. */
export function endpointsAt(graph: Graph, values: readonly Value[]): Endpoint[] {
  const info = inferTypes({ node: (name) => graph.nodes.get(name), library: graph.library });
  return values.map((at) => {
    const types = outputTypes(graph.node(at.node), graph.library);
    if (types !== undefined && at.port >= types.length)
      throw new UserError(`has ${types.length} outputs; there is no ${formatValue(at)}`, { node: at.node });
    const dtype = types?.[at.port] ?? 'float32';
    return { key: formatValue(at), value: at, dtype, shape: shapeOf(info, at) };
  });
}

/** Shapes are only told to the caller here: where they do not fit together, running the node says so. */
function shapeOf(info: ReturnType<typeof inferTypes>, at: Value): Endpoint['shape'] {
  try {
    return info.of(at).shape;
  } catch (error) {
    if (error instanceof UserError) return null;
    throw error;
  }
}
