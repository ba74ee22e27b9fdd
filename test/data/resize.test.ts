import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { crop, type Picture, type ResizeFilter, resize, resizeFilters } from '../../src/data/image/resize.ts';

type Golden = {
  readonly filter: ResizeFilter;
  readonly from_: [number, number];
  readonly to: [number, number];
  data: string;
};
const goldens: Golden[] = JSON.parse(readFileSync(new URL('fixtures/pillow.golden.json', import.meta.url), 'utf8'));

/** As in fixtures/make.py. */
function picture(width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < 3; c++) {
        const edge = (Math.floor(x / 3) + Math.floor(y / 2)) % 2 === 0 ? 255 : 0;
        data[(y * width + x) * 3 + c] = (x * 31 + y * 17 + c * 71 + edge) % 256;
      }
  return { width, height, channels: 3, data };
}

test('the goldens cover every filter', () => {
  expect(new Set(goldens.map((golden) => golden.filter))).toEqual(new Set(resizeFilters));
});

test.each(goldens)('$filter from $from_ to $to is what Pillow gives, byte for byte', ({ filter, from_, to, data }) => {
  const out = resize(picture(...from_), ...to, filter);
  expect([out.width, out.height]).toEqual(to);
  expect(Buffer.from(out.data).equals(Buffer.from(data, 'base64'))).toBe(true);
});

describe('resize', () => {
  test.each(resizeFilters)('%s leaves the size it has, in a copy', (filter) => {
    const from = picture(5, 4);
    const out = resize(from, 5, 4, filter);
    expect(out.data).toEqual(from.data);
    expect(out.data).not.toBe(from.data);
  });
  test.each(resizeFilters)('%s keeps a plain colour', (filter) => {
    const plain = { width: 9, height: 7, channels: 3 as const, data: new Uint8Array(9 * 7 * 3).fill(201) };
    expect(new Set(resize(plain, 20, 3, filter).data)).toEqual(new Set([201]));
  });
  test.each(resizeFilters)('%s of a part is that part of the whole', (filter) => {
    const sizes = [
      [20, 30],
      [40, 7],
      [11, 30],
      [9, 5],
    ] as const;
    for (const [width, height] of sizes) {
      const part = { left: 2, top: 1, width: 6, height: 3 };
      const whole = resize(picture(40, 30), width, height, filter);
      expect(resize(picture(40, 30), width, height, filter, part)).toEqual(crop(whole, part));
    }
    expect(() => resize(picture(4, 4), 8, 8, filter, { left: 3, top: 0, width: 6, height: 2 })).toThrow(/too small/);
  });
  test('refuses sizes that are none', () => {
    expect(() => resize(picture(2, 2), 0, 2, 'box')).toThrow(UserError);
    expect(() => resize(picture(2, 2), 2, 1.5, 'box')).toThrow(UserError);
  });
});

test('crop cuts out of the middle and never beyond the edge', () => {
  const from = picture(4, 3);
  const part = crop(from, { left: 1, top: 1, width: 2, height: 1 });
  expect([...part.data]).toEqual([...from.data.subarray((4 + 1) * 3, (4 + 3) * 3)]);
  expect(() => crop(from, { left: 3, top: 0, width: 2, height: 1 })).toThrow(/4 x 3 picture is too small/);
});
