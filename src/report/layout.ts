import dagre from '@dagrejs/dagre';

export const nodeSize = { width: 210, height: 42 } as const;
/** Beyond this many nodes the finer ranking takes minutes. */
const manyNodes = 600;

export type Layout = {
  readonly width: number;
  readonly height: number;
  /** The middle of each node. */
  readonly nodes: readonly { readonly x: number; readonly y: number }[];
  /** The points of each edge: x and y in turn. */
  readonly edges: readonly (readonly number[])[];
};

/** Places nodes in layers from top to bottom (Sugiyama's method, as dagre has it). Edges are pairs of node indices. */
export function layOut(count: number, edges: readonly (readonly [from: number, to: number])[]): Layout {
  const graph = new dagre.graphlib.Graph({ multigraph: true });
  graph.setGraph({
    rankdir: 'TB',
    nodesep: 22,
    ranksep: 30,
    marginx: 30,
    marginy: 30,
    ranker: count > manyNodes ? 'longest-path' : 'network-simplex',
  });
  for (let i = 0; i < count; i++) graph.setNode(String(i), { ...nodeSize });
  for (const [i, [from, to]] of edges.entries()) graph.setEdge(String(from), String(to), {}, String(i));
  if (count > 0) dagre.layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    width,
    height,
    nodes: Array.from({ length: count }, (_, i) => {
      const { x, y } = graph.node(String(i)) as { x: number; y: number };
      return { x: Math.round(x), y: Math.round(y) };
    }),
    edges: edges.map(([from, to], i) => {
      const { points } = graph.edge(String(from), String(to), String(i)) as { points: { x: number; y: number }[] };
      return points.flatMap(({ x, y }) => [Math.round(x), Math.round(y)]);
    }),
  };
}
