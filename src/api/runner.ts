import type { Run } from '../data/evaluate.ts';
import type { OpenRunner } from '../graph/runner.ts';
import { type BackendName, type BackendOptions, openBackend } from '../runtime/backends.ts';
import type { Session } from '../runtime/session.ts';

/** Opens models on a backend, for calibration and comparison. */
export const runnerOn =
  (backend: BackendName | 'auto' = 'auto', options: BackendOptions = {}): OpenRunner =>
  async (model, fetches) =>
    (await openBackend(backend, model, fetches, options)).runner;

/** Runs a session as `evaluate` wants it, with feeds and outputs by key. */
export const runOf =
  (session: Session, signal?: AbortSignal): Run =>
  async (feeds) => {
    signal?.throwIfAborted();
    return new Map(Object.entries(await session.run(Object.fromEntries(feeds), signal ? { signal } : {})));
  };
