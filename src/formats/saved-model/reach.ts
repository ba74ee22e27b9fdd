import { attrValue } from '../../graph/attr.ts';
import type { Graph, GraphFunction, Node } from '../../graph/graph.ts';

/** The nodes that `roots` need, by data or control, in the graph's order. Names that are not in the graph are passed over. */
export function reachable(graph: Graph, roots: Iterable<string>): Node[] {
  const found = new Set<string>();
  const open = [...roots];
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const node = graph.nodes.get(name);
    if (node === undefined || found.has(name)) continue;
    found.add(name);
    for (const input of node.inputs) open.push(input.node);
    open.push(...node.controls);
  }
  return [...graph.nodes.values()].filter((node) => found.has(node.name));
}

/** The functions that a node names: in its attributes, or as its op. */
export function functionsOf(node: Node): string[] {
  const named = [...node.attrs.values()].flatMap((attr) => {
    const one = attrValue(attr, 'func');
    return one === undefined ? ('list' in attr ? (attr.list.funcs ?? []) : []) : [one];
  });
  return [...named.map((f) => f.name), node.op];
}

/** The functions of the library that the graph's nodes need, in the library's order. */
export function usedLibrary(graph: Graph): ReadonlyMap<string, GraphFunction> {
  const used = new Set<string>();
  const open = [...graph.nodes.values()].flatMap(functionsOf);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const fn = graph.library.get(name);
    if (fn === undefined || used.has(name)) continue;
    used.add(name);
    for (const node of fn.body.nodes.values()) open.push(...functionsOf(node));
  }
  return new Map([...graph.library].filter(([name]) => used.has(name)));
}
