import type { Graph } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import { rewrite, type TraceEntry } from '../graph/rewrite.ts';
import type { QuantizeOptions } from './options.ts';
import { carryRules } from './rules/carry.ts';
import { convolutionRules } from './rules/convolution.ts';
import { matmulRules } from './rules/matmul.ts';
import { residualRules } from './rules/residual.ts';

/**
 * Figure 1a → 1b: convolutions and matmuls become TensorFlow's quantized ops, on ranges that each run finds for itself; what
 * lies between stays in int8. The graph runs in stock TensorFlow as it is, and calibration freezes its ranges.
 */
export function quantizeGraph(model: Model, options: QuantizeOptions = {}, trace?: (entry: TraceEntry) => void): Model {
  const keep = new Set([...model.inputs, ...model.outputs].map((end) => end.value.node).concat(model.initializers));
  const settings = { keep, ...(trace === undefined ? {} : { trace }) };
  // Outputs first: of `Conv2D`, `Conv2D → BiasAdd` and `Conv2D → BiasAdd → Relu`, the longest is to be found.
  const replaced = rewrite(model.graph, [...convolutionRules(options), ...matmulRules(options)], {
    ...settings,
    order: 'outputs-first',
  });
  const graph: Graph = rewrite(replaced, [...residualRules(options), ...carryRules(options)], settings);
  return { ...model, graph };
}
