import type { Graph } from '../graph/graph.ts';

/** Ops that choose or order elements by their values. */
const choosing = /NonMaxSuppression|^TopK|^Arg(Min|Max)$|^Where$|^Unique/;

/**
 * What lies behind ops that choose: two runs may choose in another order, so comparing such values element by element
 * says nothing of noise.
 */
export function behindChoices(graph: Graph): ReadonlySet<string> {
  const found = new Set<string>();
  for (const { name, op, inputs } of graph.order())
    if (choosing.test(op) || inputs.some(({ node }) => found.has(node))) found.add(name);
  return found;
}
