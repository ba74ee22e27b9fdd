import type { Tensor } from '../base/tensor.ts';
import { constTensor } from './constant.ts';
import type { Node, Value } from './graph.ts';
import type { OpName } from './ops/index.ts';

/** A constant that a pattern has found: its node, the value others read, and its tensor. */
export type Constant = { readonly node: Node; readonly value: Value; readonly tensor: Tensor };
export type Bound = Readonly<Record<string, Value | Node | Constant>>;

type Merge<U> = (U extends unknown ? (x: U) => void : never) extends (x: infer I) => void ? I : never;
type BindsOf<P extends readonly Pattern<Bound>[]> = P extends readonly []
  ? Record<never, never>
  : Merge<{ [I in keyof P]: P[I] extends Pattern<infer B> ? B : never }[number]>;

type Kind = 'any' | 'constant' | 'op';

/**
 * A pattern over the values of a graph; its type says what a match binds, so a rule that uses an unbound name does not
 * compile. Interior nodes must have a single use, since the rewrite removes them, unless they are `.shared()`.
 */
export class Pattern<out B extends Bound> {
  declare readonly _binds: B;
  readonly kind: Kind;
  readonly ops: readonly OpName[];
  readonly sources: readonly Pattern<Bound>[];
  readonly name: string | undefined;
  readonly isShared: boolean;
  readonly commutes: boolean;

  constructor(fields: Pick<Pattern<Bound>, 'kind'> & Partial<Omit<Pattern<Bound>, '_binds' | 'as' | 'shared'>>) {
    this.kind = fields.kind;
    this.ops = fields.ops ?? [];
    this.sources = fields.sources ?? [];
    this.name = fields.name;
    this.isShared = fields.isShared ?? false;
    this.commutes = fields.commutes ?? false;
  }

  /** Binds the matched node under `name`. */
  as<N extends string>(name: N): Pattern<B & { readonly [K in N]: Node }> {
    return new Pattern({ ...this, name }) as never;
  }

  /** The node may have other uses: it stays, and the rewrite only reads it. */
  shared(): Pattern<B> {
    return new Pattern({ ...this, isShared: true }) as never;
  }
}

/** Any value. */
export const any = <N extends string>(name: N): Pattern<{ readonly [K in N]: Value }> =>
  new Pattern({ kind: 'any', name }) as never;

/** A Const, however often it is used. */
export const constant = <N extends string>(name: N): Pattern<{ readonly [K in N]: Constant }> =>
  new Pattern({ kind: 'constant', name }) as never;

/** Output 0 of a node of one of `ops` whose inputs match `sources` in order; no sources: whatever its inputs are. */
export const op = <const P extends readonly Pattern<Bound>[]>(
  ops: OpName | readonly OpName[],
  ...sources: P
): Pattern<BindsOf<P>> => new Pattern({ kind: 'op', ops: [ops].flat() as OpName[], sources }) as never;

/** As `op` of two inputs, which match in either order. */
export const commutative = <const P extends readonly [Pattern<Bound>, Pattern<Bound>]>(
  ops: OpName | readonly OpName[],
  ...sources: P
): Pattern<BindsOf<P>> => new Pattern({ kind: 'op', ops: [ops].flat() as OpName[], sources, commutes: true }) as never;

/** What matching needs to know of the graph under rewriting. */
export type Matchable = {
  readonly node: (name: string) => Node | undefined;
  /** Whether `node` may vanish when the one node that reads it is rewritten. */
  readonly isPrivate: (node: Node) => boolean;
};

/** What `pattern` binds with `root` as its outermost node, or undefined. */
export function matchNode<B extends Bound>(pattern: Pattern<B>, root: Node, graph: Matchable): B | undefined {
  const bound = new Map<string, Value | Node | Constant>();
  return matchOp(pattern, root, graph, bound) ? (Object.fromEntries(bound) as B) : undefined;
}

type Binding = Map<string, Value | Node | Constant>;

function matchValue(pattern: Pattern<Bound>, at: Value, graph: Matchable, bound: Binding): boolean {
  const node = graph.node(at.node);
  if (node === undefined) return false;
  if (pattern.kind === 'any') return bind(bound, pattern.name, at);
  if (pattern.kind === 'constant') {
    const tensor = constTensor(node);
    return tensor !== undefined && bind(bound, pattern.name, { node, value: at, tensor });
  }
  if (at.port !== 0 || !(pattern.isShared || graph.isPrivate(node))) return false;
  return matchOp(pattern, node, graph, bound);
}

function matchOp(pattern: Pattern<Bound>, node: Node, graph: Matchable, bound: Binding): boolean {
  if (!(pattern.ops as readonly string[]).includes(node.op) || !bind(bound, pattern.name, node)) return false;
  if (pattern.sources.length === 0) return true;
  if (pattern.sources.length !== node.inputs.length) return false;
  const orders = pattern.commutes ? [node.inputs, [...node.inputs].reverse()] : [node.inputs];
  return orders.some((inputs) => {
    const trial = new Map(bound);
    if (!pattern.sources.every((source, i) => matchValue(source, inputs[i]!, graph, trial))) return false;
    for (const [name, item] of trial) bound.set(name, item);
    return true;
  });
}

/** Binds `item`; a name bound twice must mean the same value or node. */
function bind(bound: Binding, name: string | undefined, item: Value | Node | Constant): boolean {
  if (name === undefined) return true;
  const before = bound.get(name);
  if (before === undefined) {
    bound.set(name, item);
    return true;
  }
  return identity(before) === identity(item);
}

const identity = (item: Value | Node | Constant): string =>
  'port' in item
    ? JSON.stringify([item.node, item.port])
    : JSON.stringify('tensor' in item ? item.node.name : item.name);
