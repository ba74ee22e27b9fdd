import type { Graph } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { TraceEntry } from '../graph/rewrite.ts';
import { optimize as rewriteModel } from '../optimize/index.ts';
import { evaluateNode, type SavableModel, savable } from './model.ts';

export type OptimizeOptions = {
  /** The passes to run, in their own order; all of them by default. */
  readonly passes?: readonly string[];
  readonly trace?: (entry: TraceEntry) => void;
};

/** Figure 1a: strips what inference does not need, folds constants and batch norms, fuses padding. */
export function optimize(model: Model, options: OptimizeOptions = {}): SavableModel {
  const optimized = savable(rewriteModel(model, { ...options, evaluate: evaluateNode }));
  if (options.passes === undefined) done.add(optimized.graph);
  return optimized;
}

/** Graphs that all passes have gone over: another round finds nothing. */
const done = new WeakSet<Graph>();
export const isOptimized = ({ graph }: Model): boolean => done.has(graph);
