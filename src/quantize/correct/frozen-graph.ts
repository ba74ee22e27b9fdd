import { readAttr } from '../../graph/attr.ts';
import type { Graph, Node, Value } from '../../graph/graph.ts';
import { argRanges } from '../../graph/signature.ts';
import { scaleSources, siteOf } from '../sites.ts';

/**
 * The same graph, whose readers of an int8 value's range read the constants that it was frozen to: then the codes alone
 * connect one layer with the next.
 */
export function withConstantEnds(graph: Graph): Graph {
  const nodes = [...graph.nodes.values()].map((node) => {
    if (node.inputs.every(({ port }) => port === 0)) return node;
    return { ...node, inputs: node.inputs.map((v) => constantEnd(graph, v) ?? v) };
  });
  return graph.with(nodes);
}

function constantEnd(graph: Graph, value: Value): Value | undefined {
  if (value.port !== 1 && value.port !== 2) return undefined;
  const [source] = scaleSources(graph, value);
  const ends = source && endsOf(source);
  const end = ends?.[value.port - 1];
  return end && graph.node(end.node).op === 'Const' ? end : undefined;
}

/** The inputs that tell the range of what `node` gives. */
export function endsOf(node: Node): readonly [min: Value, max: Value] | undefined {
  const site = siteOf(node);
  // A fused op carries the attribute of the Requantize that it has taken in.
  if (site !== undefined) return [site.min, site.max];
  const at = argRanges(node, 'inputs');
  const [min, max] = ['min_freezed_output', 'max_freezed_output'].map((name) => at.get(name)?.start);
  return min === undefined || max === undefined ? undefined : [node.inputs[min]!, node.inputs[max]!];
}

/** Whether codes of `node` are quint8. */
export const isUnsigned = (node: Node): boolean =>
  (node.op === 'QuantizeV2' ? readAttr(node, 'T', 'type') : readAttr(node, 'out_type', 'type', 'quint8')) === 'quint8';
