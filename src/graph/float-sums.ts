import type { Node, Value } from './graph.ts';

/** How the ops of a file say that exact sums in int32 become float32: BiasAdd(Mul(Cast(Bitcast(sums)), m), b). */
export type FloatSums = {
  readonly sums: Value;
  readonly cast: Node;
  readonly scaled: Node;
};

/** The chain that `biased` is the end of, if it is one. `find` gives the nodes that may belong to it. */
export function floatSumsOf(biased: Node, find: (name: string) => Node | undefined): FloatSums | undefined {
  const under = (node: Node | undefined, op: string): Node | undefined => {
    const from = node?.inputs[0] && find(node.inputs[0].node);
    return from?.op === op ? from : undefined;
  };
  const scaled = biased.op === 'BiasAdd' ? under(biased, 'Mul') : undefined;
  const cast = under(scaled, 'Cast');
  const sums = under(cast, 'Bitcast')?.inputs[0];
  return scaled && cast && sums && { sums, cast, scaled };
}
