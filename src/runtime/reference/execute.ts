import { InternalError, invariant, placed, UserError } from '../../base/errors.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { FunctionRef } from '../../graph/attr.ts';
import { formatValue, type Node } from '../../graph/graph.ts';
import type { Resources } from '../../kernels/reference-kernel.ts';
import { dead, type Run, type Signal } from './actions.ts';
import type { LoopStep, NodeStep, Plan, Slot, Step } from './plan.ts';

/** How a run is to go. */
export type Mode = {
  /** Whether the caller is blocked until the run is done, so that no promise can be waited for. */
  readonly isSync: boolean;
  readonly signal?: AbortSignal | undefined;
};

/** What ops that run functions may do. */
export type Calls = Mode & {
  readonly call: (fn: FunctionRef, inputs: readonly Tensor[]) => Run<readonly Tensor[]>;
};

/** What one run shares between the graph and the functions it calls. */
export type Environment = Mode & {
  readonly resources: Resources;
  /** The plan of a function of the library, its arguments being the feeds. */
  readonly functionPlan: (fn: FunctionRef) => Plan;
  /** Whether it is time to pause. */
  readonly isDue: () => boolean;
};

/** Functions may call themselves, in a hostile file without end. */
const maxDepth = 200;

/** The contents of a plan's slots while it runs. */
type State = {
  readonly slots: (Signal | undefined)[];
  /** By node: 1 where it has run and was alive. */
  readonly alive: Uint8Array;
  iteration: number;
  readonly env: Environment;
  readonly depth: number;
};

/**
 * Runs a plan: `feeds` in its order, undefined for those left to their default. Returns the fetched tensors. Throws what
 * kernels throw, with the node's name and op, and `UserError` when a fetched value is dead.
 */
export function* execute(
  plan: Plan,
  feeds: readonly (Tensor | undefined)[],
  env: Environment,
  depth = 0,
): Run<readonly Tensor[]> {
  if (depth > maxDepth) throw new UserError(`functions call each other more than ${maxDepth} deep`);
  const state: State = {
    slots: new Array<Signal | undefined>(plan.slots),
    alive: new Uint8Array(plan.nodes),
    iteration: 0,
    env,
    depth,
  };
  for (const { slot, tensor } of plan.constants) state.slots[slot] = tensor;
  for (const [i, { slot }] of plan.feeds.entries()) state.slots[slot] = feeds[i];
  yield* runSteps(plan.steps, state);
  return plan.fetches.map((slot) => {
    const signal = state.slots[slot];
    if (signal === dead) throw new UserError('a fetched value lies in a branch that was not taken');
    invariant(signal !== undefined, 'a fetched value was not computed');
    return signal;
  });
}

function* runSteps(steps: readonly Step[], state: State): Run<void> {
  for (const step of steps) {
    if (step.kind === 'loop') yield* runLoop(step, state);
    else yield* runNode(step, state);
    for (const slot of step.frees) state.slots[slot] = undefined;
    if (state.env.isDue()) yield undefined;
  }
}

function* runLoop(loop: LoopStep, state: State): Run<void> {
  const { slots } = state;
  const outer = state.iteration;
  state.iteration = 0;
  for (const enter of loop.enters) yield* runNode(enter, state);
  for (const slot of loop.exits) slots[slot] = dead;
  for (const { to } of loop.next) slots[to] = dead;
  let isAlive = true;
  while (isAlive) {
    for (const { from } of loop.next) slots[from] = dead;
    yield* runSteps(loop.body, state);
    isAlive = loop.next.some(({ from }) => slots[from] !== dead);
    for (const { from, to } of loop.next) slots[to] = slots[from];
    state.iteration++;
  }
  state.iteration = outer;
}

function* runNode(step: NodeStep, state: State): Run<void> {
  const { slots, alive } = state;
  if (step.replaceable && slots[step.outputs[0]!] !== undefined) {
    alive[step.id] = 1;
    return;
  }
  const inputs = step.inputs.map((slot) => operand(slot, step, state));
  const isMerge = step.action.kind === 'merge';
  const isAlive = isMerge
    ? inputs.some((input) => input !== dead)
    : inputs.every((input) => input !== dead) && step.controls.every((id) => alive[id] === 1);
  alive[step.id] = isAlive ? 1 : 0;
  if (!isAlive) {
    for (const slot of step.outputs) if (!isExitSlot(step)) slots[slot] = dead;
    return;
  }
  const results = yield* compute(step, inputs, state);
  if (isMerge && results[0] === dead) alive[step.id] = 0;
  for (const [port, slot] of step.outputs.entries()) {
    const result = results[port];
    if (result === undefined)
      throw new UserError(`output ${port} is read, but the op gives ${results.length}`, placeOf(step.node));
    slots[slot] = result;
  }
}

/** An Exit gives the value of the iteration in which it was alive; dead ones before and after do not undo it. */
const isExitSlot = ({ node }: NodeStep): boolean => node.op === 'Exit' || node.op === 'RefExit';

function operand(slot: Slot, step: NodeStep, { slots }: State): Signal {
  const signal = slots[slot];
  if (signal === undefined) {
    const input = step.node.inputs[step.inputs.indexOf(slot)]!;
    throw new InternalError(`reads ${formatValue(input)} before it was computed`, placeOf(step.node));
  }
  return signal;
}

function* compute({ action, node }: NodeStep, inputs: readonly Signal[], state: State): Run<readonly Signal[]> {
  const { env, depth } = state;
  try {
    if (action.kind === 'kernel') return action.kernel(inputs as readonly Tensor[], node, env.resources);
    if (action.kind !== 'call') return action.rule(inputs, node, state.iteration);
    const call = (fn: FunctionRef, args: readonly Tensor[]) => {
      const plan = env.functionPlan(fn);
      if (args.length !== plan.feeds.length)
        throw new UserError(`calls '${fn.name}' with ${args.length} arguments; it has ${plan.feeds.length}`);
      return execute(plan, args, env, depth + 1);
    };
    return yield* action.rule(inputs as readonly Tensor[], node, { call, isSync: env.isSync, signal: env.signal });
  } catch (error) {
    throw placed(error, placeOf(node));
  }
}

const placeOf = (node: Node) => ({ node: node.name, op: node.op });
