import { type Graph, type Node, sameValue, type Value } from '../graph/graph.ts';
import { prune } from '../graph/rewrite.ts';
import { definitionOf, isKnownOp } from '../graph/signature.ts';
import type { Pass, PassContext } from './pass.ts';

/** Ops that give their first input on, whatever else they do in training or debugging. */
const passOn: ReadonlySet<string> = new Set([
  'Identity',
  'Snapshot',
  'StopGradient',
  'PreventGradient',
  'CheckNumerics',
  'CheckNumericsV2',
  'DebugGradientIdentity',
  'GuaranteeConst',
  'PlaceholderWithDefault',
  'Print',
]);

/** Stateful by their definition, but no value depends on whether they ran. */
const harmless: ReadonlySet<string> = new Set([
  'Assert',
  'CheckNumerics',
  'CheckNumericsV2',
  'Print',
  'PrintV2',
  'RandomUniform',
  'RandomUniformInt',
  'RandomStandardNormal',
  'TruncatedNormal',
  'ScalarSummary',
  'HistogramSummary',
  'MergeSummary',
  'TensorSummary',
  'TensorSummaryV2',
  'AudioSummary',
  'AudioSummaryV2',
]);

/** TF1 control flow: waiting for one of these says in which branch or iteration a node runs. */
const controlFlow: ReadonlySet<string> = new Set(
  ['Switch', 'Merge', 'Enter', 'Exit', 'NextIteration']
    .flatMap((op) => [op, `Ref${op}`])
    .concat('LoopCond', '_SwitchN'),
);

/**
 * x ←control– Assert, Print, NoOp, a constant …  ⇒  x
 *
 * Drops control inputs from nodes that have no effect, nor anything they depend on: those check or print, or keep a frozen
 * variable's read in order. Control inputs from stateful ops and from TF1 control flow stay. Exact; assertions are gone.
 */
export const stripControls: Pass = {
  name: 'strip-controls',
  run: (graph, { trace }) => {
    const free = effectFree(graph);
    const nodes = [...graph.nodes.values()].map((node) => {
      const controls = node.controls.filter((name) => !free.has(name));
      if (controls.length === node.controls.length) return node;
      trace({ rule: 'strip-controls', node: node.name, from: node.op, to: node.op });
      return { ...node, controls };
    });
    return graph.with(nodes);
  },
};

/** Nodes that run in the outermost frame and change nothing but their outputs, as all that they depend on. */
function effectFree(graph: Graph): ReadonlySet<string> {
  const free = new Set<string>();
  for (const node of graph.order()) {
    const isStateful = isKnownOp(node.op) ? definitionOf(node.op).stateful && !harmless.has(node.op) : true;
    const from = [...node.inputs.map((v) => v.node), ...node.controls];
    const isInput = node.op === 'Placeholder' || node.op === 'PlaceholderWithDefault';
    if ((isInput || !isStateful) && !controlFlow.has(node.op) && from.every((name) => free.has(name)))
      free.add(node.name);
  }
  return free;
}

/**
 * x → Identity → y  ⇒  x → y, and so for StopGradient, PreventGradient, CheckNumerics, Snapshot, Print,
 * PlaceholderWithDefault (a training flag at its default) and their like.
 *
 * An output of the model stays, since it must keep its name; so does an input, a node that waits for another, or one that
 * others wait for (in a TF1 loop it says which iteration they belong to). Exact; a NaN is no longer reported where it arises.
 */
export const stripIdentities: Pass = {
  name: 'strip-identities',
  run: (graph, { keep, trace }) => {
    const target = new Map<string, Value>();
    for (const node of graph.order()) {
      if (!passOn.has(node.op) || keep.has(node.name)) continue;
      if (node.controls.length > 0 || graph.controlled(node.name).length > 0) continue;
      const [from] = node.inputs as readonly [Value];
      target.set(node.name, resolve(from, target));
      trace({ rule: 'strip-identities', node: node.name, from: node.op, to: graph.node(from.node).op });
    }
    return target.size === 0
      ? graph
      : prune(
          redirected(graph, (v) => resolve(v, target)),
          keep,
        );
  },
};

const resolve = (v: Value, target: ReadonlyMap<string, Value>): Value => (v.port === 0 ? (target.get(v.node) ?? v) : v);

/** The graph with every data input sent through `send`. */
export function redirected(graph: Graph, send: (v: Value) => Value): Graph {
  const nodes = [...graph.nodes.values()].map((node) => {
    const inputs = node.inputs.map(send);
    return inputs.every((v, i) => sameValue(v, node.inputs[i]!)) ? node : { ...node, inputs };
  });
  return graph.with(nodes);
}

/** Drops what no output, input or initializer depends on. Exact. */
export const stripUnused: Pass = {
  name: 'strip-unused',
  run: (graph, { keep, trace }) => {
    const kept = prune(graph, keep);
    for (const node of graph.nodes.values())
      if (!kept.nodes.has(node.name)) trace({ rule: 'strip-unused', node: node.name, from: node.op, to: 'nothing' });
    return kept;
  },
};

/**
 * Switch(x, constant) → … → Merge  ⇒  x → …, the branch that is taken; the other is gone.
 *
 * Needs: a constant predicate outside of any loop. A Merge goes where all of its inputs but one are dead. Exact.
 */
export const stripDeadBranches: Pass = {
  name: 'strip-dead-branches',
  run: (graph, context) => {
    const branches = takenBranches(graph, context);
    return branches.size === 0
      ? graph
      : prune(
          redirected(graph, (v) => sent(v, branches)),
          context.keep,
        );
  },
};

/** Where the outputs of a node come from now; null for one that is dead. */
type Branches = ReadonlyMap<string, readonly (Value | null)[]>;

const sent = (v: Value, branches: Branches): Value => branches.get(v.node)?.[v.port] ?? v;

function takenBranches(graph: Graph, { keep, trace }: PassContext): Branches {
  const branches = new Map<string, readonly (Value | null)[]>();
  const dead = new Set<string>();
  const isDead = (v: Value): boolean => dead.has(v.node) || branches.get(v.node)?.[v.port] === null;
  const replace = (node: Node, by: readonly (Value | null)[]) => {
    branches.set(node.name, by);
    const to = by.find((v) => v !== null)!;
    trace({ rule: 'strip-dead-branches', node: node.name, from: node.op, to: graph.node(to.node).op });
  };
  for (const node of graph.order()) {
    const isFree = !keep.has(node.name) && graph.controlled(node.name).length === 0;
    if (node.op === 'Merge') {
      const live = node.inputs.filter((v) => !isDead(v));
      const readsIndex = graph.consumers(node.name).some(({ node: by, input }) => by.inputs[input]!.port === 1);
      if (live.length === 0) dead.add(node.name);
      else if (live.length === 1 && node.inputs.length > 1 && isFree && !readsIndex)
        replace(node, [sent(live[0]!, branches)]);
    } else if (node.inputs.some(isDead) || node.controls.some((name) => dead.has(name))) dead.add(node.name);
    else if (node.op === 'Switch' && isFree) {
      const taken = constantTruth(graph, sent(node.inputs[1]!, branches));
      const x = sent(node.inputs[0]!, branches);
      if (taken !== undefined) replace(node, taken ? [null, x] : [x, null]);
    }
  }
  return branches;
}

function constantTruth(graph: Graph, v: Value): boolean | undefined {
  const node: Node = graph.node(v.node);
  const attr = node.op === 'Const' ? node.attrs.get('value') : undefined;
  if (attr === undefined || !('tensor' in attr) || attr.tensor.dtype !== 'bool' || attr.tensor.data.length !== 1)
    return undefined;
  return attr.tensor.data[0] !== 0;
}
