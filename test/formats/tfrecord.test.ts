import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { crc32c } from '../../src/formats/crc32c.ts';
import { frameRecord, readRecords, writeRecords } from '../../src/formats/tfrecord.ts';

const [file, records]: [string, string[]] = JSON.parse(
  readFileSync(new URL('../data/fixtures/tfrecord.golden.json', import.meta.url), 'utf8'),
);
const bytes = Buffer.from(file, 'base64');
const contents = records.map((record) => Buffer.from(record, 'base64'));

async function collect(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Uint8Array[]> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return all;
}
const inChunks = (whole: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(whole.length / size) }, (_, i) => whole.subarray(i * size, (i + 1) * size));

test('crc32c gives the value of RFC 3720 and goes on from a part', () => {
  const digits = Buffer.from('123456789');
  expect(crc32c(digits)).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(digits.subarray(4), crc32c(digits.subarray(0, 4)))).toBe(0xe3069283);
});

test.each([1, 7, 12, 100, 1 << 20])('reads what TensorFlow writes, in chunks of %i bytes', async (size) => {
  const read = await collect(readRecords(inChunks(bytes, size)));
  expect(read.map((record) => Buffer.from(record))).toEqual(contents);
});

test('writes the bytes that TensorFlow writes', async () => {
  expect(Buffer.concat(await collect(writeRecords(contents))).equals(bytes)).toBe(true);
});

describe('damage', () => {
  test('every flipped byte is found, and names file and record', async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Uint8Array.from(bytes, (b, i) => (i === at ? b ^ flip : b));
        const error = await collect(readRecords([damaged], { file: 'x.tfrecord' })).catch((e: unknown) => e);
        expect(error).toBeInstanceOf(UserError);
        expect((error as Error).message).toMatch(/x\.tfrecord: record \d/);
      }),
    );
  });

  test('a cut-off end is found at every length but between records', async () => {
    let end = 0;
    const ends = new Set([0, ...contents.map((record) => (end += record.length + 16))]);
    for (let length = 0; length < bytes.length; length++) {
      const error = await collect(readRecords([bytes.subarray(0, length)])).catch((e: unknown) => e);
      expect(error instanceof UserError, `${length}`).toBe(!ends.has(length));
    }
  });

  test('a promise of a huge record allocates nothing', async () => {
    const huge = frameRecord(new Uint8Array(0)).slice(0, 12);
    new DataView(huge.buffer).setBigUint64(0, 2n ** 62n, true);
    await expect(collect(readRecords([huge]))).rejects.toThrow(/length is damaged/);
  });
});
