import type { Attr } from '../graph/attr.ts';
import { attrValue } from '../graph/attr.ts';
import { formatValue, type Graph, type Node, type Value, value } from '../graph/graph.ts';
import type { Endpoint, Model } from '../graph/model.ts';
import { inputsOf, outputsOf } from './endpoints.ts';
import { tableInitializers } from './initializers.ts';

/**
 * A GraphDef has no signature. Where a model's is not what its graph alone would suggest, its nodes are marked with
 * attributes of octet's own, which TensorFlow takes (a name with an underscore is any program's to use) and ignores.
 */
const inputMark = '_octet_inputs';
const outputMark = '_octet_outputs';
const portMark = '_octet_output_ports';
const initMark = '_octet_initializer';
const all = [inputMark, outputMark, portMark, initMark];

export type Marks = {
  readonly inputs: readonly { readonly key: string; readonly value: Value }[];
  readonly outputs: readonly { readonly key: string; readonly value: Value }[];
  readonly initializers: readonly string[];
};

/** The model's graph, marked with its signature where loading it would not find the same. */
export function markSignature(model: Model): Graph {
  const { graph } = model;
  const plain =
    sameEnds(model.inputs, inputsOf(graph)) &&
    sameEnds(model.outputs, outputsOf(graph)) &&
    model.initializers.join() === tableInitializers(graph).join();
  if (plain) return graph;
  const marks = new Map<string, Map<string, Attr>>();
  const mark = (node: string, name: string, attr: Attr) =>
    marks.set(node, new Map([...(marks.get(node) ?? []), [name, attr]]));
  for (const { node, ends } of byNode(model.inputs))
    mark(node, inputMark, { list: { strings: ends.map((e) => e.key) } });
  for (const { node, ends } of byNode(model.outputs)) {
    mark(node, outputMark, { list: { strings: ends.map((e) => e.key) } });
    mark(node, portMark, { list: { ints: ends.map((e) => e.value.port) } });
  }
  for (const node of model.initializers) mark(node, initMark, { bool: true });
  return graph.with(
    [...graph.nodes.values()].map((node): Node => {
      const more = marks.get(node.name);
      return more === undefined ? node : { ...node, attrs: new Map([...node.attrs, ...more]) };
    }),
  );
}

const sameEnds = (a: readonly Endpoint[], b: readonly Endpoint[]): boolean =>
  a.length === b.length &&
  a.every((end, i) => end.key === b[i]!.key && formatValue(end.value) === formatValue(b[i]!.value));

function byNode(ends: readonly Endpoint[]): { node: string; ends: Endpoint[] }[] {
  const nodes = new Map<string, Endpoint[]>();
  for (const end of ends) nodes.set(end.value.node, [...(nodes.get(end.value.node) ?? []), end]);
  return [...nodes].map(([node, of]) => ({ node, ends: of }));
}

/** The graph without marks, and what they said; undefined where there were none. Ends come sorted by key. */
export function takeMarks(graph: Graph): { graph: Graph; marks: Marks | undefined } {
  const inputs: { key: string; value: Value }[] = [];
  const outputs: { key: string; value: Value }[] = [];
  const initializers: string[] = [];
  const nodes = [...graph.nodes.values()].map((node): Node => {
    if (!all.some((name) => node.attrs.has(name))) return node;
    const list = <K extends 'strings' | 'ints'>(name: string, kind: K) => {
      const attr = node.attrs.get(name);
      return (attr && attrValue(attr, kind)) ?? [];
    };
    for (const key of list(inputMark, 'strings')) inputs.push({ key, value: value(node.name) });
    const ports = list(portMark, 'ints');
    for (const [i, key] of list(outputMark, 'strings').entries())
      outputs.push({ key, value: value(node.name, ports[i] ?? 0) });
    if (node.attrs.has(initMark)) initializers.push(node.name);
    return { ...node, attrs: new Map([...node.attrs].filter(([name]) => !all.includes(name))) };
  });
  if (inputs.length + outputs.length + initializers.length === 0) return { graph, marks: undefined };
  const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  return {
    graph: graph.with(nodes),
    marks: { inputs: inputs.sort(byKey), outputs: outputs.sort(byKey), initializers },
  };
}
