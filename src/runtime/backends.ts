import { messageOf, UserError } from '../base/errors.ts';
import { flag, flags } from '../base/flags.ts';
import type { Tensor } from '../base/tensor.ts';
import type { Value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import { withIslands } from './islands.ts';
import { internalActions, openNativeRunner } from './native/open.ts';
import { WrongOption } from './options.ts';
import { openReference } from './reference/open.ts';

/** What a backend makes of a model: runs it for the fetches it was opened with. */
export type BackendRunner = {
  /** Throws the signal's reason when it is aborted. */
  readonly run: (feeds: Feeds, options?: { readonly signal?: AbortSignal }) => Promise<readonly Tensor[]>;
  /** As `run`, but blocks; absent where a backend has to wait for others. */
  readonly runSync?: (feeds: Feeds) => readonly Tensor[];
  readonly dispose: () => void;
};

export type BackendOptions = {
  /** At most this many threads; the backend's own choice where it is not given. */
  readonly threads?: number;
  /** The instruction set of generated code; OCTET_ISA, or the best this machine has, where it is not given. */
  readonly isa?: string;
  readonly signal?: AbortSignal;
  /**
   * Whether `Dequantize → op → QuantizeV2` is computed in int8 where octet has a definition of that (the default). Without,
   * a graph is run as it is written: as TensorFlow would.
   */
  readonly islands?: boolean;
};

/** Prepares a model. Throws `UserError` with the reason where this machine, or this model, is not for the backend. */
export type OpenBackend = (model: Model, fetches: readonly Value[], options: BackendOptions) => Promise<BackendRunner>;

export const backendNames = ['native', 'reference'] as const;
export type BackendName = (typeof backendNames)[number];

/** The backends octet has, best first. 'auto' takes the first that opens; the last runs anywhere. */
export const backends: readonly { readonly name: BackendName; readonly open: OpenBackend }[] = [
  { name: 'native', open: openNativeRunner },
  { name: 'reference', open: (model, fetches, { signal }) => openReference(model, fetches, internalActions, signal) },
];

/** A backend that was tried, and why it was not taken. */
export type Fallback = { readonly backend: BackendName; readonly reason: string };
export type Opened = {
  readonly backend: BackendName;
  readonly runner: BackendRunner;
  readonly fallbacks: readonly Fallback[];
};

/**
 * Opens `model` on the backend that is asked for; on the best that works where that is 'auto' and OCTET_BACKEND is unset.
 * Throws `UserError` on a name there is none of and on other options that are wrong, and what the (last) backend throws
 * where none works.
 */
export async function openBackend(
  wanted: BackendName | 'auto',
  model: Model,
  fetches: readonly Value[],
  options: BackendOptions = {},
): Promise<Opened> {
  const name = wanted === 'auto' ? fromFlag() : checked(wanted, 'backend');
  const candidates = name === 'auto' ? backends : backends.filter((row) => row.name === name);
  const fallbacks: Fallback[] = [];
  const prepared = options.islands === false ? model : withIslands(model, fetches);
  let failure: unknown = new UserError(`this build of octet has no backend '${name}'`, {}, "choose 'auto'");
  for (const { name: backend, open } of candidates) {
    options.signal?.throwIfAborted();
    try {
      return { backend, runner: await open(prepared, fetches, options), fallbacks };
    } catch (error) {
      // Only what the backend says on purpose sends us on: a bug in it must be seen, and so must a mistake in the options.
      if (!(error instanceof UserError) || error instanceof WrongOption) throw error;
      fallbacks.push({ backend, reason: messageOf(error) });
      failure = error;
    }
  }
  throw failure;
}

const fromFlag = (): BackendName | 'auto' => checked(flag('OCTET_BACKEND') ?? 'auto', 'OCTET_BACKEND');

function checked(name: string, where: string): BackendName | 'auto' {
  const known = [...backendNames, 'auto' as const].find((known) => known === name);
  if (known === undefined) throw new UserError(`${where} is '${name}'`, {}, `set it to ${flags.OCTET_BACKEND}`);
  return known;
}
