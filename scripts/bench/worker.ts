import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A process that runs one model in one engine when it is told to. */
export type Worker = {
  /** Seconds of each of `count` runs. */
  readonly run: (count: number) => Promise<readonly number[]>;
  readonly stop: () => void;
};

/** Starts a worker and waits until it is warm. Throws with the end of its stderr when it fails. */
export async function startWorker(command: string, args: readonly string[]): Promise<Worker> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors = (errors + text).slice(-2000);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { value, done } = await lines.next();
    if (done) throw new Error(`${command} ${args.join(' ')} ended early: ${errors.trim()}`);
    return value;
  };
  while ((await next()) !== 'ready');
  return {
    run: async (count) => {
      child.stdin.write(`${count}\n`);
      return JSON.parse(await next()) as number[];
    },
    stop: () => {
      child.stdin.end();
      child.kill();
    },
  };
}
