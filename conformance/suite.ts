import { messageOf } from '../src/base/errors.ts';
import type { TensorFlow } from './tensorflow.ts';

/** One comparison with TensorFlow. `detail` says what differed, or why there was nothing to compare. */
export type Outcome = { readonly status: 'passed' | 'failed' | 'skipped'; readonly detail?: string };
export type Case = { readonly name: string; readonly run: (tf: TensorFlow) => Promise<Outcome> };
/** `cases` may look at TensorFlow or the disk first: what is not there must come as a case that is skipped, not be left out. */
export type Suite = { readonly about: string; readonly cases: (tf: TensorFlow) => Promise<readonly Case[]> };
export type Result = Outcome & { readonly suite: string; readonly name: string; readonly seconds: number };

export const passed = (detail?: string): Outcome =>
  detail === undefined ? { status: 'passed' } : { status: 'passed', detail };
export const failed = (detail: string): Outcome => ({ status: 'failed', detail });
export const skipped = (detail: string): Outcome => ({ status: 'skipped', detail });

/** Runs the cases whose `suite/name` contains `filter`; an exception, TensorFlow's crash too, fails the case. */
export async function runSuite(
  suite: string,
  { cases }: Suite,
  tf: TensorFlow,
  filter: string,
  report: (result: Result) => void,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const { name, run } of await cases(tf)) {
    if (!`${suite}/${name}`.includes(filter)) continue;
    const start = performance.now();
    const outcome = await run(tf).catch((error: unknown) => failed(messageOf(error)));
    const result = { suite, name, ...outcome, seconds: Math.round(performance.now() - start) / 1000 };
    results.push(result);
    report(result);
  }
  return results;
}
