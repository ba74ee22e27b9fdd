import { UserError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Endpoint, Model } from '../graph/model.ts';
import { type Rounding, withRounding } from '../kernels/requantize/rounding.ts';
import { type BackendName, type BackendOptions, type Fallback, openBackend } from './backends.ts';
import { type FeedsInput, toFeeds } from './feeds.ts';

export type CompileOptions = BackendOptions & {
  /** 'auto' (the default) takes the best that works here; OCTET_BACKEND says what 'auto' means. */
  readonly backend?: BackendName | 'auto';
  /** 'tensorflow' gives TensorFlow's codes, all of them, for up to a tenth of the speed; 'contract' (the default) nearly all. */
  readonly rounding?: Rounding;
};

/** The outputs of a run by their keys; an object without prototype, since keys come from the model's file. */
export type Outputs = Readonly<Record<string, Tensor>>;

/** A model ready to run. */
export type Session = {
  readonly inputs: readonly Endpoint[];
  readonly outputs: readonly Endpoint[];
  readonly backend: BackendName;
  /** Better backends that were tried, and why they were not taken. */
  readonly fallbacks: readonly Fallback[];
  /**
   * Runs the model once. `feeds` are tensors, typed arrays or plain values by the inputs' keys. Throws `UserError` naming
   * the key where they do not fit, and the signal's reason when it is aborted.
   */
  readonly run: (feeds: FeedsInput, options?: { readonly signal?: AbortSignal }) => Promise<Outputs>;
  /** As `run`, but blocks until it is done. Throws `UserError` where the backend can't. */
  readonly runSync: (feeds: FeedsInput) => Outputs;
  /** Gives back memory and threads, once the runs under way have ended; later runs throw. May be called twice. */
  readonly dispose: () => void;
  readonly [Symbol.dispose]: () => void;
};

/**
 * Prepares a model to be run for all its outputs.
 *
 *     const session = await compile(model);
 *     const { predictions } = await session.run({ input: pixels });
 */
export async function compile(
  model: Model,
  { backend = 'auto', rounding = 'contract', ...options }: CompileOptions = {},
): Promise<Session> {
  const opened = await openBackend(
    backend,
    { ...model, graph: withRounding(model.graph, rounding) },
    model.outputs.map((output) => output.value),
    options,
  );
  const { runner } = opened;
  let isOpen = true;
  let underWay = 0;
  /** A run has need of the runner until it ends: its tables, and programs for shapes it comes to only later. */
  const release = () => {
    if (!isOpen && underWay === 0) runner.dispose();
  };
  const feedsOf = (given: FeedsInput) => {
    if (!isOpen) throw new UserError('the session has been disposed of', {}, 'compile the model again');
    return toFeeds(model.inputs, given);
  };
  const outputsOf = (tensors: readonly Tensor[]): Outputs => {
    const outputs = Object.create(null) as Record<string, Tensor>;
    for (const [i, { key }] of model.outputs.entries()) outputs[key] = tensors[i]!;
    return outputs;
  };
  const run = async (given: FeedsInput, runOptions?: { readonly signal?: AbortSignal }) => {
    const feeds = feedsOf(given);
    underWay++;
    try {
      return outputsOf(await runner.run(feeds, runOptions));
    } finally {
      underWay--;
      release();
    }
  };
  const dispose = () => {
    if (!isOpen) return;
    isOpen = false;
    release();
  };
  return {
    inputs: model.inputs,
    outputs: model.outputs,
    backend: opened.backend,
    fallbacks: opened.fallbacks,
    run,
    runSync: (feeds) => {
      if (runner.runSync === undefined) throw new UserError(`the backend '${opened.backend}' can't run synchronously`);
      return outputsOf(runner.runSync(feedsOf(feeds)));
    },
    dispose,
    [Symbol.dispose]: dispose,
  };
}
