import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { agreement, argmax, auc, ranking, rankOf, topK } from '../../src/data/metrics/classification.ts';
import { detectionAgreement, meanAveragePrecision, overlap } from '../../src/data/metrics/detection.ts';
import { sqnr } from '../../src/data/metrics/sqnr.ts';

describe('top-k', () => {
  test('counts the label among the k best, the first of equal scores first', () => {
    const [one, two] = [topK(1), topK(2)];
    for (const meter of [one, two]) {
      meter.add([0.1, 0.7, 0.2], 1);
      meter.add([0.1, 0.7, 0.2], 2);
      meter.add([0.5, 0.5, 0.5], 1);
      meter.add([0.5, 0.5, 0.5], 2);
    }
    expect([one.value(), two.value()]).toEqual([0.25, 0.75]);
  });
  test('a NaN is never right', () => {
    expect(rankOf([Number.NaN, 1], 0)).toBeUndefined();
    expect(argmax([Number.NaN, 1, 1])).toBe(1);
    expect(argmax([Number.NaN])).toBe(-1);
  });
});

test('agreement compares the places of the largest', () => {
  const meter = agreement();
  meter.add([1, 2], [5, 9]);
  meter.add([1, 2], [9, 5]);
  expect(meter.value()).toBe(0.5);
});

describe('auc', () => {
  const of = (positives: number[], negatives: number[]): number => {
    const meter = auc();
    for (const score of positives) meter.add(score, true);
    for (const score of negatives) meter.add(score, false);
    return meter.value();
  };
  test('by hand', () => {
    expect(of([0.8, 0.4], [0.5, 0.1])).toBe(0.75);
    expect(of([2], [1])).toBe(1);
    expect(of([1], [2])).toBe(0);
    expect(of([1, 1], [1])).toBe(0.5);
    expect(of([], [1])).toBeNaN();
    expect(of([Number.NaN], [1])).toBeNaN();
  });
  test('is the share of pairs in order, ties half', () => {
    const scores = fc.array(fc.nat(5), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(scores, scores, (positives, negatives) => {
        let pairs = 0;
        for (const p of positives) for (const n of negatives) pairs += p > n ? 1 : p === n ? 0.5 : 0;
        expect(of(positives, negatives)).toBeCloseTo(pairs / (positives.length * negatives.length), 12);
      }),
    );
  });
});

describe('ranking', () => {
  test('by hand: first, third, beyond k', () => {
    const meter = ranking(3);
    meter.add([9, 1, 2, 3], 0);
    meter.add([5, 9, 7, 1], 0);
    meter.add([0, 9, 7, 1], 0);
    expect(meter.hitRate()).toBeCloseTo(2 / 3, 12);
    expect(meter.ndcg()).toBeCloseTo((1 + 1 / Math.log2(4)) / 3, 12);
  });
  test('a constant or NaN scorer earns nothing', () => {
    const meter = ranking(2);
    meter.add([1, 1, 1], 0);
    meter.add([Number.NaN, 1, 0], 0);
    expect(meter.hitRate()).toBe(0);
  });
});

describe('sqnr', () => {
  test('accumulates signal and noise over all that is added', () => {
    const meter = sqnr();
    meter.add([3, 4], [3, 3]);
    meter.add(Float32Array.of(5, 0), [5, 0]);
    expect(meter.value()).toBeCloseTo(10 * Math.log10(50 / 1), 12);
  });
  test('infinite where nothing differs, NaN where nothing is known', () => {
    const [same, empty, bad] = [sqnr(), sqnr(), sqnr()];
    same.add([1], [1]);
    bad.add([1], [Number.NaN]);
    expect(same.value()).toBe(Number.POSITIVE_INFINITY);
    expect(empty.value()).toBeNaN();
    expect(bad.value()).toBeNaN();
  });
});

describe('detection', () => {
  const at = (x: number, score: number, category = 1) =>
    ({ box: [0, x, 1, x + 1], category, score }) as {
      box: [number, number, number, number];
      category: number;
      score: number;
    };

  test('overlap', () => {
    expect(overlap([0, 0, 2, 2], [1, 1, 3, 3])).toBeCloseTo(1 / 7, 12);
    expect(overlap([0, 0, 1, 1], [2, 2, 3, 3])).toBe(0);
    expect(overlap([0, 0, 0, 0], [0, 0, 0, 0])).toBe(0);
  });
  test('agreement: found again, wrong category, too far off, too unsure to count', () => {
    const meter = detectionAgreement();
    meter.add([at(0, 0.9), at(5, 0.8), at(10, 0.7), at(20, 0.4)], [at(0.1, 0.6), at(5, 0.9, 2), at(10.5, 0.9)]);
    expect(meter.value()).toBeCloseTo(1 / 3, 12);
    expect(meter.count()).toBe(3);
  });
  test('one detection answers for one object only', () => {
    const meter = detectionAgreement();
    meter.add([at(0, 0.9), at(0, 0.8)], [at(0, 0.9)]);
    expect(meter.value()).toBe(0.5);
  });
  test('mean average precision: perfect, half found, a false one in front', () => {
    const precision = (found: ReturnType<typeof at>[], overlaps = [0.5]): number => {
      const meter = meanAveragePrecision(overlaps);
      meter.add([at(0, 1), at(5, 1)], found);
      return meter.value();
    };
    expect(precision([at(0, 0.9), at(5, 0.8)])).toBe(1);
    expect(precision([at(0, 0.9)])).toBe(0.5);
    // Precision 1/2 at recall 1/2, 2/3 at recall 1: the envelope is 2/3 throughout.
    expect(precision([at(9, 0.9), at(0, 0.8), at(5, 0.7)])).toBeCloseTo(2 / 3, 12);
    // Overlap 1/1.5 = 0.667 counts for 0.5, 0.55, 0.6, 0.65 of COCO's ten overlaps, for one of two objects.
    const shifted = { ...at(0, 0.9), box: [0, 0.2, 1, 1.2] as [number, number, number, number] };
    expect(meanAveragePrecision().value()).toBeNaN();
    const coco = meanAveragePrecision();
    coco.add([at(0, 1)], [shifted]);
    expect(coco.value()).toBeCloseTo(0.4, 12);
  });
});
