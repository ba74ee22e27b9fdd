import type { Tensor } from '../base/tensor.ts';
import type { Node } from '../graph/graph.ts';

/**
 * State that outlives a node: lookup tables, variables, TensorArrays. One a session; what a single run makes (TensorArrays,
 * stacks) lives in `run` and ends with it.
 */
export type Resources = {
  readonly session: Map<string, unknown>;
  readonly run: Map<string, unknown>;
  /** Contents of the files that initializers name. */
  readonly assets: ReadonlyMap<string, Uint8Array>;
};

/**
 * Computes the outputs of one node from its inputs: clear before fast, the oracle of every other backend. Throws
 * `UserError` (without place: the caller adds it) on inputs that TensorFlow refuses too.
 */
export type ReferenceKernel = (inputs: readonly Tensor[], node: Node, resources: Resources) => readonly Tensor[];
