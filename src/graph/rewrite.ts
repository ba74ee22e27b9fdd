import { InternalError, invariant } from '../base/errors.ts';
import { debug } from '../base/flags.ts';
import type { Tensor } from '../base/tensor.ts';
import { type AttrInputs, type Attrs, attrs as makeAttrs } from './attr.ts';
import { freshName } from './builder.ts';
import { constNode } from './constant.ts';
import type { Graph, Node, Value } from './graph.ts';
import { inferTypes, type TypeInfo, type TypeOf } from './infer.ts';
import type { OpName } from './ops/index.ts';
import { type Bound, matchNode, type Pattern } from './pattern.ts';

/** What a rule's `rewrite` may look at and add. */
export type RewriteContext = {
  /** The outermost node of the match. */
  readonly root: Node;
  /** Adds a node named after the root (`root/suffix`) and gives its output 0. */
  readonly add: (op: OpName, suffix: string, inputs: readonly Value[], attrs?: AttrInputs | Attrs) => Value;
  readonly constant: (suffix: string, tensor: Tensor) => Value;
  readonly node: (name: string) => Node;
  readonly find: (name: string) => Node | undefined;
  /** Nodes that read `value`; more than the pattern's own where it is `.shared()`. */
  readonly uses: (value: Value) => readonly Node[];
  /** dtype and shape, as far as they are known. */
  readonly type: (value: Value) => TypeOf;
  /** Elements of an integer value as far as they are known. */
  readonly elements: (value: Value) => readonly (number | null)[] | undefined;
  /** Whether one node alone reads `node`, so that the rewrite may change it or let it vanish. */
  readonly isPrivate: (node: Node) => boolean;
  /** Changes a private node inside the match in place, so that it keeps its name; gives its output 0. */
  readonly become: (node: Node, changes: Partial<Pick<Node, 'op' | 'inputs' | 'attrs'>>) => Value;
};

/**
 * before → after. `rewrite` gives the value that stands for the root's output 0 from now on, or undefined where its
 * condition does not hold. It may return one value an output when others than the first are read.
 */
export type Rule = {
  readonly name: string;
  readonly pattern: Pattern<Bound>;
  readonly rewrite: (bound: never, context: RewriteContext) => Value | readonly Value[] | undefined;
};

export const rule = <B extends Bound>(
  name: string,
  pattern: Pattern<B>,
  rewrite: (bound: B, context: RewriteContext) => Value | readonly Value[] | undefined,
): Rule => ({ name, pattern: pattern as never, rewrite });

/** One application of a rule: the root's op before, and the op that has its name after. */
export type TraceEntry = { readonly rule: string; readonly node: string; readonly from: string; readonly to: string };

export type RewriteOptions = {
  /** Nodes that must keep their names: the model's ends. They are never matched as interior nodes. */
  readonly keep: ReadonlySet<string>;
  readonly trace?: (entry: TraceEntry) => void;
  /** Which nodes are tried first. Outputs first lets the longest of several patterns with a common start win. */
  readonly order?: 'inputs-first' | 'outputs-first';
};

/**
 * Applies `rules`, in their order, at every node until none applies; then drops what nothing kept depends
 * on. The result of a rule takes the root's name, so whoever reads the root reads the result.
 */
export function rewrite(
  graph: Graph,
  rules: readonly Rule[],
  { keep, trace, order = 'inputs-first' }: RewriteOptions,
): Graph {
  const draft = new Draft(graph, keep);
  const names = graph.order().map((node) => node.name);
  const queue = order === 'inputs-first' ? names : names.reverse();
  const limit = 50 * queue.length + 1000;
  for (let steps = 0, at = 0; at < queue.length; at++) {
    const root = draft.nodes.get(queue[at]!);
    if (root === undefined) continue;
    for (const candidate of rules) {
      const touched = applyRule(draft, candidate, root, trace);
      if (touched === undefined) continue;
      if (++steps > limit)
        throw new InternalError(`the rule ${candidate.name} does not come to an end`, { node: root.name });
      queue.push(...touched);
      break;
    }
  }
  return prune(graph.with(draft.nodes.values()), keep);
}

/** The names of nodes that may match now and did not before; undefined where the rule did not apply. */
function applyRule(draft: Draft, { name, pattern, rewrite: apply }: Rule, root: Node, trace: RewriteOptions['trace']) {
  const bound = matchNode(pattern, root, draft);
  if (bound === undefined) return undefined;
  const added: string[] = [];
  const changed: string[] = [];
  const put = (node: Node, list = added): Value => {
    draft.put(node);
    list.push(node.name);
    return { node: node.name, port: 0 };
  };
  const nameFor = (suffix: string): string => freshName(`${root.name}/${suffix}`, (taken) => draft.nodes.has(taken));
  const result = apply(bound as never, {
    root,
    add: (op, suffix, inputs, attrs = {}) =>
      put({
        name: nameFor(suffix),
        op,
        inputs,
        controls: [],
        attrs: attrs instanceof Map ? attrs : makeAttrs(attrs as AttrInputs),
      }),
    constant: (suffix, tensor) => put(constNode(nameFor(suffix), tensor)),
    node: (wanted) => draft.get(wanted),
    find: draft.node,
    uses: (of) => draft.usersOf(of),
    type: (of) => draft.types.of(of),
    elements: (of) => draft.types.elements(of),
    isPrivate: draft.isPrivate,
    become: (node, changes) => {
      invariant(draft.isPrivate(node), `the rule ${name} changes a node that others read`, { node: node.name });
      return put({ ...node, ...changes }, changed);
    },
  });
  if (result === undefined) {
    const isClean = added.length + changed.length === 0;
    invariant(isClean, `the rule ${name} added or changed nodes and then declined`, { node: root.name });
    return undefined;
  }
  const values = [result].flat() as Value[];
  const [first] = values;
  invariant(first !== undefined, `the rule ${name} gave no value`, { node: root.name });
  const to = draft.get(first.node).op;
  const touched = draft.replace(root, values, added);
  trace?.({ rule: name, node: root.name, from: root.op, to });
  debug(3, () => `${name}: ${root.name} (${root.op} → ${to})`);
  return [...touched, ...changed];
}

/** The graph while it is being rewritten. */
class Draft {
  readonly nodes: Map<string, Node>;
  readonly keep: ReadonlySet<string>;
  readonly types: TypeInfo;
  /** For each node those that read it, with how many edges. */
  readonly #users = new Map<string, Map<string, number>>();

  constructor(graph: Graph, keep: ReadonlySet<string>) {
    this.nodes = new Map(graph.nodes);
    this.keep = keep;
    this.types = inferTypes({ node: (name) => this.nodes.get(name), library: graph.library });
    for (const node of this.nodes.values()) this.#count(node, 1);
  }

  readonly node = (name: string): Node | undefined => this.nodes.get(name);

  get(name: string): Node {
    const node = this.nodes.get(name);
    invariant(node !== undefined, 'a rule named a node that is not there', { node: name });
    return node;
  }

  readonly isPrivate = (node: Node): boolean => {
    const users = this.#users.get(node.name);
    if (this.keep.has(node.name) || node.controls.length > 0 || users?.size !== 1) return false;
    const [[user, edges]] = users as unknown as [[string, number]];
    return edges === 1 && !this.get(user).controls.includes(node.name);
  };

  usersOf(of: Value): Node[] {
    const users = [...(this.#users.get(of.node)?.keys() ?? [])].map((name) => this.get(name));
    return users.filter((user) => user.inputs.some((input) => input.node === of.node && input.port === of.port));
  }

  put(node: Node): void {
    const before = this.nodes.get(node.name);
    if (before !== undefined) this.#count(before, -1);
    this.nodes.set(node.name, node);
    this.#count(node, 1);
    this.types.forget(node.name);
  }

  /**
   * Lets `values` stand for the root's outputs. A new node takes the root's name over; for a node that was there before,
   * the root's readers are sent to it, and a root that must keep its name becomes an Identity.
   */
  replace(root: Node, values: readonly Value[], added: readonly string[]): string[] {
    const readers = [...(this.#users.get(root.name)?.keys() ?? [])];
    const [first] = values as [Value];
    const isNew = added.includes(first.node);
    const moved = isNew && values.every((v, port) => v.node === first.node && v.port === port);
    if (moved) {
      const node = this.get(first.node);
      this.put({
        ...node,
        name: root.name,
        controls: [...new Set([...root.controls, ...node.controls])],
        ...(root.device === undefined ? {} : { device: root.device }),
      });
      // Nodes added by the same rule may read the one that has just been renamed.
      for (const name of added)
        if (this.nodes.has(name))
          this.#redirect(name, (v) => (v.node === node.name ? { node: root.name, port: v.port } : v));
      // Only now: what the node reads must have found its new reader before it loses the old one.
      this.#remove(node.name);
      for (const input of root.inputs) this.#removeIfDead(input.node);
      return [...added.filter((name) => name !== node.name), root.name, ...readers, ...this.#around(root)];
    }
    if (this.keep.has(root.name) || root.controls.length > 0) {
      const T = this.types.of(first).dtype;
      invariant(T !== undefined && values.length === 1, 'an output of unknown type was replaced', { node: root.name });
      this.put({
        name: root.name,
        op: 'Identity',
        inputs: [first],
        controls: root.controls,
        attrs: makeAttrs({ T: { type: T } }),
      });
    } else {
      const send = (v: Value): Value => (v.node === root.name ? (values[v.port] ?? v) : v);
      for (const reader of readers) this.#redirect(reader, send, root.name, first.node);
      if ((this.#users.get(root.name)?.size ?? 0) === 0) this.#remove(root.name);
    }
    return [...added, first.node, ...readers, ...this.#around(root)];
  }

  /** Producers of the old root's inputs: they may have become private now. Their readers may match again. */
  #around(root: Node): string[] {
    return root.inputs.flatMap((input) => [...(this.#users.get(input.node)?.keys() ?? [])]);
  }

  #redirect(name: string, send: (v: Value) => Value, oldControl?: string, newControl?: string): void {
    const node = this.get(name);
    const controls = node.controls.map((c) => (c === oldControl && newControl !== undefined ? newControl : c));
    this.put({ ...node, inputs: node.inputs.map(send), controls: [...new Set(controls)] });
  }

  #remove(name: string): void {
    const node = this.nodes.get(name);
    if (node === undefined) return;
    this.#count(node, -1);
    this.nodes.delete(name);
    this.types.forget(name);
    for (const input of node.inputs) this.#removeIfDead(input.node);
  }

  /** Interior nodes lose their last reader with the root; while they stand, what they read looks shared. */
  #removeIfDead(name: string): void {
    const users = this.#users.get(name)?.size ?? 0;
    if (users === 0 && !this.keep.has(name)) this.#remove(name);
  }

  #count(node: Node, sign: 1 | -1): void {
    for (const from of [...node.inputs.map((v) => v.node), ...node.controls]) {
      const users = this.#users.get(from) ?? new Map<string, number>();
      this.#users.set(from, users);
      const edges = (users.get(node.name) ?? 0) + sign;
      if (edges === 0) users.delete(node.name);
      else users.set(node.name, edges);
    }
  }
}

/** The nodes that `keep` depends on, by data or control, in their old order. */
export function prune(graph: Graph, keep: Iterable<string>): Graph {
  const live = new Set<string>();
  const stack = [...keep].filter((name) => graph.nodes.has(name));
  while (stack.length > 0) {
    const name = stack.pop()!;
    if (live.has(name)) continue;
    live.add(name);
    const node = graph.node(name);
    stack.push(...node.inputs.map((v) => v.node), ...node.controls);
  }
  return graph.with([...graph.nodes.values()].filter((node) => live.has(node.name)));
}

export type { TypeOf };
