/** Philox4x32-10 (Salmon et al. 2011), as TensorFlow's PhiloxRandom: blocks of four 32-bit numbers by key and counter. */
export type Philox = {
  /** The next four numbers. */
  readonly next: () => readonly [number, number, number, number];
};

const multiplierA = 0xd2511f53n;
const multiplierB = 0xcd9e8d57n;
const weylA = 0x9e3779b9;
const weylB = 0xbb67ae85;

/** A generator from a 64-bit key and a 128-bit counter, each little end first. */
export function philox(key: readonly [number, number], counter: readonly [number, number, number, number]): Philox {
  const at = counter.map((word) => word >>> 0) as [number, number, number, number];
  return {
    next: () => {
      const block = encrypt(key, at);
      for (let i = 0; i < 4; i++) {
        at[i] = (at[i]! + 1) >>> 0;
        if (at[i] !== 0) break;
      }
      return block;
    },
  };
}

/** PhiloxRandom(seed_lo, seed_hi): the key is the first seed, the upper half of the counter the second. */
export function philoxOfSeeds(seed: bigint, seed2: bigint): Philox {
  const [keyLow, keyHigh] = words(seed);
  const [counterLow, counterHigh] = words(seed2);
  return philox([keyLow, keyHigh], [0, 0, counterLow, counterHigh]);
}

/** A 64-bit integer as its lower and upper half. */
export const words = (x: bigint): [number, number] => [
  Number(BigInt.asUintN(32, x)),
  Number(BigInt.asUintN(32, x >> 32n)),
];

function encrypt(key: readonly [number, number], counter: readonly number[]): [number, number, number, number] {
  let [k0, k1] = key;
  let [c0, c1, c2, c3] = counter as [number, number, number, number];
  for (let round = 0; round < 10; round++) {
    const [lowA, highA] = words(multiplierA * BigInt(c0));
    const [lowB, highB] = words(multiplierB * BigInt(c2));
    [c0, c1, c2, c3] = [(highB ^ c1 ^ k0) >>> 0, lowB, (highA ^ c3 ^ k1) >>> 0, lowA];
    k0 = (k0 + weylA) >>> 0;
    k1 = (k1 + weylB) >>> 0;
  }
  return [c0, c1, c2, c3];
}
