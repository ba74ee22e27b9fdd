import { messageOf } from '../src/base/errors.ts';
import type { TensorFlow } from './tensorflow.ts';

/** One comparison with TensorFlow. `detail` says what differed, or why there was nothing to compare. */
export type Outcome = { readonly status: 'passed' | 'failed' | 'skipped'; readonly detail?: string };
export type Case = { readonly name: string; readonly run: (tf: TensorFlow) => Promise<Outcome> };
export type Suite = {
  readonly about: string;
  /** What the names of cases begin with, before a slash, where the suite can run in parts at a time. */
  readonly groups?: () => readonly string[];
  /** Groups to begin with, as nothing else takes as long. */
  readonly slowest?: readonly string[];
  /** May look at TensorFlow or the disk first: what is not there must come as a case that is skipped, not be left out. */
  readonly cases: (tf: TensorFlow) => Promise<readonly Case[]>;
};
export type Result = Outcome & { readonly suite: string; readonly name: string; readonly seconds: number };

export const passed = (detail?: string): Outcome =>
  detail === undefined ? { status: 'passed' } : { status: 'passed', detail };
export const failed = (detail: string): Outcome => ({ status: 'failed', detail });
export const skipped = (detail: string): Outcome => ({ status: 'skipped', detail });

/** Which cases of which suite to run. */
export type Part = {
  readonly suite: string;
  /** One of the suite's groups; all of them where left out. */
  readonly group?: string;
  /** Only cases whose `suite/name` contains it. */
  readonly filter: string;
};

/** Runs a part of a suite; an exception, TensorFlow's crash too, fails the case. */
export async function runPart(
  { suite, group, filter }: Part,
  { cases }: Suite,
  tf: TensorFlow,
  report: (result: Result) => void,
): Promise<void> {
  for (const { name, run } of await cases(tf)) {
    if (group !== undefined && !name.startsWith(`${group}/`)) continue;
    if (!`${suite}/${name}`.includes(filter)) continue;
    const start = performance.now();
    const outcome = await run(tf).catch((error: unknown) => failed(messageOf(error)));
    report({ suite, name, ...outcome, seconds: Math.round(performance.now() - start) / 1000 });
  }
}
