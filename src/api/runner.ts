import type { OpenRunner } from '../graph/runner.ts';
import type { BackendName, BackendOptions } from '../runtime/backends.ts';
import { openBackend } from '../runtime/backends.ts';

/** Opens models on a backend, for calibration and comparison. */
export const runnerOn =
  (backend: BackendName | 'auto' = 'auto', options: BackendOptions = {}): OpenRunner =>
  async (model, fetches) =>
    (await openBackend(backend, model, fetches, options)).runner;
