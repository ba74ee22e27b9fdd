import type { Result } from './suite.ts';

export type Counts = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly about: string;
};

/** The sums of each suite, and what was found of each model. */
export function resultsReport(
  version: string,
  table: Readonly<Record<string, Counts>>,
  models: readonly Result[],
): string {
  const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
  const suitesOf = Object.entries(table).map(([name, c]) => line([name, c.about, c.passed, c.failed, c.skipped]));
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
    ...models.map(({ name, status, detail = '' }) => line([...name.split('/'), status, detail.replaceAll('|', '/')])),
  ].join('\n');
}
