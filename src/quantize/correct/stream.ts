import type { DType } from '../../base/dtype.ts';
import type { PartialShape } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import { formatValue, type Graph, type Value } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds, OpenRunner } from '../../graph/runner.ts';
import { extract, frontier } from '../extract.ts';

/**
 * Values of a model for a fixed set of samples, computed part by part: each part is run on what is kept of earlier ones, so
 * going through a network layer by layer runs each layer once. int8 values are kept as codes.
 */
export type Stream = {
  /** Computes `fetches` for all samples from what is kept; `graph` may differ from the one before in later parts. */
  readonly compute: (graph: Graph, fetches: readonly Value[]) => Promise<readonly (readonly Tensor[])[]>;
  /** Keeps a value that has been computed, one tensor a sample. */
  readonly keep: (value: Value, tensors: readonly Tensor[]) => void;
  readonly has: (value: Value) => boolean;
  /** A value that is kept, one tensor a sample. */
  readonly get: (value: Value) => readonly Tensor[];
  /** Lets go of what none of `later` needs. */
  readonly release: (graph: Graph, later: readonly Value[]) => void;
};

export function openStream(
  model: Model,
  feeds: readonly Feeds[],
  openRunner: OpenRunner,
  signal: AbortSignal | undefined,
): Stream {
  const kept = new Map<string, readonly Tensor[]>();
  const inputs = new Set<string>();
  for (const { key, value } of model.inputs) {
    const tensors = feeds.flatMap((fed) => fed.get(key) ?? []);
    if (tensors.length === feeds.length) kept.set(formatValue(value), tensors);
    inputs.add(formatValue(value));
  }
  return {
    compute: async (graph, fetches) => {
      const known = new Map([...kept].map(([key, tensors]) => [key, commonType(tensors)]));
      const part = extract({ ...model, graph }, fetches, known);
      const runner = await openRunner(part, fetches);
      try {
        const results: (readonly Tensor[])[] = [];
        for (const sample of feeds.keys()) {
          signal?.throwIfAborted();
          results.push(await runner.run(new Map(part.inputs.map(({ key }) => [key, kept.get(key)![sample]!]))));
        }
        return results;
      } finally {
        runner.dispose();
      }
    },
    keep: (value, tensors) => void kept.set(formatValue(value), tensors),
    has: (value) => kept.has(formatValue(value)),
    get: (value) => kept.get(formatValue(value)) ?? [],
    release: (graph, later) => {
      const needed = new Set(frontier(graph, later, new Set(kept.keys())));
      for (const key of kept.keys()) if (!needed.has(key) && !inputs.has(key)) kept.delete(key);
    },
  };
}

/** The dtype of tensors with the shape that they have in common. */
function commonType(tensors: readonly Tensor[]): { dtype: DType; shape: PartialShape } {
  const [first] = tensors as [Tensor];
  if (tensors.some(({ shape }) => shape.length !== first.shape.length)) return { dtype: first.dtype, shape: null };
  const shape = first.shape.map((dim, i) => (tensors.every((t) => t.shape[i] === dim) ? dim : null));
  return { dtype: first.dtype, shape };
}
