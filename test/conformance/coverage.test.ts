import { expect, test } from 'vitest';
import { coveredOps, opsWithoutCase, staleReasons } from '../../conformance/ops/coverage.ts';

const covered = coveredOps();

test('every op that the reference runtime runs is compared with TensorFlow, or a reason says why not', () => {
  const silent = [...opsWithoutCase(covered)].filter(([, reason]) => reason === undefined).map(([op]) => op);
  expect(silent).toEqual([]);
});

test('no reason is given for an op that has a case or no kernel', () => {
  expect(staleReasons(covered)).toEqual([]);
});

test('an op whose cases are taken away is missed', () => {
  const less = new Set(covered);
  less.delete('Relu');
  expect(opsWithoutCase(less).has('Relu')).toBe(true);
});
