/** One set of nodes that was left in fp32, and what came of it. */
export type Trial = {
  /** Sorted by name. */
  readonly fp32: readonly string[];
  readonly figure: number;
  readonly seconds: number;
};

/** Measures a model with these nodes in fp32; undefined when time or trials have run out. */
export type Attempt = (fp32: readonly string[]) => Promise<Trial | undefined>;

/**
 * Looks for few nodes to leave in fp32 so that `attempt` gives at least `floor`. `ranking` has the nodes that cost most first.
 *
 * Doubles how many of the first are left until that is enough, halves the step between the last two, then tries each
 * without: a node may be high in the ranking and yet not be needed. At most 2 · log2(n) + k trials, k being how many are left.
 */
export async function search(attempt: Attempt, ranking: readonly string[], floor: number): Promise<'done' | 'stopped'> {
  const passes = async (fp32: readonly string[]): Promise<boolean | undefined> => {
    const trial = await attempt(fp32);
    return trial && trial.figure >= floor;
  };
  let low = -1;
  let high = 0;
  for (;;) {
    const enough = await passes(ranking.slice(0, high));
    if (enough === undefined) return 'stopped';
    if (enough) break;
    // Not even all of them: the best of what was tried has to do.
    if (high >= ranking.length) return 'done';
    low = high;
    high = Math.min(ranking.length, Math.max(1, 2 * high));
  }
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    const enough = await passes(ranking.slice(0, middle));
    if (enough === undefined) return 'stopped';
    if (enough) high = middle;
    else low = middle;
  }
  return prune(passes, ranking.slice(0, high));
}

/** Gives back to int8 what is not needed, those that cost least first. */
async function prune(
  passes: (fp32: readonly string[]) => Promise<boolean | undefined>,
  enough: readonly string[],
): Promise<'done' | 'stopped'> {
  let kept = enough;
  // The last one of the ranking was needed: without it the figure was below the floor.
  for (const name of enough.slice(0, -1).reverse()) {
    const without = kept.filter((other) => other !== name);
    const isEnough = await passes(without);
    if (isEnough === undefined) return 'stopped';
    if (isEnough) kept = without;
  }
  return 'done';
}

/** The better of two trials: one that keeps the floor before one that does not, then fewer in fp32, then the figure. */
export function isBetter(trial: Trial, than: Trial | undefined, floor: number): boolean {
  if (than === undefined) return true;
  const [keeps, kept] = [trial.figure >= floor, than.figure >= floor];
  if (keeps !== kept) return keeps;
  if (keeps && trial.fp32.length !== than.fp32.length) return trial.fp32.length < than.fp32.length;
  return trial.figure > than.figure;
}
