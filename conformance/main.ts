import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, UserError } from '../src/base/errors.ts';
import { writeWhole } from '../src/base/files.ts';
import { runInLanes } from './lanes.ts';
import { writeSection } from './page.ts';
import { ensurePython } from './python.ts';
import { type Counts, resultsReport } from './report.ts';
import type { Part, Result } from './suite.ts';
import { suites } from './suites/index.ts';

/**
 * octet against real TensorFlow: `npm run conformance [filter]` runs the cases whose `suite/case` contains the filter,
 * prints what failed and a table, and writes everything to conformance/results/. Exit code 1 when a case failed.
 */
const results = fileURLToPath(new URL('./results/', import.meta.url));
const count = (all: readonly Result[], status: Result['status']): number =>
  all.filter((r) => r.status === status).length;

function report({ suite, name, status, detail = '', seconds }: Result): void {
  if (status === 'failed') console.log(`FAILED  ${suite}/${name}: ${detail}`);
  else if (suite === 'models') console.log(`${status}  ${suite}/${name} in ${seconds.toFixed(1)} s: ${detail}`);
  else if (seconds > 5) console.log(`${status}  ${suite}/${name} in ${seconds.toFixed(1)} s`);
}

/** Suites in parts that can run at a time, the long ones first. */
function partsOf(filter: string): readonly Part[] {
  const parts = Object.entries(suites).flatMap(([suite, { groups }]): Part[] =>
    groups === undefined ? [{ suite, filter }] : groups().map((group) => ({ suite, group, filter })),
  );
  const place = ({ suite, group }: Part): number => {
    if (group === undefined) return Number.POSITIVE_INFINITY;
    const at = suites[suite]!.slowest?.indexOf(group) ?? -1;
    return at < 0 ? 1e9 : at;
  };
  return parts.sort((a, b) => (place(a) < place(b) ? -1 : place(a) > place(b) ? 1 : 0));
}

/** The results of a suite in the order of its cases, whichever lane was first. */
function ofSuite(all: readonly Result[], suite: string): readonly Result[] {
  const groups = suites[suite]!.groups?.() ?? [];
  const place = ({ name }: Result) => groups.findIndex((group) => name.startsWith(`${group}/`));
  return all.filter((result) => result.suite === suite).sort((a, b) => place(a) - place(b));
}

async function main(filter: string): Promise<number> {
  const start = performance.now();
  // Before the lanes look for it: only one may make the environment.
  await ensurePython(console.error);
  const all: Result[] = [];
  const version = await runInLanes(partsOf(filter), availableParallelism() > 1 ? 2 : 1, (result) => {
    all.push(result);
    report(result);
  });
  const table: Record<string, Counts> = {};
  for (const [name, { about }] of Object.entries(suites)) {
    const ran = ofSuite(all, name);
    table[name] = {
      passed: count(ran, 'passed'),
      failed: count(ran, 'failed'),
      skipped: count(ran, 'skipped'),
      seconds: Math.round(ran.reduce((sum, r) => sum + r.seconds, 0)),
      about,
    };
    await writeWhole(
      join(results, `${name}.json`),
      `${JSON.stringify({ tensorflow: version, filter, cases: ran }, null, 1)}\n`,
    );
  }
  const inOrder = Object.keys(suites).flatMap((name) => ofSuite(all, name));
  if (filter === '') await writeSection('results', resultsReport(version, table, inOrder));
  console.table(table);
  console.log(
    `TensorFlow ${version}: ${count(all, 'passed')} passed, ${count(all, 'failed')} failed, ${count(all, 'skipped')} skipped in ${((performance.now() - start) / 60_000).toFixed(1)} minutes`,
  );
  if (all.length === 0)
    throw new UserError(`no case matches '${filter}'`, {}, `suites: ${Object.keys(suites).join(', ')}`);
  return count(all, 'failed') > 0 ? 1 : 0;
}

try {
  process.exitCode = await main(process.argv[2] ?? '');
} catch (error) {
  console.error(`conformance: ${messageOf(error)}`);
  process.exitCode = error instanceof UserError ? 2 : 1;
}
