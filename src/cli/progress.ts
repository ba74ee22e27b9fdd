import { Presets, SingleBar } from 'cli-progress';
import type { Progress } from '../base/progress.ts';

/** Progress on stderr: a bar with an estimate on a terminal, a line at start and end elsewhere. Results go to stdout. */
export function terminalProgress(): Progress {
  let bar: SingleBar | undefined;
  let task = '';
  let done = 0;
  return {
    start: (name, total) => {
      task = name;
      done = 0;
      if (!process.stderr.isTTY) console.error(total === undefined ? `${name} …` : `${name} ${total} …`);
      if (!process.stderr.isTTY || total === undefined) return;
      const format = `${name} {bar} {value}/{total} · {eta_formatted} left`;
      bar = new SingleBar(
        { format, stream: process.stderr, hideCursor: true, clearOnComplete: true },
        Presets.shades_classic,
      );
      bar.start(total, 0);
    },
    advance: (steps = 1) => {
      done += steps;
      bar?.increment(steps);
    },
    note: (message) => console.error(message),
    finish: () => {
      bar?.stop();
      bar = undefined;
      if (process.stderr.isTTY) return;
      console.error(`${task}: ${done} done`);
    },
  };
}
