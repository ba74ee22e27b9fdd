import type { DType } from '../base/dtype.ts';
import type { PartialShape } from '../base/shape.ts';
import { attrs, shapeAttr, type } from '../graph/attr.ts';
import { freshName } from '../graph/builder.ts';
import { formatValue, Graph, type Node, type Value } from '../graph/graph.ts';
import type { Endpoint, Model } from '../graph/model.ts';

/** Which of `known` values are needed to compute `fetches`. */
export function frontier(graph: Graph, fetches: readonly Value[], known: ReadonlySet<string>): readonly string[] {
  const found = new Set<string>();
  walk(
    graph,
    fetches,
    known,
    (key) => found.add(key),
    () => {},
  );
  return [...found];
}

function walk(
  graph: Graph,
  fetches: readonly Value[],
  known: ReadonlySet<string>,
  stop: (key: string) => void,
  visit: (node: Node) => void,
): void {
  const seen = new Set<string>();
  const stack = [...fetches];
  while (stack.length > 0) {
    const value = stack.pop()!;
    const key = formatValue(value);
    if (known.has(key)) {
      stop(key);
      continue;
    }
    if (seen.has(value.node)) continue;
    seen.add(value.node);
    const node = graph.node(value.node);
    visit(node);
    stack.push(...node.inputs, ...node.controls.map((name) => ({ node: name, port: 0 })));
  }
}

/**
 * The part of a model that computes `fetches` from values that are known already: those become its inputs, keyed by their
 * names, of the dtype of `known` and its shape.
 */
export function extract(
  model: Model,
  fetches: readonly Value[],
  known: ReadonlyMap<string, { readonly dtype: DType; readonly shape: PartialShape }>,
): Model {
  const { graph } = model;
  const inputs = new Map<string, Endpoint>();
  const nodes: Node[] = [];
  const placeholders: Node[] = [];
  const names = new Set(known.keys());
  const initializers = model.initializers.map((name) => ({ node: name, port: 0 }));
  const put = (key: string): void => {
    if (inputs.has(key)) return;
    const { dtype, shape } = known.get(key)!;
    const name = freshName(`${key.replace(':', '_')}/known`, (taken) => graph.nodes.has(taken));
    placeholders.push({
      name,
      op: 'Placeholder',
      inputs: [],
      controls: [],
      attrs: attrs({ dtype: type(dtype), shape: shapeAttr(shape) }),
    });
    inputs.set(key, { key, value: { node: name, port: 0 }, dtype, shape });
  };
  walk(graph, [...fetches, ...initializers], names, put, (node) => nodes.push(node));
  const redirected = nodes.map((node) => ({
    ...node,
    inputs: node.inputs.map((v) => inputs.get(formatValue(v))?.value ?? v),
    controls: node.controls.filter((name) => !inputs.has(name)),
  }));
  return {
    ...model,
    graph: new Graph([...placeholders, ...redirected], graph.library, graph.extra),
    inputs: [...inputs.values()],
    outputs: [],
  };
}
