import { expect, test } from 'vitest';
import type { Row } from '../../scripts/accuracy/rows.ts';
import { markdown } from '../../scripts/accuracy/table.ts';

const row = (given: Partial<Row>): Row => ({
  model: 'm',
  variant: 'int8 per channel',
  runtime: 'octet',
  figures: {},
  samples: 1,
  milliseconds: 1,
  sources: '',
  ...given,
});
const lastLine = (rows: readonly Row[]) => markdown(rows).split('\n').at(-1);

test('a labelled model shows its metric in both runtimes, and how often they agree', () => {
  const octet = row({ figures: { 'top-1': 0.8875, agreement: 0.985, sqnr: 21.64 } });
  const tensorflow = row({
    runtime: 'tensorflow',
    figures: { 'top-1': 0.89, agreement: 0.98, sqnr: 21 },
    same: 0.9975,
    exact: 1,
  });
  expect(lastLine([octet, tensorflow])).toBe(
    '| m | top-1 % | int8 per channel | 88.75 | 89.00 | 98.50 | 21.6 | 99.75 | 100.00 |',
  );
});

test('a model that TensorFlow did not run has no figure of it', () => {
  expect(lastLine([row({ figures: { auc: 0.91057 } })])).toBe(
    '| m | AUC | int8 per channel | 0.9106 | – | – | – | – | – |',
  );
});

test('a model without labels shows its agreement with fp32 in both', () => {
  const octet = row({ figures: { agreement: 0.97, detections: 40 } });
  const tensorflow = row({ runtime: 'tensorflow', figures: { agreement: 0.96 }, same: 1, exact: 0.99 });
  expect(lastLine([octet, tensorflow])).toBe(
    '| m | boxes found again % | int8 per channel | 97.00 | 96.00 | 97.00 | – | 100.00 | 99.00 |',
  );
});

test("TensorFlow's row is the one of the same weights", () => {
  const octet = row({ figures: { 'top-1': 0.5 } });
  const other = row({ runtime: 'tensorflow', variant: 'fp32', figures: { 'top-1': 0.9 }, same: 1 });
  expect(lastLine([octet, other])).toBe('| m | top-1 % | int8 per channel | 50.00 | – | – | – | – | – |');
});
