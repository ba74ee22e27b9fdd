import type { Tensor } from '../src/base/tensor.ts';
import type { Box, Detection } from '../src/data/dataset.ts';
import { overlap } from '../src/data/metrics/detection.ts';

/** Detections that TensorFlow is sure of: at least this score. */
const sure = 0.4;
const leastOverlap = 0.75;

/**
 * Detections are listed by score, so nearly equal ones change places: those TensorFlow is sure of must be among octet's, in
 * the same category and the same place. Returns how many there are, or what is missing.
 */
export function sameDetections(
  keys: readonly string[],
  ours: readonly Tensor[],
  theirs: readonly Tensor[],
): number | string {
  const wanted = detectionsOf(keys, theirs).filter(({ score }) => score >= sure);
  const found = detectionsOf(keys, ours);
  const missed = wanted.find(
    (one) => !found.some((other) => other.category === one.category && overlap(one.box, other.box) >= leastOverlap),
  );
  return missed === undefined
    ? wanted.length
    : `octet misses category ${missed.category}, score ${missed.score.toFixed(2)}`;
}

function detectionsOf(keys: readonly string[], outputs: readonly Tensor[]): readonly Detection[] {
  const data = (key: string) => outputs[keys.indexOf(key)]!.data as Float32Array;
  const [boxes, classes] = [data('detection_boxes'), data('detection_classes')];
  return Array.from(data('detection_scores'), (score, i) => ({
    score,
    category: classes[i]!,
    box: Array.from(boxes.subarray(4 * i, 4 * i + 4)) as unknown as Box,
  }));
}
