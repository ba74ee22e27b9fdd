import type { DType } from '../base/dtype.ts';
import { UserError } from '../base/errors.ts';
import type { PartialShape } from '../base/shape.ts';
import { formatValue, type Graph, parseValue, type Value } from './graph.ts';

/** A named end of a model: `key` is what callers use (a signature's key, or the node's own name). */
export type Endpoint = {
  readonly key: string;
  readonly value: Value;
  readonly dtype: DType;
  readonly shape: PartialShape;
};

/** A frozen graph with its signature: what every stage of the pipeline takes and gives. Immutable. */
export type Model = {
  readonly graph: Graph;
  readonly inputs: readonly Endpoint[];
  readonly outputs: readonly Endpoint[];
  /** Nodes to run once before the first inference: they fill lookup tables. */
  readonly initializers: readonly string[];
  /** Contents of the files that the graph's initializers name, by the text that the graph holds. */
  readonly assets: ReadonlyMap<string, Uint8Array>;
  /** The SavedModel signature this is (`serving_default`), where it came from one. */
  readonly signature?: string;
};

/** The endpoint that `text` names: a key, or a value of the graph. Throws `UserError` listing the keys there are. */
export function endpoint(ends: readonly Endpoint[], text: string): Endpoint {
  const byKey = ends.find((end) => end.key === text);
  if (byKey !== undefined) return byKey;
  const wanted = formatValue(parseValue(text));
  const byValue = ends.find((end) => formatValue(end.value) === wanted);
  if (byValue !== undefined) return byValue;
  throw new UserError(
    `the model has no input or output '${text}'`,
    {},
    `there are: ${ends.map((e) => e.key).join(', ')}`,
  );
}
