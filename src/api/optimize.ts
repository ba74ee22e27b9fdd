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
export const optimize = (model: Model, options: OptimizeOptions = {}): SavableModel =>
  savable(rewriteModel(model, { ...options, evaluate: evaluateNode }));
