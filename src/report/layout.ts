import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';
import { InternalError } from '../base/errors.ts';

const nodeSize = { width: 210, height: 42 } as const;
/** Beyond this many nodes the finer ranking takes minutes. */
const manyNodes = 600;
/** dagre recurses along the longest path: a deep network would overflow the main thread's stack. */
const stackSizeMb = 256;

export type Layout = {
  readonly width: number;
  readonly height: number;
  /** The middle of each node. */
  readonly nodes: readonly { readonly x: number; readonly y: number }[];
  /** The points of each edge: x and y in turn. */
  readonly edges: readonly (readonly number[])[];
};

type Edge = readonly [from: number, to: number];
type Task = {
  readonly dagre: string;
  readonly count: number;
  readonly edges: readonly Edge[];
  readonly options: object;
};

/** Runs in the worker, as text: a worker's file would have another name once octet is built. */
const work = `
const { parentPort, workerData: { dagre: path, count, edges, options, size } } = require('node:worker_threads');
const dagre = require(path);
const graph = new dagre.graphlib.Graph({ multigraph: true });
graph.setGraph(options);
for (let i = 0; i < count; i++) graph.setNode(String(i), { ...size });
edges.forEach(([from, to], i) => graph.setEdge(String(from), String(to), {}, String(i)));
if (count > 0) dagre.layout(graph);
const { width = 0, height = 0 } = graph.graph();
parentPort.postMessage({
  width,
  height,
  nodes: Array.from({ length: count }, (_, i) => {
    const { x, y } = graph.node(String(i));
    return { x: Math.round(x), y: Math.round(y) };
  }),
  edges: edges.map(([from, to], i) =>
    graph.edge(String(from), String(to), String(i)).points.flatMap(({ x, y }) => [Math.round(x), Math.round(y)]),
  ),
});
`;

/** Places nodes in layers from top to bottom (Sugiyama's method, as dagre has it). Edges are pairs of node indices. */
export function layOut(count: number, edges: readonly Edge[]): Promise<Layout> {
  const task: Task & { size: typeof nodeSize } = {
    dagre: createRequire(import.meta.url).resolve('@dagrejs/dagre'),
    count,
    edges,
    size: nodeSize,
    options: {
      rankdir: 'TB',
      nodesep: 22,
      ranksep: 30,
      marginx: 30,
      marginy: 30,
      ranker: count > manyNodes ? 'longest-path' : 'network-simplex',
    },
  };
  return new Promise((resolve, reject) => {
    const worker = new Worker(work, { eval: true, workerData: task, resourceLimits: { stackSizeMb } });
    worker.once('message', resolve);
    worker.once('error', (cause) =>
      reject(new InternalError(`a graph of ${count} nodes could not be laid out: ${cause}`, {}, { cause })),
    );
  });
}
