import fc from 'fast-check';
import { expect, it } from 'vitest';
import { tensor } from '../../src/base/tensor.ts';
import { sumChannels } from '../../src/quantize/correct/statistics.ts';

const kinds = {
  quint8: { values: fc.integer({ min: 0, max: 255 }), bounds: { low: 0, high: 255 } },
  qint8: { values: fc.integer({ min: -128, max: 127 }), bounds: { low: -127, high: 127 } },
  float32: { values: fc.integer({ min: -20, max: 20 }).map((x) => x / 4), bounds: { low: 0, high: 3 } },
} as const;

const make = (dtype: keyof typeof kinds, shape: readonly number[], values: readonly number[]) => {
  if (dtype === 'quint8') return tensor(dtype, shape, Uint8Array.from(values));
  return dtype === 'qint8'
    ? tensor(dtype, shape, Int8Array.from(values))
    : tensor(dtype, shape, Float32Array.from(values));
};

it.each(Object.keys(kinds) as (keyof typeof kinds)[])('sums channels of %s, and counts what lies between', (dtype) => {
  const { values, bounds } = kinds[dtype];
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 5 }), fc.array(fc.array(values, { maxLength: 40 })), (channels, lists) => {
      const whole = lists.map((list) => list.slice(0, list.length - (list.length % channels)));
      const tensors = whole.map((list) => make(dtype, [list.length / channels, channels], list));
      const all = whole.flat();
      const of = (c: number) => all.filter((_, i) => i % channels === c);
      const { sums, between, rows } = sumChannels(tensors, channels, bounds);
      expect(rows).toBe(all.length / channels);
      for (let c = 0; c < channels; c++) {
        expect(sums[c]).toBe(of(c).reduce((a, b) => a + b, 0));
        expect(between[c]).toBe(of(c).filter((x) => x > bounds.low && x < bounds.high).length);
      }
    }),
  );
});
