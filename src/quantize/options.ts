import type { Node } from '../graph/graph.ts';
import type { Method } from './observers/methods.ts';

/** What to quantize, and how. */
export type QuantizeOptions = {
  /** One scale a output channel of the weights (the default), or one for all. */
  readonly perChannel?: boolean;
  /** Layers that are to have another than that, by the names of their convolutions or matmuls. */
  readonly granularity?: ReadonlyMap<string, Granularity>;
  /** Values whose range is to be chosen by another method than the others', by name. */
  readonly methods?: ReadonlyMap<string, Method>;
  /** Ops that stay in fp32, by op name. */
  readonly excludeOps?: ReadonlySet<string>;
  /** Nodes that stay in fp32, by name or pattern. */
  readonly excludeNodes?: readonly (string | RegExp)[];
  /** Whether a value is known to be never negative, from calibration: it is then held as quint8. */
  readonly isNonNegative?: (key: string) => boolean;
  /** Whether sums of values (residual connections) and what they add stay in float32: codes are made of them where layers read them. */
  readonly floatSums?: boolean;
  /** Weights that calibration has chosen, by the name of the node that reads them; others are rounded to nearest. */
  readonly weights?: ReadonlyMap<string, WeightChoice>;
  /** What is added to the bias of a convolution or matmul, an output channel, by the node's name. */
  readonly biases?: ReadonlyMap<string, ArrayLike<number>>;
};

export type Granularity = 'per-channel' | 'per-tensor';

/** How the weights of one node are to be quantized. */
export type WeightChoice = {
  /** Largest magnitude that is represented, an output channel: 127 steps; what lies beyond saturates. */
  readonly limits: ArrayLike<number>;
  /** The int8 codes, in the order of the weights, where rounding to nearest is not wanted. */
  readonly codes?: Int8Array<ArrayBuffer>;
};

/** Whether the weights of a layer have a scale an output channel. */
export const isPerChannel = (layer: string, { perChannel = true, granularity }: QuantizeOptions): boolean =>
  (granularity?.get(layer) ?? (perChannel ? 'per-channel' : 'per-tensor')) === 'per-channel';

export const isExcluded = (node: Node, { excludeOps, excludeNodes = [] }: QuantizeOptions): boolean =>
  (excludeOps?.has(node.op) ?? false) ||
  excludeNodes.some((wanted) => (typeof wanted === 'string' ? wanted === node.name : wanted.test(node.name)));
