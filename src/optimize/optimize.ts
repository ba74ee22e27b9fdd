import { UserError } from '../base/errors.ts';
import { debug } from '../base/flags.ts';
import type { Graph } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import { prune, type TraceEntry } from '../graph/rewrite.ts';
import { arithmetic } from './arithmetic.ts';
import { bias } from './bias.ts';
import { commonSubexpressions } from './common-subexpressions.ts';
import { stripDropout } from './dropout.ts';
import { foldBatchNorms } from './fold-batch-norms.ts';
import { foldConstants } from './fold-constants.ts';
import { rewriteFunctions } from './functions.ts';
import { fusePad } from './fuse-pad.ts';
import { keepInFrames } from './loops.ts';
import type { Evaluate, Pass } from './pass.ts';
import { reshape } from './reshape.ts';
import { moveStrides } from './strides.ts';
import { stripControls, stripDeadBranches, stripIdentities, stripUnused } from './strip.ts';
import { transpose } from './transpose.ts';

/** What `optimize` does, in this order, again and again until nothing is left to do. */
export const passes: readonly Pass[] = [
  stripUnused,
  stripControls,
  stripIdentities,
  stripDeadBranches,
  stripDropout,
  transpose,
  foldBatchNorms,
  foldConstants,
  bias,
  arithmetic,
  fusePad,
  moveStrides,
  reshape,
  commonSubexpressions,
];

export type OptimizeOptions = {
  /** Names of the passes to run, in the order of `passes`; all by default. */
  readonly passes?: readonly string[];
  /** Computes nodes whose inputs are constant; without it, constants are folded by shapes alone. */
  readonly evaluate?: Evaluate;
  /** Hears of every rule that was applied. */
  readonly trace?: (entry: TraceEntry) => void;
};

/** Each round opens ways for the next; real models need three. */
const maxRounds = 10;

/**
 * The same fp32 model in fewer nodes: figure 1a. What only training needs is stripped, constants are computed, batch norms
 * and pads go into the convolutions, in the bodies of functions (If, While, calls) too. Inputs and outputs keep their names.
 * Exact up to rounding; each rule says where it is more. Throws `UserError` on a pass that does not exist.
 */
export function optimize(model: Model, { passes: names, evaluate, trace }: OptimizeOptions = {}): Model {
  const chosen = passes.filter((pass) => names === undefined || names.includes(pass.name));
  const unknown = names?.find((name) => !passes.some((pass) => pass.name === name));
  if (unknown !== undefined)
    throw new UserError(
      `there is no pass '${unknown}'`,
      {},
      `there are: ${passes.map((pass) => pass.name).join(', ')}`,
    );
  const keep = new Set([...[...model.inputs, ...model.outputs].map((end) => end.value.node), ...model.initializers]);
  const run = (graph: Graph, kept: ReadonlySet<string>): Graph => runPasses(graph, chosen, kept, { evaluate, trace });
  return { ...model, graph: rewriteFunctions(run(model.graph, keep), run) };
}

/** The passes, again and again until none has anything left to do. */
function runPasses(
  whole: Graph,
  chosen: readonly Pass[],
  keep: ReadonlySet<string>,
  { evaluate, trace }: Pick<OptimizeOptions, 'evaluate' | 'trace'>,
): Graph {
  let graph = whole;
  for (let round = 1; round <= maxRounds; round++) {
    let applied = 0;
    const count = (entry: TraceEntry) => {
      applied++;
      trace?.(entry);
    };
    for (const pass of chosen) {
      const before = applied;
      graph = pass.run(graph, { keep, trace: count, evaluate });
      debug(1, () => `optimize: ${pass.name}, round ${round}: ${applied - before} times, ${graph.nodes.size} nodes`);
    }
    if (applied === 0) break;
    graph = keepInFrames(graph);
  }
  return prune(graph, keep);
}
