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

/** Codes and sums where octet and TensorFlow may be one step apart, and how many in how many. */
const oneStepApart: ReadonlyMap<string, number> = new Map([
  // Sums on the largest channel's scale: TensorFlow takes the products in another order.
  ['QuantizedConv2DPerChannel', 1 / 100],
]);

function check(recorded: RecordedCase): void {
  const found = runCase(recorded);
  const expected = recorded.outputs!.map(toTensor);
  expect(found.map((t) => [t.dtype, t.shape])).toEqual(expected.map((t) => [t.dtype, t.shape]));
  for (const [i, t] of expected.entries()) {
    const { different, largest } = difference(found[i]!, t);
    const allowed = oneStepApart.get(recorded.op) ?? 0;
    if (isFloatTensor(t) && recorded.op !== 'Dequantize') expect(largest).toBeLessThanOrEqual(1e-6 * scaleOf(t));
    else {
      expect(different).toBeLessThanOrEqual(allowed * t.data.length);
      expect(largest).toBeLessThanOrEqual(allowed === 0 ? 0 : 1);
    }
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
