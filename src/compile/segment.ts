import type { Graph, Value } from '../graph/graph.ts';

/**
 * A part of a graph that is compiled as one: pure nodes, `inputs` from outside of it (as values of the whole graph, whose
 * nodes are not among the part's), `outputs` that others read. Constants that it reads are nodes of its own.
 */
export type Segment = {
  readonly name: string;
  /** The nodes in topological order are `graph.order()`; the inputs are not in it. */
  readonly graph: Graph;
  readonly inputs: readonly Value[];
  readonly outputs: readonly Value[];
};
