import type { Node } from '../graph/graph.ts';

/** What to quantize, and how. */
export type QuantizeOptions = {
  /** One scale a output channel of the weights (the default), or one for all. */
  readonly perChannel?: boolean;
  /** Ops that stay in fp32, by op name. */
  readonly excludeOps?: ReadonlySet<string>;
  /** Nodes that stay in fp32, by name or pattern. */
  readonly excludeNodes?: readonly (string | RegExp)[];
  /** Whether a value is known to be never negative, from calibration: it is then held as quint8. */
  readonly isNonNegative?: (key: string) => boolean;
  /** Weights that calibration has chosen, by the name of the node that reads them; others are rounded to nearest. */
  readonly weights?: ReadonlyMap<string, WeightChoice>;
  /** What is added to the bias of a convolution or matmul, an output channel, by the node's name. */
  readonly biases?: ReadonlyMap<string, ArrayLike<number>>;
};

/** How the weights of one node are to be quantized. */
export type WeightChoice = {
  /** Largest magnitude that is represented, an output channel: 127 steps; what lies beyond saturates. */
  readonly limits: ArrayLike<number>;
  /** The int8 codes, in the order of the weights, where rounding to nearest is not wanted. */
  readonly codes?: Int8Array<ArrayBuffer>;
};

export const isExcluded = (node: Node, { excludeOps, excludeNodes = [] }: QuantizeOptions): boolean =>
  (excludeOps?.has(node.op) ?? false) ||
  excludeNodes.some((wanted) => (typeof wanted === 'string' ? wanted === node.name : wanted.test(node.name)));
