import { describe, expect, test } from 'vitest';
import type { Tensor } from '../../src/base/tensor.ts';
import { difference, isFloatTensor, readCases, runCase, toTensor } from '../support/recorded.ts';

/** The largest magnitude of the finite elements: differences are judged against it. */
const scaleOf = (t: Tensor): number =>
  Array.from(t.data as Float32Array, Number).reduce((m, x) => (Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m), 0);

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
