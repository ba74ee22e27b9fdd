import { expect, test } from 'vitest';
import { preprocessor } from '../../src/data/image/preprocess.ts';
import type { Picture } from '../../src/data/image/resize.ts';

/** Pixel (x, y) is (10 x, 10 y, 5). */
function picture(width: number, height: number): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let i = 0; i < width * height; i++) data.set([10 * (i % width), 10 * Math.floor(i / width), 5], i * 3);
  return { width, height, channels: 3, data };
}

test('as it is: RGB, NHWC, float32', () => {
  const t = preprocessor({ kind: 'image' })(picture(2, 1));
  expect([t.dtype, t.shape]).toEqual(['float32', [1, 1, 2, 3]]);
  expect([...t.data]).toEqual([0, 0, 5, 10, 0, 5]);
});

test('mean, scale and deviation are per channel in the order that the model reads', () => {
  const t = preprocessor({ kind: 'image', channels: 'BGR', scale: 2, mean: [1, 2, 3], std: [1, 1, 4] })(picture(2, 1));
  expect([...t.data]).toEqual([9, -2, -0.75, 9, -2, 4.25]);
});

test('NCHW', () => {
  const t = preprocessor({ kind: 'image', layout: 'NCHW' })(picture(2, 2));
  expect(t.shape).toEqual([1, 3, 2, 2]);
  expect([...t.data]).toEqual([0, 10, 0, 10, 0, 0, 10, 10, 5, 5, 5, 5]);
});

test('uint8 saturates, int32 is whole', () => {
  const raw = { kind: 'image', scale: 30 } as const;
  expect([...preprocessor({ ...raw, dtype: 'uint8' })(picture(2, 1)).data]).toEqual([0, 0, 150, 255, 0, 150]);
  expect([...preprocessor({ ...raw, dtype: 'int32' })(picture(2, 1)).data]).toEqual([0, 0, 150, 300, 0, 150]);
});

test('shortSide keeps the ratio, the long side rounded to the nearest pixel', () => {
  const resize = { mode: 'shortSide', size: 2, filter: 'nearest' } as const;
  expect(preprocessor({ kind: 'image', resize })(picture(7, 4)).shape).toEqual([1, 2, 4, 3]);
  expect(preprocessor({ kind: 'image', resize })(picture(3, 11)).shape).toEqual([1, 7, 2, 3]);
});

test('the crop is centred, an odd margin half a pixel to the left and above', () => {
  const t = preprocessor({ kind: 'image', crop: { width: 2, height: 1 } })(picture(5, 4));
  expect([...t.data]).toEqual([10, 10, 5, 20, 10, 5]);
});

test('centreFraction cuts a square out of the middle before it resizes, an odd margin to the right', () => {
  const resize = { mode: 'centreFraction', fraction: 0.5, size: 2, filter: 'nearest' } as const;
  const t = preprocessor({ kind: 'image', resize })(picture(7, 5));
  expect([...t.data]).toEqual([30, 20, 5, 40, 20, 5, 30, 30, 5, 40, 30, 5]);
});

test('a crop beyond the picture is refused', () => {
  expect(() => preprocessor({ kind: 'image', crop: { width: 6, height: 1 } })(picture(5, 4))).toThrow(/too small/);
});
