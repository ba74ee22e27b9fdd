/** Numbers by position: a typed array or a list. */
export type Numbers = ArrayLike<number>;

/** How many scores come before that at `label`, the first of equal ones first; undefined where it is NaN or not there. */
export function rankOf(scores: Numbers, label: number): number | undefined {
  const own = scores[label];
  if (own === undefined || Number.isNaN(own)) return undefined;
  let rank = 0;
  for (let i = 0; i < scores.length; i++) if (scores[i]! > own || (scores[i] === own && i < label)) rank++;
  return rank;
}

/** The index of the largest score, the first of equal ones; -1 when all are NaN or there is none. */
export function argmax(scores: Numbers): number {
  let best = -1;
  for (let i = 0; i < scores.length; i++)
    if (!Number.isNaN(scores[i]!) && (best < 0 || scores[i]! > scores[best]!)) best = i;
  return best;
}

/** Share of samples whose class is among the `k` highest scores. */
export function topK(k: number) {
  let hits = 0;
  let count = 0;
  return {
    add: (scores: Numbers, label: number): void => {
      const rank = rankOf(scores, label);
      count++;
      if (rank !== undefined && rank < k) hits++;
    },
    value: (): number => hits / count,
  };
}

/** Share of samples for which two models put the same class first. */
export function agreement() {
  let same = 0;
  let count = 0;
  return {
    add: (a: Numbers, b: Numbers): void => {
      count++;
      if (argmax(a) === argmax(b)) same++;
    },
    value: (): number => same / count,
  };
}

/**
 * Area under the ROC curve: the share of (positive, negative) pairs in which the positive scores higher, ties counted
 * half (Mann and Whitney 1947). Exact; keeps one score a sample. NaN while there is only one kind, or if a score is NaN.
 */
export function auc() {
  const scores: number[] = [];
  const targets: boolean[] = [];
  return {
    add: (score: number, positive: boolean): void => {
      scores.push(score);
      targets.push(positive);
    },
    value: (): number => areaUnderCurve(scores, targets),
  };
}

function areaUnderCurve(scores: readonly number[], positive: readonly boolean[]): number {
  if (scores.some(Number.isNaN)) return Number.NaN;
  const order = scores.map((_, i) => i).sort((a, b) => scores[a]! - scores[b]!);
  const positives = positive.filter(Boolean).length;
  let rankSum = 0;
  for (let start = 0; start < order.length; ) {
    let end = start;
    while (end < order.length && scores[order[end]!] === scores[order[start]!]) end++;
    // Equal scores share the mean of their ranks start + 1 … end.
    const rank = (start + 1 + end) / 2;
    for (let i = start; i < end; i++) if (positive[order[i]!]) rankSum += rank;
    start = end;
  }
  return (rankSum - (positives * (positives + 1)) / 2) / (positives * (scores.length - positives));
}

/**
 * HR@k and NDCG@k of leave-one-out ranking: whether the chosen item is among the first `k` of its candidates, and
 * 1 / log2(place + 1). Of equal scores the chosen item's comes last, so that a constant scorer earns nothing.
 */
export function ranking(k: number) {
  let hits = 0;
  let gain = 0;
  let count = 0;
  return {
    add: (scores: Numbers, chosen: number): void => {
      const own = scores[chosen]!;
      let rank = 0;
      for (let i = 0; i < scores.length; i++) if (i !== chosen && !(scores[i]! < own)) rank++;
      count++;
      if (rank >= k) return;
      hits++;
      gain += 1 / Math.log2(rank + 2);
    },
    hitRate: (): number => hits / count,
    ndcg: (): number => gain / count,
  };
}
