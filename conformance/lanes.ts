import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { UserError } from '../src/base/errors.ts';
import type { FromLane } from './lane.ts';
import { failed, type Part, type Result } from './suite.ts';

type Lane = {
  readonly version: string;
  /** Runs a part; what ends the lane fails the part. */
  readonly run: (part: Part, report: (result: Result) => void) => Promise<void>;
  readonly hasEnded: () => boolean;
  readonly close: () => void;
};

/**
 * Runs the parts in `count` processes, each with a TensorFlow of its own and taking the next part when it is free: octet
 * and TensorFlow wait for each other within a lane. Returns TensorFlow's version. Throws `UserError` when none starts.
 */
export async function runInLanes(
  parts: readonly Part[],
  count: number,
  report: (result: Result) => void,
): Promise<string> {
  const left = [...parts];
  const work = async (): Promise<string> => {
    let lane = await openLane();
    try {
      for (let part = left.shift(); part !== undefined; part = left.shift()) {
        await lane.run(part, report);
        if (lane.hasEnded()) lane = await openLane();
      }
      return lane.version;
    } finally {
      lane.close();
    }
  };
  const [version] = await Promise.all(Array.from({ length: Math.max(1, Math.min(count, parts.length)) }, work));
  return version!;
}

async function openLane(): Promise<Lane> {
  const child = fork(fileURLToPath(new URL('./lane.ts', import.meta.url)));
  const version = await new Promise<string>((resolve, reject) => {
    const refuse = (message: string) => reject(new UserError(`TensorFlow could not be started: ${message}`));
    child.once('message', (message: FromLane) => {
      if (message.kind === 'ready') resolve(message.version);
      else refuse(message.kind === 'broken' ? message.message : 'an unexpected message');
    });
    child.once('exit', (code) => refuse(`its process ended with ${code}`));
  });
  return {
    version,
    run: (part, report) => runIn(child, part, report),
    hasEnded: () => !child.connected,
    close: () => {
      if (child.connected) child.disconnect();
    },
  };
}

function runIn(child: ChildProcess, part: Part, report: (result: Result) => void): Promise<void> {
  const name = part.group ?? 'all of it';
  return new Promise((resolve) => {
    const end = (why?: string) => {
      child.off('message', hear).off('exit', died);
      if (why !== undefined) report({ suite: part.suite, name, ...failed(why), seconds: 0 });
      resolve();
    };
    const died = (code: number | null, signal: string | null) => end(`the lane's process ended with ${signal ?? code}`);
    const hear = (message: FromLane) => {
      if (message.kind === 'result') report(message.result);
      else end(message.kind === 'broken' ? message.message : undefined);
    };
    child.on('message', hear).on('exit', died);
    child.send(part);
  });
}
