import { digestsOf } from '../../graph/digest.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import { parseValue } from '../../graph/graph.ts';
import type { WeightChoice } from '../options.ts';
import type { Target } from './target.ts';

/** What was changed in a layer: its bias, its weights, and the constants of the graph that hold them. */
export type Correction = {
  readonly bias: Float64Array | undefined;
  readonly weights: WeightChoice | undefined;
  readonly constants: readonly Node[];
};

/** Corrections by a digest of what they depend on: all that the layer's output does, in fp32 and in int8. */
export type KnownCorrections = Map<string, Correction>;

/** The digests of layers of `c`, not corrected yet, which was made from `a`. */
export function correctionDigests(a: Graph, c: Graph): (target: Target) => string {
  const [fp32, int8] = [digestsOf(a), digestsOf(c)];
  return ({ layer, out }) =>
    [fp32.get(layer.origin), fp32.get(parseValue(layer.key).node), int8.get(out.node), out.port].join(' ');
}

/** The nodes of `after` that are others than in `before`. */
export const changedNodes = (before: Graph, after: Graph): readonly Node[] =>
  [...after.nodes.values()].filter((node) => before.nodes.get(node.name) !== node);

/** The graph with nodes of these names replaced. */
export const withNodes = (graph: Graph, nodes: readonly Node[]): Graph => {
  const all = new Map(graph.nodes);
  for (const node of nodes) all.set(node.name, node);
  return graph.with(all.values());
};
