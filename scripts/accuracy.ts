/**
 * Measures what quantization costs: each model of the shared folder as fp32, as int8 with one scale for all channels, with
 * one a channel and, some, with `--effort high`, in octet and in TensorFlow, on the same samples. `--write` puts the table
 * into the README.
 *
 *     npx tsx scripts/accuracy.ts [--models a,b] [--limit N] [--no-tensorflow] [--stored] [--write]
 *
 * Each finished row is kept in .cache/accuracy, and measured again when the sources it depends on have changed. With
 * `--models` the others are taken as they are stored, with `--stored` all that are.
 */
import { parseArgs } from 'node:util';
import { startTensorFlow } from '../conformance/tensorflow.ts';
import { rowsOf } from './accuracy/measure.ts';
import { type Row, sourcesDigest, storedRow, variants } from './accuracy/rows.ts';
import { nameOf, type Subject, subjects } from './accuracy/subjects.ts';
import { markdown, writeTable } from './accuracy/table.ts';

const { values: options } = parseArgs({
  options: {
    models: { type: 'string' },
    limit: { type: 'string' },
    'no-tensorflow': { type: 'boolean' },
    stored: { type: 'boolean', default: false },
    write: { type: 'boolean' },
  },
});
const wanted = options.models?.split(',');
const limit = options.limit === undefined ? undefined : Number(options.limit);
const sources = sourcesDigest();

/** What is stored of a model that was not asked for. */
async function storedRows(subject: Subject): Promise<readonly Row[]> {
  const runtimes = ['octet', 'tensorflow'] as const;
  const rows = variants.flatMap((variant) => runtimes.map((runtime) => storedRow(nameOf(subject), variant, runtime)));
  return (await Promise.all(rows)).filter((row) => row !== undefined);
}

const start = performance.now();
await using tf = options['no-tensorflow'] ? undefined : await startTensorFlow();
const rows: Row[] = [];
for (const subject of subjects) {
  const isWanted = wanted === undefined || wanted.some((name) => nameOf(subject).startsWith(name));
  if (!isWanted && !options.write) continue;
  rows.push(
    ...(isWanted
      ? await rowsOf(subject, { tf: tf ?? undefined, limit, sources, stored: options.stored })
      : await storedRows(subject)),
  );
}
const old = new Set(rows.filter((row) => row.sources !== sources).map(({ model }) => model));
if (old.size > 0) console.error(`measured with other sources than today's: ${[...old].join(', ')}`);
if (options.write && rows.some((row) => row.limit !== undefined)) throw new Error('rows of a part of the data only');
const table = markdown(rows);
console.log(table);
console.error(`${((performance.now() - start) / 60_000).toFixed(1)} minutes`);
if (options.write) await writeTable('README.md', 'accuracy', table);
