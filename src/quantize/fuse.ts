import type { Model } from '../graph/model.ts';
import { rewrite, type TraceEntry } from '../graph/rewrite.ts';
import { fuseConvolutionRules } from './rules/fuse-convolution.ts';
import { fuseMatmulRules } from './rules/fuse-matmul.ts';

/**
 * Figure 1b with frozen ranges → 1c: each quantized op takes the Requantize behind it, and where TensorFlow has the form
 * the residual add too.
 */
export function fuseGraph(model: Model, trace?: (entry: TraceEntry) => void): Model {
  const keep = new Set([...model.inputs, ...model.outputs].map((end) => end.value.node).concat(model.initializers));
  const settings = { keep, order: 'outputs-first' as const, ...(trace === undefined ? {} : { trace }) };
  return { ...model, graph: rewrite(model.graph, [...fuseConvolutionRules, ...fuseMatmulRules], settings) };
}
