import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rng } from '../../src/base/rng.ts';
import {
  type Distribution,
  emptyDistribution,
  fromJson,
  merge,
  observe,
  toJson,
} from '../../src/quantize/observers/distribution.ts';
import { divergenceOf } from '../../src/quantize/observers/entropy.ts';
import { bins, binWidth, rowWeight } from '../../src/quantize/observers/histogram.ts';
import { chooseRange } from '../../src/quantize/observers/methods.ts';
import { squaredError } from '../../src/quantize/observers/squared-error.ts';
import { formatObservations, parseObservations } from '../../src/quantize/observers/state.ts';

const seen = (...runs: readonly (readonly number[] | Float32Array)[]): Distribution => {
  const distribution = emptyDistribution();
  for (const run of runs) expect(observe(distribution, Float32Array.from(run))).toBe(true);
  return distribution;
};

const normal = (count: number, seed: number, scale = 1): Float32Array => {
  const random = rng(seed);
  return Float32Array.from({ length: count }, () => scale * random.normal());
};

/** What does not depend on how values are split into rows. */
const unweighted = ({ histogram: { positiveWeights: _, negativeWeights: __, ...counts }, ...rest }: Distribution) => ({
  ...rest,
  histogram: counts,
});

const runs = fc.array(fc.array(fc.float({ noNaN: true, noDefaultInfinity: true }), { minLength: 1, maxLength: 20 }), {
  minLength: 2,
  maxLength: 8,
});

describe('a distribution', () => {
  it('merged from two halves of the runs is that of all runs', () => {
    fc.assert(
      fc.property(runs, fc.nat(), (all, at) => {
        const half = 1 + (at % (all.length - 1));
        const first = seen(...all.slice(0, half));
        merge(first, seen(...all.slice(half)));
        const whole = seen(...all);
        const { minSum, maxSum } = whole;
        expect({ ...unweighted(first), minSum, maxSum }).toEqual({ ...unweighted(whole), minSum, maxSum });
        // Rows of 1e-38 beside rows of 1e38: their sums are not exact.
        for (const side of ['positiveWeights', 'negativeWeights'] as const)
          for (const [i, weight] of whole.histogram[side].entries())
            expect(Math.abs(first.histogram[side][i]! - weight)).toBeLessThanOrEqual(1e-12 * weight);
        expect(first.minSum).toBeCloseTo(minSum, -Math.log10(Math.abs(minSum) * 1e-9 + 1e-12));
        expect(first.maxSum).toBeCloseTo(maxSum, -Math.log10(Math.abs(maxSum) * 1e-9 + 1e-12));
      }),
      { numRuns: 40 },
    );
  });

  it('counts every value once, in the bin that holds it', () => {
    fc.assert(
      fc.property(runs, (all) => {
        const { histogram } = seen(...all);
        const values = all.flat().map(Math.fround);
        const width = binWidth(histogram);
        const expected = new Float64Array(bins);
        for (const x of values) if (x > 0) expected[Math.floor(x / width)]!++;
        expect(histogram.positive).toEqual(expected);
        expect(histogram.zeros).toBe(values.filter((x) => x === 0).length);
        expect(histogram.negative.reduce((a, b) => a + b, 0)).toBe(values.filter((x) => x < 0).length);
      }),
    );
  });

  it('counts many values of one run as it counts a few at a time', () => {
    const random = rng(5);
    const odd = [0, -0, 1e-45, -1e-45, 1e-38, -1e-38, 1, -1, 2, -2, 1.9999999, -1.9999999];
    for (const scale of [1e-42, 1, 1e30]) {
      const values = Float32Array.from({ length: 20_001 }, (_, i) =>
        i % 5 === 0 ? odd[i % odd.length]! * scale : scale * random.normal(),
      );
      const few = Array.from({ length: 201 }, (_, i) => values.subarray(100 * i, 100 * (i + 1)));
      const { histogram, min, max } = seen(values);
      // One row, of a weight that all values have.
      const weight = rowWeight(histogram.exponent);
      expect(histogram.positiveWeights).toEqual(histogram.positive.map((n) => n * weight));
      expect(histogram.negativeWeights).toEqual(histogram.negative.map((n) => n * weight));
      // Twice, as what a run leaves behind would show in the next.
      expect(seen(values, values).histogram.zeros).toBe(2 * histogram.zeros);
      expect({ histogram: unweighted(seen(values)).histogram, min, max }).toEqual({
        histogram: unweighted(seen(...few)).histogram,
        min: values.reduce((a, b) => Math.min(a, b)),
        max: values.reduce((a, b) => Math.max(a, b)),
      });
    }
  });

  it('refuses what is not finite, and has taken in nothing then', () => {
    const negativeNan = new Float32Array(Uint32Array.of(0xffc00000).buffer)[0]!;
    for (const poison of [Number.NaN, negativeNan, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const distribution = seen([1, 2]);
      expect(observe(distribution, Float32Array.of(5, poison, 3))).toBe(false);
      expect(distribution).toEqual(seen([1, 2]));
    }
  });

  it('comes back from JSON as it was', () => {
    fc.assert(
      fc.property(runs, (all) => {
        const distribution = seen(...all);
        expect(fromJson(JSON.parse(JSON.stringify(toJson(distribution))))).toEqual(distribution);
      }),
      { numRuns: 40 },
    );
    expect(fromJson(JSON.parse(JSON.stringify(toJson(emptyDistribution()))))).toEqual(emptyDistribution());
  });

  it('is not read from anything else', () => {
    const json = toJson(seen([1, -2, 0.5]));
    const wrong = [
      { positiveWeights: [1, -1] },
      { runs: -1 },
      { exponent: 1e9 },
      { positive: [bins, 1] },
      { positive: [1] },
      { ends: null },
    ];
    for (const change of wrong) expect(fromJson({ ...json, ...change })).toBeUndefined();
    const text = formatObservations({ samples: 1, values: new Map([['x', seen([1])]]) }, 'one');
    expect(parseObservations(text, 'one')?.values.get('x')).toEqual(seen([1]));
    expect(parseObservations(text, 'another')).toBeUndefined();
    expect(parseObservations(text.slice(0, -5), 'one')).toBeUndefined();
  });
});

describe('the methods', () => {
  it('min/max and average', () => {
    const distribution = seen([-1, 3], [-3, 1]);
    expect(chooseRange('minmax', distribution, 'signed')).toEqual({ min: -3, max: 3 });
    expect(chooseRange('average', distribution, 'signed')).toEqual({ min: -2, max: 2 });
  });

  it('percentiles count elements, not the extremes of runs', () => {
    // Nine runs of 1000 small values, one of which has a single outlier: per run, a tenth of all maxima.
    const small = Array.from({ length: 1000 }, (_, i) => i / 1000);
    const distribution = seen(...Array.from({ length: 9 }, () => small), [...small, 100]);
    const { max } = chooseRange('p99.9', distribution, 'unsigned');
    expect(max).toBeGreaterThan(0.99);
    expect(max).toBeLessThan(1.05);
    expect(chooseRange('p99.999', distribution, 'unsigned').max).toBe(100);
  });

  it('percentiles cut off as many at both ends where codes span the range', () => {
    const values = normal(100_000, 3);
    const { min, max } = chooseRange('p99.9', seen(values), 'shifted');
    const sorted = Float64Array.from(values).sort();
    expect(min).toBeCloseTo(sorted[50]!, 1);
    expect(max).toBeCloseTo(sorted.at(-51)!, 1);
  });

  it('the squared error is that of rounding the values', () => {
    const values = Float32Array.from(normal(20_000, 5), Math.abs);
    const { histogram } = seen(values);
    for (const limit of [1, 2, 3.5]) {
      const step = limit / 255;
      let exact = 0;
      for (const x of values) exact += (x - Math.min(255, Math.round(x / step)) * step) ** 2;
      const found = squaredError({ counts: histogram.positive, below: 0, width: binWidth(histogram) }, limit, 255);
      expect(found / exact).toBeGreaterThan(0.97);
      expect(found / exact).toBeLessThan(1.03);
    }
  });

  it('by squared error, no limit is better than the one that is chosen', () => {
    const values = Float32Array.from([...normal(50_000, 7), 30]);
    const { min, max } = chooseRange('mse', seen(values), 'signed');
    const error = (limit: number): number =>
      values.reduce((sum, x) => {
        const step = limit / 127;
        return sum + (x - Math.max(-127, Math.min(127, Math.round(x / step))) * step) ** 2;
      }, 0);
    expect(min).toBeGreaterThan(-6);
    const chosen = error(max);
    for (let limit = 1; limit <= 30; limit += 0.5) expect(error(limit)).toBeGreaterThan(0.98 * chosen);
  });

  it('relative to rows, a few large rows do not widen what many small ones need', () => {
    const small = Array.from({ length: 400 }, (_, i) => normal(64, 100 + i));
    const large = normal(64, 99, 30);
    const distribution = seen(...small, large);
    const { max } = chooseRange('relative', distribution, 'signed');
    expect(max).toBeLessThan(0.5 * chooseRange('mse', distribution, 'signed').max);
    // The error of each row over the square of its largest value.
    const error = (limit: number): number => {
      const step = limit / 127;
      const rounding = (x: number) => (x - Math.max(-127, Math.min(127, Math.round(x / step))) * step) ** 2;
      return [...small, large].reduce((sum, row) => {
        const most = row.reduce((a, x) => Math.max(a, Math.abs(x)), 0);
        return sum + row.reduce((a, x) => a + rounding(x), 0) / most ** 2;
      }, 0);
    };
    for (const other of [0.5, 0.7, 1.5, 2, 4]) expect(error(other * max)).toBeGreaterThan(0.9 * error(max));
    expect(error(max)).toBeLessThan(0.8 * error(chooseRange('mse', distribution, 'signed').max));
  });

  it('rows of one run count as runs of one row', () => {
    const rows = Array.from({ length: 40 }, (_, i) => normal(8, i, 1 + (i % 7)));
    const together = emptyDistribution();
    observe(together, Float32Array.from(rows.flatMap((row) => [...row])), 8);
    expect(together.histogram).toEqual(seen(...rows).histogram);
    expect(together.runs).toBe(1);
  });

  it('the divergence of what can be represented exactly is zero, and that of what can not is more', () => {
    const even = new Float64Array(256).fill(4);
    expect(divergenceOf(even, 0, 128)).toBeCloseTo(0, 12);
    // Pairs of 3 and 1 become 2 and 2: Σ p log(p / q) = 3/4 log(3/2) + 1/4 log(1/2).
    const uneven = even.map((_, i) => (i % 2 === 0 ? 3 : 1));
    expect(divergenceOf(uneven, 0, 128)).toBeCloseTo(0.75 * Math.log(1.5) + 0.25 * Math.log(0.5), 12);
    expect(divergenceOf(even, 100, 128)).toBeGreaterThan(0.01);
  });

  it('kl cuts off a far outlier and keeps most of a normal distribution', () => {
    const { max } = chooseRange('kl', seen(Float32Array.from([...normal(100_000, 9), 40])), 'signed');
    expect(max).toBeGreaterThan(2);
    expect(max).toBeLessThan(10);
  });

  it('a tensor without elements has a range all the same', () => {
    expect(chooseRange('mse', emptyDistribution(), 'unsigned')).toEqual({ min: 0, max: 0 });
    expect(chooseRange('mse', seen([0, 0]), 'unsigned')).toEqual({ min: 0, max: 0 });
  });
});
