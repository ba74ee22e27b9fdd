import { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { hasHost } from '../../support/native-host.ts';

const script = new URL('worker.ts', import.meta.url).href;
// Node 20 does not hand tsx's hooks on to workers.
const boot = `import('tsx/esm/api').then(({ register }) => { register(); return import('${script}'); })`;

/** A worker, and the last thing that it says before it ends. */
function start(runs: number) {
  const worker = new Worker(boot, { eval: true, workerData: { runs } });
  let last: unknown;
  const started = new Promise<void>((resolve) => worker.once('message', () => resolve()));
  const ended = new Promise<unknown>((resolve, reject) => {
    worker.on('message', (message) => {
      last = message;
    });
    worker.on('error', reject);
    worker.on('exit', () => resolve(last));
  });
  return { worker, started, ended };
}

it.skipIf(!hasHost)(
  'sessions on several worker threads at once agree, and others end in the middle of a run',
  async () => {
    const [one, two, doomed] = [start(5), start(5), start(1e9)];
    await doomed.started;
    await new Promise((resolve) => setTimeout(resolve, 30));
    await doomed.worker.terminate();
    const results = await Promise.all([one.ended, two.ended]);
    expect(results[0]).toHaveLength(Math.ceil((4 * 32 * 32 * 64) / 3) * 4);
    expect(results[1]).toBe(results[0]);
  },
);
