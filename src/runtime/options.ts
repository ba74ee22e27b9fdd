import { UserError } from '../base/errors.ts';
import { flag } from '../base/flags.ts';

/** An option that is wrong wherever the model runs: no other backend is tried, since that would hide the mistake. */
export class WrongOption extends UserError {}

/** More than any machine gains by; each thread may have an arena of its own. */
const maxThreads = 256;

/** As many threads as are asked for; else OCTET_THREADS, else `available`. Throws `WrongOption`. */
export function threadsOf(asked: number | undefined, available: () => number): number {
  const text = flag('OCTET_THREADS');
  const threads = asked ?? (text === undefined ? available() : Number(text));
  if (!Number.isInteger(threads) || threads < 1)
    throw new WrongOption(
      asked === undefined ? `OCTET_THREADS is '${text}'` : `threads is ${asked}`,
      {},
      'give a whole number from 1 on',
    );
  return Math.min(threads, maxThreads);
}
