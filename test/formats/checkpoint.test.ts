import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { parseSlice, sliceKey } from '../../src/formats/saved-model/slices.ts';
import { uncompressSnappy } from '../../src/formats/saved-model/snappy.ts';
import { readTable } from '../../src/formats/saved-model/table.ts';

describe('snappy', () => {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

  test('literals, and copies near, far and overlapping (format_description.txt)', () => {
    // 'Wikipedia': a literal alone.
    expect(text(uncompressSnappy(Uint8Array.of(9, 8 << 2, ...Buffer.from('Wikipedia'))))).toBe('Wikipedia');
    // 'ab' then a copy of 6 bytes from 2 back (one-byte offset): a run that repeats itself.
    expect(text(uncompressSnappy(Uint8Array.of(8, 1 << 2, 0x61, 0x62, ((6 - 4) << 2) | 1, 2)))).toBe('abababab');
    // The same by the two-byte and four-byte offsets.
    expect(text(uncompressSnappy(Uint8Array.of(8, 1 << 2, 0x61, 0x62, (5 << 2) | 2, 2, 0)))).toBe('abababab');
    expect(text(uncompressSnappy(Uint8Array.of(8, 1 << 2, 0x61, 0x62, (5 << 2) | 3, 2, 0, 0, 0)))).toBe('abababab');
    // A literal whose length takes a byte of its own.
    const long = 'x'.repeat(100);
    expect(text(uncompressSnappy(Uint8Array.of(100, 60 << 2, 99, ...Buffer.from(long))))).toBe(long);
  });

  test.each([
    ['a copy from before the start', [4, 0, 0x61, 1, 2]],
    ['more than was announced', [1, 1 << 2, 0x61, 0x62]],
    ['less than was announced', [3, 1 << 2, 0x61, 0x62]],
    ['a literal that is cut', [3, 2 << 2, 0x61]],
    ['gigabytes', [255, 255, 255, 255, 15, 0, 0x61]],
    ['nothing', []],
  ])('%s is refused', (_, bytes) => {
    expect(() => uncompressSnappy(Uint8Array.from(bytes))).toThrow(UserError);
  });

  test('random bytes give bytes or a UserError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        try {
          uncompressSnappy(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});

describe('slices', () => {
  test('specifications of RestoreV2', () => {
    expect(parseSlice('')).toBeUndefined();
    expect(parseSlice('10 3 4,3:-')).toEqual({
      shape: [10, 3],
      slice: [
        { start: 4, length: 3 },
        { start: 0, length: 3 },
      ],
    });
    for (const bad of ['10 3 8,3:-', '10 4,3:-', '10 a', '10 -1,3', '10 1'])
      expect(() => parseSlice(bad), bad).toThrow(UserError);
  });

  test("keys are TensorFlow's ordered code", () => {
    const hex = (key: string) => Buffer.from(key, 'latin1').toString('hex');
    // 0, 'part' and its end, rank 2, then 0x80 + n for small numbers; -1 is 0x7f.
    const whole = sliceKey('part', [
      { start: 4, length: 3 },
      { start: 0, length: undefined },
    ]);
    expect(hex(whole)).toBe('007061727400010102848380' + '7f');
    // 64 takes two bytes, 8192 three.
    expect(hex(sliceKey('a', [{ start: 64, length: 8192 }]))).toBe('006100010101c040e02000');
  });
});

test('tables: anything but a table is refused', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(() => readTable(bytes, 'variables.index')).toThrow(UserError);
    }),
  );
});
