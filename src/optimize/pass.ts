import type { Tensor } from '../base/tensor.ts';
import type { Graph, Node } from '../graph/graph.ts';
import { type Rule, rewrite, type TraceEntry } from '../graph/rewrite.ts';

/**
 * Computes a node from constant inputs: its outputs, or undefined where it can't. Given by the caller, since `optimize`
 * stands below the kernels; the reference kernels are meant.
 */
export type Evaluate = (node: Node, inputs: readonly Tensor[]) => readonly Tensor[] | undefined;

export type PassContext = {
  /** Nodes that keep their names: the model's ends and initializers. */
  readonly keep: ReadonlySet<string>;
  readonly trace: (entry: TraceEntry) => void;
  readonly evaluate: Evaluate | undefined;
};

/** Fed from outside or steered by control flow: what they give is not a function of what they read. */
export const steeredOps: readonly string[] = [
  'Placeholder',
  'PlaceholderV2',
  'PlaceholderWithDefault',
  '_Arg',
  '_Retval',
  'NoOp',
  'ControlTrigger',
  'Enter',
  'Exit',
  'Switch',
  '_SwitchN',
  'Merge',
  'NextIteration',
  'LoopCond',
];

/** One step of the optimizer: fp32 graph in, fp32 graph with the same outputs out. */
export type Pass = {
  readonly name: string;
  readonly run: (graph: Graph, context: PassContext) => Graph;
};

/** A pass that applies rules until none matches. */
export const rulePass = (
  name: string,
  rules: readonly Rule[],
  order: 'inputs-first' | 'outputs-first' = 'inputs-first',
): Pass => ({
  name,
  run: (graph, { keep, trace }) => rewrite(graph, rules, { keep, trace, order }),
});
