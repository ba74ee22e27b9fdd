import { popHeap, pushHeap } from './heap.ts';

const f32 = Math.fround;

/** How alike two boxes are, by their numbers. */
export type Similarity = (i: number, j: number) => number;

/**
 * Intersection over union of the first `count` boxes [y1, x1, y2, x2], which begin at `place(i)` and whose corners may be
 * swapped, in float32; 0 where one has no area.
 */
export function intersectionOverUnion(
  boxes: ArrayLike<number>,
  count: number,
  place: (i: number) => number,
): Similarity {
  const [top, left, bottom, right, area] = Array.from({ length: 5 }, () => new Float32Array(count)) as Corners;
  for (let i = 0; i < count; i++) {
    const at = place(i);
    const [y1, x1, y2, x2] = [boxes[at]!, boxes[at + 1]!, boxes[at + 2]!, boxes[at + 3]!];
    top[i] = Math.min(y1, y2);
    left[i] = Math.min(x1, x2);
    bottom[i] = Math.max(y1, y2);
    right[i] = Math.max(x1, x2);
    area[i] = f32(bottom[i]! - top[i]!) * f32(right[i]! - left[i]!);
  }
  return (i, j) => {
    if (area[i]! <= 0 || area[j]! <= 0) return 0;
    const height = Math.max(f32(Math.min(bottom[i]!, bottom[j]!) - Math.max(top[i]!, top[j]!)), 0);
    const width = Math.max(f32(Math.min(right[i]!, right[j]!) - Math.max(left[i]!, left[j]!)), 0);
    const both = f32(height * width);
    return f32(both / f32(f32(area[i]! + area[j]!) - both));
  };
}

type Corners = [Float32Array, Float32Array, Float32Array, Float32Array, Float32Array];

export type Suppression = {
  /** At most this many boxes are kept. */
  readonly limit: number;
  readonly iouThreshold: number;
  readonly scoreThreshold: number;
  /** Soft suppression (Bodla et al. 2017): scores decay by exp(−iou²/2σ), whatever the threshold; 0 drops boxes outright. */
  readonly sigma: number;
  /** How equal scores are ordered: by box, or as TensorFlow's heap of scores alone leaves them. */
  readonly ties: 'byBox' | 'unordered';
};

type Candidate = { readonly box: number; score: number; checked: number };

/** Which of two candidates comes later. Of equal scores the higher box number does, or (unordered) neither. */
const orders = {
  byBox: (a: Candidate, b: Candidate): boolean => a.score < b.score || (a.score === b.score && a.box > b.box),
  unordered: (a: Candidate, b: Candidate): boolean => a.score < b.score,
};

/**
 * Takes boxes from the best score down and leaves out those too like one taken before, as TensorFlow's
 * DoNonMaxSuppressionOp does. Returns box numbers and (decayed) scores.
 */
export function suppress(
  scores: ArrayLike<number>,
  similarity: Similarity,
  { limit, iouThreshold, scoreThreshold, sigma, ties }: Suppression,
): { box: number; score: number }[] {
  const queue: Candidate[] = [];
  const later = orders[ties];
  for (let box = 0; box < scores.length; box++)
    if (scores[box]! > scoreThreshold) pushHeap(queue, { box, score: scores[box]!, checked: 0 }, later);
  const scale = sigma > 0 ? f32(-0.5 / sigma) : 0;
  const kept: { box: number; score: number }[] = [];
  while (kept.length < limit && queue.length > 0) {
    const next = popHeap(queue, later)!;
    const { score } = next;
    if (isSuppressed(next, kept)) continue;
    next.checked = kept.length;
    if (next.score === score) kept.push({ box: next.box, score });
    else if (next.score > scoreThreshold) pushHeap(queue, next, later);
  }
  return kept;

  /** Decays the score of `next` by the boxes kept since it was last looked at. */
  function isSuppressed(next: Candidate, taken: readonly { box: number }[]): boolean {
    for (let j = taken.length - 1; j >= next.checked; j--) {
      const alike = similarity(next.box, taken[j]!.box);
      if (sigma <= 0) {
        if (alike > iouThreshold) return true;
        continue;
      }
      next.score = f32(next.score * f32(Math.exp(f32(f32(scale * alike) * alike))));
      if (next.score <= scoreThreshold) break;
    }
    return false;
  }
}
