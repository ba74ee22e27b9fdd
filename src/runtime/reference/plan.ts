import { UserError } from '../../base/errors.ts';
import type { Tensor } from '../../base/tensor.ts';
import { constTensor } from '../../graph/constant.ts';
import { formatValue, type Graph, type Node, type Value } from '../../graph/graph.ts';
import type { Action, ActionOf } from './actions.ts';
import { type Frame, framesOf, isEnter, isExit, isNextIteration } from './frames.ts';
import { arrange, isNode, lastUses } from './order.ts';

/** The number of a place that holds one value while a plan runs. */
export type Slot = number;

/** A node to run, with its operands bound. `id` numbers the plan's nodes; control inputs are such numbers. */
export type NodeStep = {
  readonly kind: 'node';
  readonly node: Node;
  readonly id: number;
  readonly action: Action;
  readonly inputs: readonly Slot[];
  readonly controls: readonly number[];
  readonly outputs: readonly Slot[];
  /** Whether a feed may stand for the node's output; then the node does not run. */
  readonly replaceable: boolean;
  /** Slots that nobody reads after this step. */
  readonly frees: readonly Slot[];
};

/** A TensorFlow 1 loop: its Enters once, then the body an iteration until no NextIteration is alive. */
export type LoopStep = {
  readonly kind: 'loop';
  readonly name: string;
  readonly enters: readonly NodeStep[];
  readonly body: readonly Step[];
  readonly exits: readonly Slot[];
  /** Where NextIterations put their values, and where the Merges of the following iteration find them. */
  readonly next: readonly { readonly from: Slot; readonly to: Slot }[];
  readonly frees: readonly Slot[];
};
export type Step = NodeStep | LoopStep;

/** A graph made ready to run for certain fetches: a list of steps over numbered slots. Immutable. */
export type Plan = {
  readonly steps: readonly Step[];
  readonly slots: number;
  readonly nodes: number;
  readonly constants: readonly { readonly slot: Slot; readonly tensor: Tensor }[];
  /** Where each feed goes, in the order of the request; those that have a default may be left out. */
  readonly feeds: readonly { readonly value: Value; readonly slot: Slot; readonly needed: boolean }[];
  readonly fetches: readonly Slot[];
};

export type PlanRequest = {
  readonly graph: Graph;
  /** Values that are given, not computed. */
  readonly feeds: readonly Value[];
  readonly fetches: readonly Value[];
  /** Nodes to run for what they do, not for a value. */
  readonly targets?: readonly string[];
  readonly actionOf: ActionOf;
};

/**
 * Plans the nodes that the fetches need, and only those: a topological order in which every loop is one step with a
 * body of its own, constants set aside, and after each step the slots that nobody reads any more. Throws `UserError` on a
 * fetch inside of a loop, a cycle, or a fed node of which other outputs are read.
 */
export function makePlan({ graph, feeds, fetches, targets = [], actionOf }: PlanRequest): Plan {
  const cuts = cutsOf(graph, feeds);
  const nodes = neededNodes(graph, [...fetches.map((v) => v.node), ...targets], cuts);
  const constants = nodes.filter((node) => isFixed(node) && !cuts.isCut(node.name));
  const fixed = new Set(constants.map((node) => node.name));
  const running = nodes.filter((node) => !cuts.isCut(node.name) && !fixed.has(node.name));
  const { root, of: frames } = framesOf(running);
  const order = arrange(running, frames, root);

  const slots = slotTable();
  const ids = new Map(running.map((node, id) => [node.name, id]));
  const ports = portsOf(running, fetches);
  // A Merge reads what a NextIteration gave one iteration earlier: that is another slot.
  const held = (name: string) => slots({ node: name, port: -1 });
  const slotOf = (from: Value) => {
    const id = ids.get(from.node);
    return id !== undefined && isNextIteration(running[id]!.op) ? held(from.node) : slots(from);
  };
  const slotsOf = (node: Node) =>
    Array.from({ length: ports.get(node.name) ?? 0 }, (_, port) => slots({ node: node.name, port }));

  for (const v of fetches) checkFetch(v, graph, frames, root);
  const keep = new Set(fetches.map(slotOf));
  const frees = lastUses(order, { nodes: running, frames, slotOf, slotsOf, keep });

  const nodeStep = (node: Node): NodeStep => ({
    kind: 'node',
    node,
    id: ids.get(node.name)!,
    action: actionOf(node, graph),
    inputs: node.inputs.map((v) => {
      cuts.check(v, node);
      return slotOf(v);
    }),
    controls: node.controls.flatMap((name) => ids.get(name) ?? []),
    outputs: slotsOf(node),
    replaceable: cuts.isReplaceable(node.name),
    frees: frees.get(node) ?? [],
  });
  const build = (frame: Frame): Step[] =>
    (order.get(frame) ?? [])
      .filter((item) => !isNode(item) || !isEnter(item.op))
      .map((item) => (isNode(item) ? nodeStep(item) : loopStep(item)));
  const loopStep = (frame: Frame): LoopStep => {
    const inside = (order.get(frame) ?? []).filter(isNode);
    const named = (test: (op: string) => boolean) => inside.filter((node) => test(node.op));
    const first = ({ name }: Node) => slots({ node: name, port: 0 });
    return {
      kind: 'loop',
      name: frame.name,
      enters: named(isEnter).map(nodeStep),
      body: build(frame),
      exits: named(isExit).map(first),
      next: named(isNextIteration).map((node) => ({ from: first(node), to: held(node.name) })),
      frees: [...(frees.get(frame) ?? []), ...named(isEnter).map(first)],
    };
  };
  const steps = build(root);
  return {
    steps,
    nodes: running.length,
    constants: constants.map((node) => ({ slot: slots({ node: node.name, port: 0 }), tensor: constTensor(node)! })),
    feeds: feeds.map((value) => ({
      value,
      slot: slots(value),
      needed: !cuts.isReplaceable(value.node) && nodes.some((n) => n.name === value.node),
    })),
    fetches: fetches.map(slotOf),
    slots: slots.count(),
  };
}

/** Numbers values by node and port. */
function slotTable(): { (value: Value): Slot; count: () => number } {
  const byNode = new Map<string, Map<number, Slot>>();
  let count = 0;
  const slotOf = ({ node, port }: Value): Slot => {
    const ports = byNode.get(node) ?? new Map<number, Slot>();
    byNode.set(node, ports);
    const known = ports.get(port);
    if (known !== undefined) return known;
    ports.set(port, count);
    return count++;
  };
  return Object.assign(slotOf, { count: () => count });
}

/** Where feeds cut the graph. */
type Cuts = {
  /** Whether the node is not run, because it is fed. */
  readonly isCut: (name: string) => boolean;
  /** Whether the node runs only when it is not fed. */
  readonly isReplaceable: (name: string) => boolean;
  /** Throws `UserError` when `value` is of a fed node, but not fed. */
  readonly check: (value: Value, reader: Node) => void;
};

function cutsOf(graph: Graph, feeds: readonly Value[]): Cuts {
  const fed = new Map<string, Value[]>();
  for (const value of feeds) fed.set(value.node, [...(fed.get(value.node) ?? []), value]);
  const isReplaceable = (name: string) => fed.has(name) && graph.node(name).op === 'PlaceholderWithDefault';
  const isCut = (name: string) => fed.has(name) && !isReplaceable(name);
  const check = (value: Value, reader: Node) => {
    if (!isCut(value.node) || fed.get(value.node)!.some((v) => v.port === value.port)) return;
    throw new UserError(
      `reads ${formatValue(value)}, while only ${fed.get(value.node)!.map(formatValue).join(', ')} of that node is fed`,
      { node: reader.name, op: reader.op },
      'make all outputs of the node inputs of the model, or none',
    );
  };
  return { isReplaceable, isCut, check };
}

/** What the wanted nodes depend on, in topological order. Nothing behind a node that is fed is needed. */
function neededNodes(graph: Graph, wanted: readonly string[], { isCut }: Cuts): Node[] {
  const needed = new Set<string>();
  const stack = [...wanted];
  while (stack.length > 0) {
    const name = stack.pop()!;
    if (needed.has(name)) continue;
    needed.add(name);
    const node = graph.node(name);
    if (!isCut(name)) stack.push(...node.inputs.map((v) => v.node), ...node.controls);
  }
  const part = [...graph.nodes.values()].filter((node) => needed.has(node.name));
  const cut = part.map((node) => (isCut(node.name) ? { ...node, inputs: [], controls: [] } : node));
  return graph
    .with(cut)
    .order()
    .map((node) => graph.node(node.name));
}

/** A constant that nothing can kill: one without control inputs. */
const isFixed = (node: Node): boolean => node.controls.length === 0 && constTensor(node) !== undefined;

function checkFetch(fetch: Value, graph: Graph, frames: ReadonlyMap<string, Frame>, root: Frame): void {
  const { op } = graph.node(fetch.node);
  const frame = frames.get(fetch.node);
  if (frame === undefined || frame === root || (isExit(op) && frame.parent === root)) return;
  throw new UserError(
    `lies inside of the loop '${frame.name}', where it has one value an iteration`,
    { node: fetch.node, op },
    'fetch a value outside of the loop',
  );
}

/** The number of each node's outputs up to the last that is read. */
function portsOf(nodes: readonly Node[], fetches: readonly Value[]): ReadonlyMap<string, number> {
  const ports = new Map<string, number>();
  for (const { node, port } of [...nodes.flatMap((reader) => reader.inputs), ...fetches])
    ports.set(node, Math.max(ports.get(node) ?? 0, port + 1));
  return ports;
}
