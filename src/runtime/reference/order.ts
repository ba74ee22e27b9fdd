import { UserError } from '../../base/errors.ts';
import type { Node, Value } from '../../graph/graph.ts';
import { commonFrame, type Frame, frameBelow, isEnter, isNextIteration, outFrame } from './frames.ts';

/** An entry of a frame's order: a node, or a frame inside of it as a whole. */
export type Item = Node | Frame;
export const isNode = (item: Item): item is Node => 'op' in item;

/** Each frame's nodes and inner frames, ordered so that a loop starts when all that it reads is there. */
export function arrange(
  nodes: readonly Node[],
  of: ReadonlyMap<string, Frame>,
  root: Frame,
): ReadonlyMap<Frame, readonly Item[]> {
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const members = new Map<Frame, Set<Item>>([[root, new Set()]]);
  const before = new Map<Item, Set<Item>>();
  const join = (frame: Frame, item: Item): void => {
    members.set(frame, (members.get(frame) ?? new Set<Item>()).add(item));
    if (frame.parent !== undefined) join(frame.parent, frame);
  };
  for (const node of nodes) {
    const frame = of.get(node.name)!;
    join(frame, node);
    for (const name of [...node.inputs.map((v) => v.node), ...node.controls]) {
      const from = byName.get(name);
      if (from === undefined || isNextIteration(from.op)) continue;
      const shared = commonFrame(frame, of.get(name)!);
      const first: Item = frameBelow(shared, of.get(name)!) ?? from;
      const then: Item = frameBelow(shared, frame) ?? node;
      if (first !== then) before.set(then, (before.get(then) ?? new Set<Item>()).add(first));
    }
  }
  return new Map([...members].map(([frame, items]) => [frame, sorted(items, before)]));
}

/** `items`, each after those `before` it, by an explicit stack: graphs are thousands of nodes deep. */
function sorted(items: ReadonlySet<Item>, before: ReadonlyMap<Item, ReadonlySet<Item>>): Item[] {
  const done = new Set<Item>();
  const open = new Set<Item>();
  const enter = (item: Item) => {
    open.add(item);
    return { item, rest: [...(before.get(item) ?? [])], next: 0 };
  };
  for (const root of items) {
    if (done.has(root)) continue;
    const stack = [enter(root)];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const from = top.rest[top.next++];
      if (from === undefined) {
        done.add(top.item);
        open.delete(top.item);
        stack.pop();
      } else if (open.has(from))
        throw new UserError('a loop reads what depends on its own result', { node: from.name });
      else if (!done.has(from)) stack.push(enter(from));
    }
  }
  return [...done];
}

/** What `lastUses` has to know of a plan's nodes. `slotsOf` are the outputs of a node. */
export type Uses = {
  readonly nodes: readonly Node[];
  readonly frames: ReadonlyMap<string, Frame>;
  readonly slotOf: (value: Value) => number;
  readonly slotsOf: (node: Node) => readonly number[];
  readonly keep: ReadonlySet<number>;
};

/**
 * For each item the slots after which nobody reads them any more; a slot belongs to the frame of its value, and there a
 * whole inner loop is one reader. Enters' values and those of the next iteration live as long as their loop.
 */
export function lastUses(
  order: ReadonlyMap<Frame, readonly Item[]>,
  { nodes, frames, slotOf, slotsOf, keep }: Uses,
): ReadonlyMap<Item, readonly number[]> {
  const position = new Map<Item, number>();
  for (const items of order.values()) for (const [i, item] of items.entries()) position.set(item, i);
  const byName = new Map(nodes.map((node) => [node.name, node]));
  const last = new Map<number, Item>();
  const use = (slot: number, item: Item) => {
    const known = last.get(slot);
    if (known === undefined || position.get(known)! < position.get(item)!) last.set(slot, item);
  };
  const outer = (node: Node): Frame => outFrame(frames.get(node.name), node.op)!;
  const isHeld = (node: Node) => isEnter(node.op) || isNextIteration(node.op);
  for (const node of nodes) {
    if (!isHeld(node))
      for (const slot of slotsOf(node)) use(slot, frameBelow(outer(node), frames.get(node.name)!) ?? node);
    for (const value of node.inputs) {
      const from = byName.get(value.node);
      if (from === undefined || isHeld(from)) continue;
      use(slotOf(value), frameBelow(outer(from), frames.get(node.name)!) ?? node);
    }
  }
  const frees = new Map<Item, number[]>();
  for (const [slot, item] of last) if (!keep.has(slot)) frees.set(item, [...(frees.get(item) ?? []), slot]);
  return frees;
}
