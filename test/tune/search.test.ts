import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isBetter, search, type Trial } from '../../src/tune/search.ts';

const trial = (fp32: readonly string[], figure: number): Trial => ({ fp32, figure, seconds: 0 });

/** Searches with a figure that needs all of `needed` in fp32; gives what was tried. */
async function tried(ranking: readonly string[], needed: readonly string[], most = Number.POSITIVE_INFINITY) {
  const trials: Trial[] = [];
  const end = await search(
    async (fp32) => {
      if (trials.length >= most) return undefined;
      const share = needed.filter((name) => fp32.includes(name)).length / Math.max(1, needed.length);
      trials.push(trial(fp32, needed.length === 0 ? 1 : share));
      return trials.at(-1);
    },
    ranking,
    1,
  );
  return { end, trials, best: trials.reduce<Trial | undefined>((b, t) => (isBetter(t, b, 1) ? t : b), undefined) };
}

describe('search', () => {
  const ranking = Array.from({ length: 20 }, (_, i) => `n${i}`);

  it('tries nothing more when everything can be int8', async () => {
    const { trials } = await tried(ranking, []);
    expect(trials.map((t) => t.fp32)).toEqual([[]]);
  });

  it('leaves just the nodes that are needed, wherever they are in the ranking', () =>
    fc.assert(
      fc.asyncProperty(fc.subarray(ranking), async (needed) => {
        const { best, trials, end } = await tried(ranking, needed);
        expect([...best!.fp32].sort()).toEqual([...needed].sort());
        expect(trials.length).toBeLessThanOrEqual(12 + ranking.length);
        expect(end).toBe('done');
      }),
    ));

  it('stops when there are no trials left, with the best so far', async () => {
    const { end, trials, best } = await tried(ranking, ['n0', 'n5'], 3);
    expect(end).toBe('stopped');
    expect(trials.map((t) => t.fp32.length)).toEqual([0, 1, 2]);
    expect(best!.fp32).toEqual(['n0']);
  });

  it('ends when not even all of them are enough', async () => {
    const { end, trials } = await tried(ranking, ['elsewhere']);
    expect(end).toBe('done');
    expect(trials.at(-1)!.fp32).toEqual(ranking);
  });
});

describe('the better of two trials', () => {
  const rows: readonly (readonly [what: string, better: Trial, worse: Trial])[] = [
    ['keeps the floor', trial(['a', 'b'], 0.9), trial([], 0.8)],
    ['has fewer in fp32', trial(['a'], 0.9), trial(['a', 'b'], 1)],
    ['has the higher figure, where both fall short', trial(['a', 'b'], 0.5), trial([], 0.4)],
    ['has the higher figure, where both keep it with as many', trial(['b'], 0.95), trial(['a'], 0.9)],
  ];
  for (const [what, better, worse] of rows)
    it(`is the one that ${what}`, () => {
      expect(isBetter(better, worse, 0.9)).toBe(true);
      expect(isBetter(worse, better, 0.9)).toBe(false);
    });
});
