import { describe, expect, test } from 'vitest';
import { sameDetections } from '../../conformance/detections.ts';
import { nearness } from '../../conformance/near.ts';
import { rng } from '../../src/base/rng.ts';
import { tensorOf } from '../../src/base/tensor.ts';

const random = rng(3);
const signal = Array.from({ length: 4000 }, () => random.normal());
const noisy = (spread: number) =>
  tensorOf(
    'float32',
    signal.map((x) => x + spread * random.normal()),
  );
const exact = tensorOf('float32', signal);

describe('whole int8 models', () => {
  test('two independent roundings of the same numbers are near', () => {
    // 3 dB less what the noise adds to TensorFlow's own power, 0.6 dB, give or take what 4,000 numbers leave to chance.
    const near = nearness({ ours: noisy(0.4), theirs: noisy(0.4), exact })!;
    expect(near.noise - near.decibels).toBeGreaterThan(2);
    expect(near.noise - near.decibels).toBeLessThan(3);
    expect(near.problem).toBeUndefined();
  });

  test('one more than twice as far from TensorFlow as that is from fp32 is not, unless 20 dB is reached', () => {
    expect(nearness({ ours: noisy(0.5), theirs: noisy(0.2), exact })!.problem).toMatch(/^octet is 5\.\d dB/);
    expect(nearness({ ours: noisy(0.05), theirs: noisy(0.01), exact })!.problem).toBeUndefined();
  });

  test('equal ones are, and another number of elements is a problem', () => {
    const x = noisy(0.1);
    expect(nearness({ ours: x, theirs: x, exact })).toMatchObject({ decibels: Number.POSITIVE_INFINITY });
    expect(nearness({ ours: tensorOf('float32', [1]), theirs: x, exact })!.problem).toBe('1 elements, TensorFlow 4000');
  });

  test('nothing is said of integers', () => {
    const one = tensorOf('int32', [1]);
    expect(nearness({ ours: one, theirs: one, exact })).toBeUndefined();
  });
});

describe('detections', () => {
  const keys = ['detection_boxes', 'detection_scores', 'detection_classes'];
  const outputs = (boxes: readonly (readonly number[])[], scores: readonly number[], classes: readonly number[]) => [
    tensorOf('float32', boxes.flat(), [1, boxes.length, 4]),
    tensorOf('float32', scores, [1, scores.length]),
    tensorOf('float32', classes, [1, classes.length]),
  ];
  const dog = [0.1, 0.1, 0.5, 0.5];
  const cat = [0.6, 0.6, 0.9, 0.9];

  test('are found again in another order, and unsure ones need not be', () => {
    const theirs = outputs([dog, cat, [0, 0, 1, 1]], [0.9, 0.8, 0.3], [18, 17, 1]);
    expect(sameDetections(keys, outputs([cat, dog], [0.81, 0.8], [17, 18]), theirs)).toBe(2);
  });

  test('are missed in another category or place', () => {
    const theirs = outputs([dog], [0.9], [18]);
    expect(sameDetections(keys, outputs([dog], [0.9], [17]), theirs)).toBe('octet misses category 18, score 0.90');
    expect(sameDetections(keys, outputs([cat], [0.9], [18]), theirs)).toBe('octet misses category 18, score 0.90');
  });
});
