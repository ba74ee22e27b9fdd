import { expect, it } from 'vitest';
import { type Measurement, markdown, merged, type Results, withTable } from '../../scripts/bench/results.ts';

const row = (engine: string, dtype: 'fp32' | 'int8', median: number): Measurement => ({
  network: 'resnet50',
  batch: 1,
  engine,
  dtype,
  median,
  best: median,
  turns: [median],
});
const results = (measurements: readonly Measurement[]): Results => ({
  date: '2026-01-02',
  processor: 'Some CPU',
  node: '20.19.0',
  threads: 2,
  peak: { int8: 234.2, float32: 58.5 },
  versions: ['TensorFlow 2.21.0'],
  measurements,
});

it('compares octet with the best peer of each type', () => {
  const all = [
    row('TensorFlow', 'fp32', 20),
    row('OpenVINO', 'fp32', 25),
    row('ONNX Runtime', 'int8', 80),
    row('OpenVINO', 'int8', 100),
    row('octet', 'fp32', 30),
    row('octet', 'int8', 120),
  ];
  const lines = markdown(results(all)).split('\n');
  expect(lines[2]).toBe('| resnet50 | 1 | 20.0 | – / 80.0 | 25.0 / 100 | 30.0 / 120 | 1.20 × | 1.20 × | 6.00 × |');
  expect(lines.at(-1)).toContain('Some CPU, 2 threads; its limit is 234 GMAC/s int8 and 58.5 fp32 a core');
});

it('leaves gaps where there are no peers', () => {
  const lines = markdown(results([row('octet', 'int8', 120)])).split('\n');
  expect(lines[2]).toBe('| resnet50 | 1 | – | – / – | – / – | – / 120 | – | – | – |');
});

it('puts the table between the marks only', () => {
  const text = 'before\n<!-- speed -->\nold\n<!-- /speed -->\nafter\n';
  expect(withTable(text, 'new')).toBe('before\n<!-- speed -->\n\nnew\n\n<!-- /speed -->\nafter\n');
  expect(withTable(withTable(text, 'new')!, 'new')).toBe(withTable(text, 'new'));
  expect(withTable('no marks', 'new')).toBeUndefined();
});

it('compares turns that followed each other', () => {
  const slower = { ...row('OpenVINO', 'int8', 100), turns: [100, 50, 100] };
  const octet = { ...row('octet', 'int8', 120), turns: [130, 65, 120] };
  expect(markdown(results([slower, octet])).split('\n')[2]).toContain('| 1.30 × | – | – |');
});

it('keeps what was measured earlier of the same machine, and nothing of another', () => {
  const earlier = results([row('octet', 'int8', 1), { ...row('octet', 'int8', 2), batch: 32 }]);
  const later = results([row('octet', 'int8', 3)]);
  expect(merged(earlier, later).measurements.map((m) => m.median)).toEqual([2, 3]);
  expect(merged({ ...earlier, processor: 'another' }, later)).toBe(later);
  expect(merged(undefined, later)).toBe(later);
});
