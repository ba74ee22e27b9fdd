import { describe, expect, test } from 'vitest';
import { difference, isFloatTensor, readCases, runCase, scaleOf, toTensor } from '../support/recorded.ts';

describe('neural-network layers as TensorFlow computes them', () => {
  test.each(readCases('nn.json').map((recorded) => [`${recorded.op} ${recorded.name}`, recorded] as const))(
    '%s',
    (_, recorded) => {
      if (recorded.outputs === undefined) return;
      const found = runCase(recorded);
      const expected = recorded.outputs.map(toTensor);
      expect(found.map((t) => [t.dtype, t.shape])).toEqual(expected.map((t) => [t.dtype, t.shape]));
      for (const [i, t] of expected.entries()) {
        const { different, largest } = difference(found[i]!, t);
        if (isFloatTensor(t)) expect(largest).toBeLessThanOrEqual(2e-6 * scaleOf(t));
        else expect(different).toBe(0);
      }
    },
  );
});
