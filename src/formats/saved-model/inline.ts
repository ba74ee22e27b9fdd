import { UserError } from '../../base/errors.ts';
import { type Attr, attrValue } from '../../graph/attr.ts';
import { freshName } from '../../graph/builder.ts';
import { Graph, type GraphFunction, type Node, type Value, value } from '../../graph/graph.ts';
import { isKnownOp } from '../../graph/signature.ts';
import { controlResults } from '../graph-def/function.ts';
import { functionsOf } from './reach.ts';

/** Functions that call functions can mean far more nodes than a file has: no more than this are made. */
const maxNodes = 2_000_000;
const maxDepth = 64;

/** A graph without calls, and where each value of the original is now. */
export type Inlined = { readonly graph: Graph; readonly resolve: (value: Value) => Value };

type State = {
  readonly library: ReadonlyMap<string, GraphFunction>;
  readonly nodes: Map<string, Node>;
  readonly taken: Set<string>;
  /** For each inlined call, by its name in the new graph, the value that each of its outputs is. */
  readonly calls: Map<string, readonly Value[]>;
};

/**
 * Puts the bodies of called functions (`PartitionedCall`, `StatefulPartitionedCall`, an op that is a function's name) in
 * place of the calls, recursively, as `call/node`. `If`, `While` and the like stay; calls inside of their functions are
 * inlined too. A call that others wait for becomes a NoOp of its name that waits for all of its body's effects.
 * Throws `UserError` on functions that are missing or call themselves.
 */
export function inlineCalls(graph: Graph): Inlined {
  const budget = { nodes: maxNodes };
  const { nodes, resolve } = inlineBody(graph, graph.library, budget);
  const library = new Map<string, GraphFunction>();
  // Only functions that stay: those that nodes still name, and what these name in turn.
  const open = nodes.flatMap(functionsOf);
  for (let name = open.pop(); name !== undefined; name = open.pop()) {
    const fn = graph.library.get(name);
    if (fn === undefined || library.has(name)) continue;
    const body = inlineBody(fn.body, graph.library, budget);
    const results = fn.results.map((r) => ({ ...r, value: body.resolve(r.value) }));
    library.set(name, { ...fn, body: fn.body.with(body.nodes), results });
    for (const node of body.nodes) open.push(...functionsOf(node));
  }
  return { graph: new Graph(nodes, library, graph.extra), resolve };
}

function inlineBody(graph: Graph, library: ReadonlyMap<string, GraphFunction>, budget: { nodes: number }) {
  const state: State = { library, nodes: new Map(), taken: new Set(graph.nodes.keys()), calls: new Map() };
  for (const node of graph.nodes.values()) place(node, state, [], budget);
  const resolve = (v: Value): Value => follow(v, state);
  const nodes = [...state.nodes.values()].map((node) => ({ ...node, inputs: node.inputs.map(resolve) }));
  return { nodes, resolve };
}

/** Through calls that return what other calls returned. A chain that comes back to itself is a cycle of the graph. */
function follow(from: Value, { calls }: State): Value {
  let at = from;
  for (let steps = 0; ; steps++) {
    const results = calls.get(at.node);
    if (results === undefined) return at;
    const next = results[at.port];
    if (next === undefined || steps > maxNodes)
      throw new UserError(`the function called has no output ${at.port}`, { node: at.node });
    at = next;
  }
}

function place(node: Node, state: State, stack: readonly string[], budget: { nodes: number }): void {
  if (--budget.nodes < 0)
    throw new UserError(`its functions make up more than ${maxNodes} nodes`, { node: node.name, op: node.op });
  const fn = calledFunction(node, state.library);
  if (fn === undefined) {
    state.nodes.set(node.name, node);
    return;
  }
  if (stack.includes(fn.name) || stack.length > maxDepth)
    throw new UserError(`function '${fn.name}' calls itself, or calls go too deep`, { node: node.name, op: node.op });
  if (fn.args.length !== node.inputs.length)
    throw new UserError(`passes ${node.inputs.length} arguments to '${fn.name}', which takes ${fn.args.length}`, {
      node: node.name,
      op: node.op,
    });
  inlineCall(node, fn, state, [...stack, fn.name], budget);
}

/** The function that a node calls in place; undefined for every other node. */
function calledFunction(node: Node, library: ReadonlyMap<string, GraphFunction>): GraphFunction | undefined {
  const isCall = node.op === 'PartitionedCall' || node.op === 'StatefulPartitionedCall';
  const f = node.attrs.get('f');
  const name = isCall ? f && attrValue(f, 'func')?.name : node.op;
  const fn = name === undefined ? undefined : library.get(name);
  if (isCall && fn === undefined)
    throw new UserError(`calls the function '${name}', which the file does not have`, { node: node.name, op: node.op });
  return isCall || !isKnownOp(node.op) ? fn : undefined;
}

function inlineCall(call: Node, fn: GraphFunction, state: State, stack: string[], budget: { nodes: number }): void {
  const names = new Map<string, string>();
  for (const name of fn.body.nodes.keys()) {
    const fresh = freshName(`${call.name}/${name}`, (taken) => state.taken.has(taken));
    state.taken.add(fresh);
    names.set(name, fresh);
  }
  const args = new Map(fn.args.map((arg, i) => [arg, call.inputs[i]!]));
  const named = (v: Value): Value => args.get(v.node) ?? value(names.get(v.node) ?? missing(call, fn, v.node), v.port);
  const attrs = argumentsOf(call);
  for (const node of fn.body.nodes.values()) {
    if (args.has(node.name)) continue;
    const controls = node.controls.filter((c) => !args.has(c)).map((c) => names.get(c) ?? missing(call, fn, c));
    // What the call waited for, the first nodes of its body wait for.
    const isFirst = node.op !== 'Const' && controls.length === 0 && node.inputs.every((v) => args.has(v.node));
    const device = node.device ?? call.device;
    const placed: Node = {
      ...node,
      name: names.get(node.name)!,
      inputs: node.inputs.map(named),
      controls: isFirst ? call.controls : controls,
      attrs: attrs === undefined ? node.attrs : new Map([...node.attrs].map(([k, v]) => [k, bound(v, attrs)])),
      ...(device === undefined ? {} : { device }),
    };
    place(placed, state, stack, budget);
  }
  const results = fn.results.map((r) => named(r.value));
  state.calls.set(call.name, results);
  const effects = controlResults(fn).map((name) => named(value(name)).node);
  const waits = [...new Set([...effects, ...results.map((r) => follow(r, state).node), ...call.controls])];
  // In the name of the call, for those who wait for it; nobody may, then pruning takes it.
  state.nodes.set(call.name, { name: call.name, op: 'NoOp', inputs: [], controls: waits, attrs: new Map() });
}

function missing(call: Node, fn: GraphFunction, name: string): never {
  throw new UserError(`function '${fn.name}' reads '${name}', which it does not have`, {
    node: call.name,
    op: call.op,
  });
}

/** What the call says of the function's own attributes (`T`), which its nodes name as placeholders. */
function argumentsOf(call: Node): ReadonlyMap<string, Attr> | undefined {
  const f = call.attrs.get('f');
  const given = f === undefined ? call.attrs : attrValue(f, 'func')?.attrs;
  return given === undefined || given.size === 0 ? undefined : given;
}

const bound = (attr: Attr, given: ReadonlyMap<string, Attr>): Attr =>
  'placeholder' in attr ? (given.get(attr.placeholder) ?? attr) : attr;
