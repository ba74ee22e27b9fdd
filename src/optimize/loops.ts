import { freshName } from '../graph/builder.ts';
import type { Graph, Node, Value } from '../graph/graph.ts';

/**
 * Puts constants where they are read: in the body of a TF1 loop a Const must wait for a node of the body, else it belongs
 * to the frame outside and TensorFlow refuses to mix the two. Rules need not know; this is done after them. Exact.
 */
export function keepInFrames(graph: Graph): Graph {
  const depths = frameDepths(graph);
  if ([...depths.values()].every((depth) => depth === 0)) return graph;
  const nodes = new Map(graph.nodes);
  for (const node of graph.nodes.values()) {
    if (depths.get(node.name) === 0 || node.op === 'Enter' || node.op === 'RefEnter') continue;
    const isOutside = (v: Value) => graph.node(v.node).op === 'Const' && depths.get(v.node) === 0;
    const inside = node.inputs.find((v) => depths.get(v.node) === depths.get(node.name));
    if (inside === undefined || !node.inputs.some(isOutside)) continue;
    const inputs = node.inputs.map((v) => {
      if (!isOutside(v)) return v;
      const name = freshName(`${node.name}/${v.node.split('/').at(-1)}`, (taken) => nodes.has(taken));
      nodes.set(name, { ...graph.node(v.node), name, controls: [inside.node] });
      return { node: name, port: 0 };
    });
    nodes.set(node.name, { ...node, inputs });
  }
  return graph.with(nodes.values());
}

/** In how many loops each node runs: Enter goes in, Exit comes out. */
function frameDepths(graph: Graph): ReadonlyMap<string, number> {
  const depths = new Map<string, number>();
  const step = (node: Node): number => (/^(Ref)?Enter$/.test(node.op) ? 1 : /^(Ref)?Exit$/.test(node.op) ? -1 : 0);
  for (const node of graph.order()) {
    const from = [...node.inputs.map((v) => v.node), ...node.controls].map((name) => depths.get(name) ?? 0);
    depths.set(node.name, Math.max(0, ...from) + step(node));
  }
  return depths;
}
