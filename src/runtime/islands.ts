import { rewriteIslands } from '../compile/islands.ts';
import type { Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import { referenceKernel } from './native/open.ts';

/** The model with its islands in int8: the same for every backend, so that all give the same bytes. */
export function withIslands(model: Model, fetches: readonly Value[]): Model {
  const ends = [...model.inputs, ...model.outputs].map((end) => end.value.node);
  const keep = new Set([...ends, ...fetches.map((v) => v.node), ...model.initializers]);
  return { ...model, graph: rewriteIslands(model.graph, { keep, reference: referenceKernel }) };
}
