import { UserError } from '../base/errors.ts';
import type { Attrs } from './attr.ts';

/** One output of a node; the `port`-th, from 0. Printed as TensorFlow does: `node`, `node:1`. */
export type Value = { readonly node: string; readonly port: number };

/** An operation. `inputs` are data, `controls` the nodes that must have run before it. Immutable. */
export type Node = {
  readonly name: string;
  readonly op: string;
  readonly inputs: readonly Value[];
  readonly controls: readonly string[];
  readonly attrs: Attrs;
  readonly device?: string;
  /** What the file said of this node that octet does not read; written back as it was. */
  readonly extra?: unknown;
};

/** A function of the library: its body is a graph whose arguments are `_Arg` nodes; results name values of the body. */
export type GraphFunction = {
  readonly name: string;
  readonly args: readonly string[];
  /** The value of the body that each result is, in order. */
  readonly results: readonly { readonly name: string; readonly value: Value }[];
  readonly body: Graph;
  readonly extra?: unknown;
};

export type Consumer = { readonly node: Node; readonly input: number };

/**
 * A dataflow graph with TensorFlow's semantics: nodes by name, in the file's order. Nodes refer to each other by name, so
 * putting another node under a name is all it takes to replace one; every change gives a new graph.
 */
export class Graph {
  readonly nodes: ReadonlyMap<string, Node>;
  readonly library: ReadonlyMap<string, GraphFunction>;
  /** What the file said of the graph that octet does not read (versions, unknown fields); written back as it was. */
  readonly extra: unknown;
  #consumers: ReadonlyMap<string, readonly Consumer[]> | undefined;
  #controlled: ReadonlyMap<string, readonly Node[]> | undefined;
  #order: readonly Node[] | undefined;

  constructor(nodes: Iterable<Node>, library: ReadonlyMap<string, GraphFunction> = new Map(), extra?: unknown) {
    const byName = new Map<string, Node>();
    for (const node of nodes) {
      if (byName.has(node.name)) throw new UserError('two nodes have this name', { node: node.name, op: node.op });
      byName.set(node.name, node);
    }
    this.nodes = byName;
    this.library = library;
    this.extra = extra;
  }

  /** The node called `name`. Throws `UserError` when there is none. */
  node(name: string): Node {
    const found = this.nodes.get(name);
    if (found === undefined)
      throw new UserError('the graph has no such node', { node: name }, 'octet inspect lists its inputs and outputs');
    return found;
  }

  /** The nodes that read any output of `name`, with the index of their input. */
  consumers(name: string): readonly Consumer[] {
    this.#consumers ??= consumersOf(this.nodes.values());
    return this.#consumers.get(name) ?? [];
  }

  /** The nodes that wait for `name` by a control input. */
  controlled(name: string): readonly Node[] {
    this.#controlled ??= controlledOf(this.nodes.values());
    return this.#controlled.get(name) ?? [];
  }

  /**
   * All nodes, each after those it reads or waits for; ties in the file's order. The back edges of TF1 loops
   * (`NextIteration` → `Merge`) do not count. Throws `UserError` naming a node of any other cycle, or a missing input.
   */
  order(): readonly Node[] {
    this.#order ??= topologicalOrder(this.nodes);
    return this.#order;
  }

  /** The same library and extras around other nodes. */
  with(nodes: Iterable<Node>): Graph {
    return new Graph(nodes, this.library, this.extra);
  }

  withLibrary(library: ReadonlyMap<string, GraphFunction>): Graph {
    return new Graph(this.nodes.values(), library, this.extra);
  }
}

export const value = (node: string, port = 0): Value => ({ node, port });
export const formatValue = ({ node, port }: Value): string => (port === 0 ? node : `${node}:${port}`);
export const sameValue = (a: Value, b: Value): boolean => a.node === b.node && a.port === b.port;

/** Reads `node`, `node:1`. Throws `UserError` on anything else. */
export function parseValue(text: string): Value {
  const match = /^([^:^]+)(?::(\d{1,6}))?$/.exec(text);
  if (match === null)
    throw new UserError(`'${text}' does not name an output of a node`, {}, "write 'node' or 'node:1'");
  return value(match[1]!, Number(match[2] ?? 0));
}

function consumersOf(nodes: Iterable<Node>): Map<string, Consumer[]> {
  const found = new Map<string, Consumer[]>();
  for (const node of nodes)
    for (const [input, from] of node.inputs.entries()) {
      const list = found.get(from.node);
      if (list === undefined) found.set(from.node, [{ node, input }]);
      else list.push({ node, input });
    }
  return found;
}

function controlledOf(nodes: Iterable<Node>): Map<string, Node[]> {
  const found = new Map<string, Node[]>();
  for (const node of nodes)
    for (const from of node.controls) {
      const list = found.get(from);
      if (list === undefined) found.set(from, [node]);
      else list.push(node);
    }
  return found;
}

const isLoopMerge = (op: string): boolean => op === 'Merge' || op === 'RefMerge';
const isNextIteration = (op: string): boolean => op === 'NextIteration' || op === 'RefNextIteration';

function topologicalOrder(nodes: ReadonlyMap<string, Node>): Node[] {
  const state = new Map<string, 'open' | 'done'>();
  const order: Node[] = [];
  const before = (node: Node): Node[] =>
    [...node.inputs.map((v) => v.node), ...node.controls].flatMap((name) => {
      const from = nodes.get(name);
      if (from === undefined)
        throw new UserError(`reads '${name}', which is not in the graph`, { node: node.name, op: node.op });
      return isLoopMerge(node.op) && isNextIteration(from.op) ? [] : [from];
    });
  // An explicit stack: graphs are thousands of nodes deep.
  for (const root of nodes.values()) {
    if (state.has(root.name)) continue;
    const stack = [{ node: root, rest: before(root), next: 0 }];
    state.set(root.name, 'open');
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const from = top.rest[top.next++];
      if (from === undefined) {
        state.set(top.node.name, 'done');
        order.push(top.node);
        stack.pop();
      } else if (!state.has(from.name)) {
        state.set(from.name, 'open');
        stack.push({ node: from, rest: before(from), next: 0 });
      } else if (state.get(from.name) === 'open')
        throw new UserError('the graph has a cycle through this node', { node: from.name, op: from.op });
    }
  }
  return order;
}
