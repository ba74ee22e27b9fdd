/** A seeded generator of random numbers: the same seed gives the same sequence on every machine. */
export type Rng = {
  /** Uniform in [0, 1), 32 random bits. */
  readonly uniform: () => number;
  /** Uniform integer in [low, high]. */
  readonly int: (low: number, high: number) => number;
  /** Standard normal. */
  readonly normal: () => number;
  readonly pick: <T>(items: readonly T[]) => T;
};

/** sfc32 (Chris Doty-Humphrey, PractRand): small, fast, passes BigCrush. */
export function rng(seed: number): Rng {
  let a = 0x9e3779b9 | 0;
  let b = 0x243f6a88 | 0;
  let c = seed | 0;
  let counter = 1;
  const next = (): number => {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    return t >>> 0;
  };
  for (let i = 0; i < 15; i++) next();
  const uniform = () => next() / 2 ** 32;
  const int = (low: number, high: number) => low + Math.floor(uniform() * (high - low + 1));
  return {
    uniform,
    int,
    // Box-Muller; 1 - u keeps the logarithm's argument above zero.
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    pick: (items) => items[int(0, items.length - 1)]!,
  };
}
