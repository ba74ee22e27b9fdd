import fc from 'fast-check';
import { expect } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { type Rng, rng } from '../../src/base/rng.ts';

/** What tends to break parsers, put in anywhere. */
const poison = [
  '-1',
  '1e999',
  'null',
  '{}',
  '[]',
  '"',
  '9999999999',
  '__proto__',
  'constructor',
  '\n',
  ',',
  '\0',
  '\xff',
];
const numbers = ['-1', '0', '1e9', '2147483648', '9007199254740993', '1.5', 'null', '"a"', '1e400'];
const texts = ['"__proto__"', '""', 'null', '3', '"../../x"', '"DT_STRING"', '{}', '[1]', '"NoOp"'];

/** `bytes` cut, with bytes missing, added or flipped, or with a number or a quoted text in it replaced. */
export function damaged(bytes: Uint8Array, random: Rng): Uint8Array {
  const text = Buffer.from(bytes).toString('latin1');
  const at = random.int(0, bytes.length - 1);
  const spliced = (from: number, length: number, by: string) =>
    new Uint8Array(Buffer.from(text.slice(0, from) + by + text.slice(from + length), 'latin1'));
  const replaced = (what: RegExp, by: readonly string[]) => {
    const found = [...text.matchAll(what)];
    const one = found[random.int(0, Math.max(0, found.length - 1))];
    return one === undefined ? bytes : spliced(one.index, one[0].length, random.pick(by));
  };
  const kind = random.int(0, 5);
  if (kind === 0) return bytes.slice(0, at);
  if (kind === 1) return spliced(at, random.int(1, 16), '');
  if (kind === 2) return spliced(at, 0, random.pick(poison));
  if (kind === 3) return replaced(/\d+/g, numbers);
  if (kind === 4) return replaced(/"[^"]*"/g, texts);
  const flipped = Uint8Array.from(bytes);
  for (let i = random.int(1, 4); i > 0; i--) flipped[random.int(0, bytes.length - 1)]! ^= 1 << random.int(0, 7);
  return flipped;
}

/** Far more than any of these files can need: a lie about a size that is believed takes more, or longer. */
const limits = { ms: 5000, bytes: 500 * 2 ** 20 };

/** That `read` gives something or throws `UserError`, whatever is done to a file, in bounded time and memory. */
export async function expectTypedErrors(numRuns: number, read: (random: Rng) => unknown): Promise<void> {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 2 ** 31 - 1 }), async (seed) => {
      const [begin, resident] = [performance.now(), process.memoryUsage.rss()];
      try {
        await read(rng(seed));
      } catch (error) {
        expect(error, (error as Error).stack).toBeInstanceOf(UserError);
      }
      expect(performance.now() - begin).toBeLessThan(limits.ms);
      expect(process.memoryUsage.rss() - resident).toBeLessThan(limits.bytes);
    }),
    { numRuns },
  );
}
