import type { Attr } from '../graph/attr.ts';
import type { Graph, GraphFunction, Node } from '../graph/graph.ts';
import { definitionOf, isKnownOp } from '../graph/signature.ts';

/**
 * The graph with each function that it calls rewritten by `run`, which gets a body and the nodes of it that keep their names:
 * arguments, results and what has effects. Bodies with attributes that only a call fills in stay as they are.
 */
export function rewriteFunctions(graph: Graph, run: (body: Graph, keep: ReadonlySet<string>) => Graph): Graph {
  const called = calledFunctions(graph);
  if (called.size === 0) return graph;
  const rewritten = [...graph.library].map(([name, fn]): [string, GraphFunction] => {
    if (!called.has(name) || !isComplete(fn.body)) return [name, fn];
    return [name, { ...fn, body: run(fn.body, keptNodes(fn)) }];
  });
  return graph.withLibrary(new Map(rewritten));
}

/** The functions that are called from the graph, or from one that is. */
function calledFunctions(graph: Graph): ReadonlySet<string> {
  const called = new Set<string>();
  const bodies = [graph];
  for (let body = bodies.pop(); body !== undefined; body = bodies.pop())
    for (const node of body.nodes.values())
      for (const name of namesIn(node)) {
        const fn = graph.library.get(name);
        if (fn === undefined || called.has(name)) continue;
        called.add(name);
        bodies.push(fn.body);
      }
  return called;
}

const namesIn = ({ op, attrs }: Node): readonly string[] => [op, ...[...attrs.values()].flatMap(functionsOf)];

function functionsOf(attr: Attr): readonly string[] {
  if ('func' in attr) return [attr.func.name];
  return 'list' in attr ? (attr.list.funcs ?? []).map(({ name }) => name) : [];
}

const isComplete = (body: Graph): boolean =>
  [...body.nodes.values()].every(({ attrs }) => [...attrs.values()].every((attr) => !('placeholder' in attr)));

const keptNodes = ({ args, results, body }: GraphFunction): ReadonlySet<string> =>
  new Set([
    ...args,
    ...results.map(({ value }) => value.node),
    ...[...body.nodes.values()].filter(hasEffects).map(({ name }) => name),
  ]);

const hasEffects = ({ op }: Node): boolean => op !== '_Arg' && (!isKnownOp(op) || definitionOf(op).stateful);
