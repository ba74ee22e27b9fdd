import { describe, expect, test } from 'vitest';
import {
  difference,
  isFloatTensor,
  type RecordedCase,
  readCases,
  runCase,
  scaleOf,
  toTensor,
} from '../support/recorded.ts';

function check(recorded: RecordedCase): void {
  const found = runCase(recorded);
  const expected = recorded.outputs!.map(toTensor);
  expect(found.map((t) => [t.dtype, t.shape])).toEqual(expected.map((t) => [t.dtype, t.shape]));
  for (const [i, t] of expected.entries()) {
    const { different, largest } = difference(found[i]!, t);
    if (isFloatTensor(t) && recorded.op !== 'Dequantize') expect(largest).toBeLessThanOrEqual(1e-6 * scaleOf(t));
    else expect(different).toBe(0);
  }
}

const named = (file: string) =>
  readCases(file).map((recorded) => [`${recorded.op} ${recorded.name}`, recorded] as const);

describe('codes from floats and back, bit for bit as TensorFlow', () => {
  test.each(named('quantize.json'))('%s', (_, recorded) => check(recorded));
});
describe('quantized convolutions, bit for bit as TensorFlow', () => {
  test.each(named('quantized-conv.json'))('%s', (_, recorded) => check(recorded));
});
describe('other quantized ops, bit for bit as TensorFlow', () => {
  test.each(named('quantized.json'))('%s', (_, recorded) => check(recorded));
});
