import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf, UserError } from '../src/base/errors.ts';
import { writeWhole } from '../src/base/files.ts';
import { writeSection } from './page.ts';
import { type Result, runSuite, type Suite } from './suite.ts';
import { models } from './suites/models.ts';
import { opDefinitions } from './suites/op-definitions.ts';
import { ops } from './suites/ops.ts';
import { quantizedForms } from './suites/quantized-forms.ts';
import { savedModels } from './suites/savedmodels.ts';
import { startTensorFlow } from './tensorflow.ts';

/**
 * octet against real TensorFlow: `npm run conformance [filter]` runs the cases whose `suite/case` contains the filter,
 * prints what failed and a table, and writes everything to conformance/results/. Exit code 1 when a case failed.
 */
const suites: Readonly<Record<string, Suite>> = {
  'op-definitions': opDefinitions,
  ops,
  'quantized-forms': quantizedForms,
  models,
  savedmodels: savedModels,
};

const results = fileURLToPath(new URL('./results/', import.meta.url));
const count = (all: readonly Result[], status: Result['status']): number =>
  all.filter((r) => r.status === status).length;

function report({ suite, name, status, detail = '', seconds }: Result): void {
  if (status === 'failed') console.log(`FAILED  ${suite}/${name}: ${detail}`);
  else if (suite === 'models') console.log(`${status}  ${suite}/${name} in ${seconds.toFixed(1)} s: ${detail}`);
  else if (seconds > 5) console.log(`${status}  ${suite}/${name} in ${seconds.toFixed(1)} s`);
}

/** The sums of each suite, and what was found of each model. */
function resultsReport(version: string, table: Readonly<Record<string, Counts>>, all: readonly Result[]): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const suitesOf = Object.entries(table).map(([name, c]) => line([name, c.about, c.passed, c.failed, c.skipped]));
  const models = all
    .filter(({ suite }) => suite === 'models')
    .map(({ name, status, detail = '' }) => line([...name.split('/'), status, detail.replaceAll('|', '/')]));
  return [
    `## Results with TensorFlow ${version}`,
    '',
    line(['suite', 'compares', 'passed', 'failed', 'skipped']),
    line(['---', '---', '---', '---', '---']),
    ...suitesOf,
    '',
    '## Models',
    '',
    line(['model', 'graph', 'result', 'found']),
    line(['---', '---', '---', '---']),
    ...models,
  ].join('\n');
}

type Counts = { readonly about: string; readonly passed: number; readonly failed: number; readonly skipped: number };

async function main(filter: string): Promise<number> {
  await using tf = await startTensorFlow();
  console.log(`TensorFlow ${tf.version}`);
  const all: Result[] = [];
  const table: Record<string, Counts & { seconds: number }> = {};
  for (const [name, suite] of Object.entries(suites)) {
    console.log(`${name}: ${suite.about}`);
    const ran = await runSuite(name, suite, tf, filter, report);
    all.push(...ran);
    table[name] = {
      passed: count(ran, 'passed'),
      failed: count(ran, 'failed'),
      skipped: count(ran, 'skipped'),
      seconds: Math.round(ran.reduce((sum, r) => sum + r.seconds, 0)),
      about: suite.about,
    };
    await writeWhole(
      join(results, `${name}.json`),
      `${JSON.stringify({ tensorflow: tf.version, filter, cases: ran }, null, 1)}\n`,
    );
  }
  if (filter === '') await writeSection('results', resultsReport(tf.version, table, all));
  console.table(table);
  console.log(`${count(all, 'passed')} passed, ${count(all, 'failed')} failed, ${count(all, 'skipped')} skipped`);
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
