import type { Box, Detection } from '../dataset.ts';

/** Intersection over union of two boxes [y1, x1, y2, x2]; 0 where both are empty. */
export function overlap(a: Box, b: Box): number {
  const side = (low: number, high: number) => Math.max(0, high - low);
  const area = ([y1, x1, y2, x2]: Box) => side(y1, y2) * side(x1, x2);
  const common = side(Math.max(a[0], b[0]), Math.min(a[2], b[2])) * side(Math.max(a[1], b[1]), Math.min(a[3], b[3]));
  const union = area(a) + area(b) - common;
  return union > 0 ? common / union : 0;
}

/**
 * For each of `found` (best score first) the index of the object in `truth` it is matched to, or -1: same category, the
 * largest overlap of those not taken, at least `minOverlap`.
 */
function matches(truth: readonly Detection[], found: readonly Detection[], minOverlap: number): number[] {
  const taken = new Set<number>();
  return found.map(({ box, category }) => {
    let best = -1;
    let most = minOverlap;
    truth.forEach((object, i) => {
      if (object.category !== category || taken.has(i)) return;
      const share = overlap(object.box, box);
      if (share > most || (share === most && best < 0)) {
        best = i;
        most = share;
      }
    });
    if (best >= 0) taken.add(best);
    return best;
  });
}

const byScore = (detections: readonly Detection[]): Detection[] => [...detections].sort((a, b) => b.score - a.score);

/**
 * Share of the reference's detections of at least `minScore` that the other model finds again: same category, overlap of
 * at least `minOverlap`, any score down to `otherScore`. NaN while there are none.
 */
export function detectionAgreement({ minScore = 0.5, minOverlap = 0.5, otherScore = 0 } = {}) {
  let again = 0;
  let count = 0;
  return {
    add: (reference: readonly Detection[], other: readonly Detection[]): void => {
      const sure = reference.filter(({ score }) => score >= minScore);
      const candidates = byScore(other.filter(({ score }) => score >= otherScore));
      count += sure.length;
      again += matches(sure, candidates, minOverlap).filter((match) => match >= 0).length;
    },
    value: (): number => again / count,
    count: (): number => count,
  };
}

/** COCO's overlaps: 0.5, 0.55 … 0.95. */
const cocoOverlaps: readonly number[] = Array.from({ length: 10 }, (_, i) => (50 + 5 * i) / 100);

type Scored = { readonly score: number; readonly right: boolean };

/**
 * Mean average precision over categories and `overlaps`, by the area under the precision envelope (all points; COCO's
 * own code samples it at 101 recalls). Detections beyond the `most` best of a picture do not count.
 */
export function meanAveragePrecision(overlaps: readonly number[] = cocoOverlaps, most = 100) {
  const objects = new Map<number, number>();
  const scored = overlaps.map(() => new Map<number, Scored[]>());
  return {
    add: (truth: readonly Detection[], found: readonly Detection[]): void => {
      const best = byScore(found).slice(0, most);
      for (const { category } of truth) objects.set(category, (objects.get(category) ?? 0) + 1);
      overlaps.forEach((minOverlap, at) => {
        matches(truth, best, minOverlap).forEach((match, i) => {
          const { category, score } = best[i]!;
          const list = scored[at]!.get(category) ?? [];
          list.push({ score, right: match >= 0 });
          scored[at]!.set(category, list);
        });
      });
    },
    value: (): number => {
      const precisions = scored.flatMap((lists) =>
        Array.from(objects, ([category, count]) => averagePrecision(lists.get(category) ?? [], count)),
      );
      return precisions.reduce((sum, precision) => sum + precision, 0) / precisions.length;
    },
  };
}

function averagePrecision(list: readonly Scored[], objects: number): number {
  const sorted = [...list].sort((a, b) => b.score - a.score);
  let right = 0;
  const precisions = sorted.map((detection, i) => {
    if (detection.right) right++;
    return right / (i + 1);
  });
  // The envelope: the best precision at this recall or a higher one.
  let area = 0;
  let envelope = 0;
  for (let i = sorted.length - 1; i >= 0; i--) {
    envelope = Math.max(envelope, precisions[i]!);
    if (sorted[i]!.right) area += envelope / objects;
  }
  return area;
}
