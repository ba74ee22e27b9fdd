import { UserError } from '../../base/errors.ts';
import type { Tensor } from '../../base/tensor.ts';
import { formatValue, type Value } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds, OpenRunner, Runner } from '../../graph/runner.ts';
import type { Resources } from '../../kernels/reference-kernel.ts';
import type { OwnActions, Run } from './actions.ts';
import { execute, type Mode } from './execute.ts';
import type { Plan } from './plan.ts';
import { openProgram } from './program.ts';

/** A runner that can also be stopped, or run without pauses. */
export type ReferenceRunner = Omit<Runner, 'run'> & {
  /** As `run`; `signal` stops it within moments. Throws the signal's reason then. */
  readonly run: (feeds: Feeds, options?: { readonly signal?: AbortSignal }) => Promise<readonly Tensor[]>;
  /** As `run`, but blocks until it is done. */
  readonly runSync: (feeds: Feeds) => readonly Tensor[];
};

/** How long a run computes, in milliseconds, before it lets the event loop turn. */
const slice = 50;

/**
 * Runs a model in plain TypeScript: every op as clear as can be, no op faster than it has to be. Prepares the part of the
 * graph that the fetches need and runs the model's initializers. `own` runs nodes by other means; `signal` stops
 * initializers that do not end. Throws `UnsupportedError` with all ops that have no kernel.
 */
export async function openReference(
  model: Model,
  fetches: readonly Value[],
  own?: OwnActions,
  signal?: AbortSignal,
): Promise<ReferenceRunner> {
  const program = openProgram(model.graph, own);
  const plan = program.plan(
    model.inputs.map((input) => input.value),
    fetches,
  );
  const session = new Map<string, unknown>();
  const start = (which: Plan, feeds: readonly (Tensor | undefined)[], mode: Mode): Run<readonly Tensor[]> => {
    const resources: Resources = { session, run: new Map(), assets: model.assets };
    return execute(which, feeds, { resources, functionPlan: program.functionPlan, isDue: metronome(), ...mode });
  };
  if (model.initializers.length > 0)
    await withPauses(start(program.plan([], [], model.initializers), [], { isSync: false, signal }), signal);
  return {
    run: async (feeds, { signal } = {}) =>
      withPauses(start(plan, orderedFeeds(model, plan, feeds), { isSync: false, signal }), signal),
    runSync: (feeds) => withoutPauses(start(plan, orderedFeeds(model, plan, feeds), { isSync: true })),
    dispose: () => session.clear(),
  };
}

/** The same, where only the interface is known. */
export const reference: OpenRunner = (model, fetches) => openReference(model, fetches);

/** The feeds in the plan's order, which is that of the model's inputs. */
function orderedFeeds(model: Model, plan: Plan, feeds: Feeds): (Tensor | undefined)[] {
  const keys = new Set(model.inputs.map((input) => input.key));
  for (const key of feeds.keys())
    if (!keys.has(key))
      throw new UserError(`the model has no input '${key}'`, {}, `its inputs are: ${[...keys].join(', ')}`);
  return plan.feeds.map(({ value, needed }, i) => {
    const { key, dtype } = model.inputs[i]!;
    const given = feeds.get(key);
    if (given === undefined && needed)
      throw new UserError(`the input '${key}' is not given`, { node: formatValue(value) }, 'feed it');
    if (given !== undefined && given.dtype !== dtype)
      throw new UserError(`the input '${key}' is ${given.dtype}; ${dtype} is wanted`, { node: formatValue(value) });
    return given;
  });
}

/** Says once in a `slice` that it is time to pause. */
export function metronome(): () => boolean {
  let next = performance.now() + slice;
  return () => {
    const now = performance.now();
    if (now < next) return false;
    next = now + slice;
    return true;
  };
}

async function withPauses<T>(run: Run<T>, signal?: AbortSignal): Promise<T> {
  signal?.throwIfAborted();
  for (;;) {
    const { done, value } = run.next();
    if (done) return value;
    await (value ?? new Promise<void>((resolve) => setTimeout(resolve, 0)));
    signal?.throwIfAborted();
  }
}

function withoutPauses<T>(run: Run<T>): T {
  for (;;) {
    const { done, value } = run.next();
    if (done) return value;
  }
}
