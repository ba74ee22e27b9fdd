import type { Result } from './suite.ts';

export type Counts = {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly seconds: number;
  readonly about: string;
};

const line = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
/** A bar would end the cell. */
const cell = (text: string) => text.replaceAll('|', '/');

/** The sums of each suite, what was found of each model, and what was skipped, and why. */
export function resultsReport(
  version: string,
  table: Readonly<Record<string, Counts>>,
  all: readonly Result[],
): string {
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
    ...all
      .filter(({ suite }) => suite === 'models')
      .map(({ name, status, detail = '' }) => line([...name.split('/'), status, cell(detail)])),
    '',
    '## Skipped, and why',
    '',
    line(['suite', 'case', 'why']),
    line(['---', '---', '---']),
    ...all
      .filter(({ status, suite }) => status === 'skipped' && suite !== 'models')
      .map(({ suite, name, detail = '' }) => line([suite, name, cell(detail)])),
  ].join('\n');
}
