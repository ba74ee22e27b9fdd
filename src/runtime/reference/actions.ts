import type { Tensor } from '../../base/tensor.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import type { ReferenceKernel } from '../../kernels/reference-kernel.ts';
import type { Calls } from './execute.ts';

/** What stands for a value in a branch that was not taken. */
export const dead: unique symbol = Symbol('dead');
export type Signal = Tensor | typeof dead;

/**
 * A computation that pauses now and then, so that whoever runs it can let others run, or stop it. It may give a promise to
 * wait for (which is never rejected), unless it runs for a caller that can't wait.
 */
export type Run<T> = Generator<Promise<void> | undefined, T>;

/** An op that chooses between values: alive ones may become dead and, in a Merge, dead ones alive. */
export type FlowRule = (inputs: readonly Signal[], node: Node, iteration: number) => readonly Signal[];

/** An op that runs functions of the library. */
export type CallRule = (inputs: readonly Tensor[], node: Node, calls: Calls) => Run<readonly Tensor[]>;

/** How a node is run. Only `merge` runs when inputs are dead; all others then give dead outputs. */
export type Action =
  | { readonly kind: 'kernel'; readonly kernel: ReferenceKernel }
  | { readonly kind: 'switch'; readonly rule: FlowRule }
  | { readonly kind: 'merge'; readonly rule: FlowRule }
  | { readonly kind: 'call'; readonly rule: CallRule };

/** Actions for nodes that the executor does not know, or is not to run itself. */
export type OwnActions = (node: Node) => Action | undefined;

export type ActionOf = (node: Node, graph: Graph) => Action;
