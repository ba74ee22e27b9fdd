import { UserError } from '../../base/errors.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';

/**
 * A TensorFlow 1 `while` frame: the nodes between its Enters and its Exits, in which values have one instance an
 * iteration. The root frame is the graph itself. Frames of one name under one parent are one frame, as in TensorFlow.
 */
export type Frame = {
  readonly name: string;
  readonly parent: Frame | undefined;
  readonly depth: number;
};

export const isEnter = (op: string): boolean => op === 'Enter' || op === 'RefEnter';
export const isExit = (op: string): boolean => op === 'Exit' || op === 'RefExit';
export const isMerge = (op: string): boolean => op === 'Merge' || op === 'RefMerge';
export const isNextIteration = (op: string): boolean => op === 'NextIteration' || op === 'RefNextIteration';

/**
 * The frame in which each node runs, for `nodes` in topological order (back edges aside). Enters and Exits run in the
 * frame that they open and close. Values of an outer frame may be read in an inner one without an Enter, as constants
 * that lost their control input are; TensorFlow wants an Enter there. Throws `UserError` where unrelated frames mix.
 */
export function framesOf(nodes: readonly Node[]): { root: Frame; of: ReadonlyMap<string, Frame> } {
  const root: Frame = { name: '', parent: undefined, depth: 0 };
  const children = new Map<Frame, Map<string, Frame>>();
  const of = new Map<string, Frame>();
  const ops = new Map(nodes.map((node) => [node.name, node.op]));
  for (const node of nodes) {
    let frame = root;
    for (const name of [...node.inputs.map((v) => v.node), ...node.controls]) {
      const from = outFrame(of.get(name), ops.get(name));
      if (from === undefined) continue;
      if (from.depth > frame.depth ? !isWithin(from, frame) : !isWithin(frame, from))
        throw new UserError(
          `reads values of two loops, '${frame.name}' and '${from.name}'`,
          { node: node.name, op: node.op },
          'a value leaves a loop through an Exit',
        );
      if (from.depth > frame.depth) frame = from;
    }
    of.set(node.name, isEnter(node.op) ? childFrame(children, frame, node) : frame);
  }
  return { root, of };
}

/** The frame to which a node's outputs belong. */
export const outFrame = (frame: Frame | undefined, op: string | undefined): Frame | undefined =>
  frame !== undefined && op !== undefined && isExit(op) ? frame.parent : frame;

/** `inner`, or the frame around it, that lies directly in `outer`; undefined where `inner` is `outer` itself. */
export function frameBelow(outer: Frame, inner: Frame): Frame | undefined {
  let frame: Frame | undefined = inner;
  if (frame === outer) return undefined;
  while (frame !== undefined && frame.parent !== outer) frame = frame.parent;
  return frame;
}

export function commonFrame(a: Frame, b: Frame): Frame {
  let x = a;
  let y = b;
  while (x !== y) {
    if (x.depth >= y.depth) x = x.parent!;
    else y = y.parent!;
  }
  return x;
}

const isWithin = (inner: Frame, outer: Frame): boolean => commonFrame(inner, outer) === outer;

function childFrame(children: Map<Frame, Map<string, Frame>>, parent: Frame, enter: Node): Frame {
  const name = readAttr(enter, 'frame_name', 'string');
  const siblings = children.get(parent) ?? new Map<string, Frame>();
  children.set(parent, siblings);
  const frame = siblings.get(name) ?? { name, parent, depth: parent.depth + 1 };
  siblings.set(name, frame);
  return frame;
}
