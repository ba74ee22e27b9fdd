import { UserError } from '../../base/errors.ts';

/** RGB pixels as they come out of a decoder: 8 bits a channel, interleaved, row by row. */
export type Picture = {
  readonly width: number;
  readonly height: number;
  readonly channels: 3;
  readonly data: Uint8Array;
};

type Kernel = { readonly support: number; readonly weight: (x: number) => number };

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const hamming = (x: number): number => {
  if (x === 0) return 1;
  if (x >= 1) return 0;
  const angle = x * Math.PI;
  // Pillow's constants are single precision.
  return (Math.sin(angle) / angle) * (Math.fround(0.54) + Math.fround(0.46) * Math.cos(angle));
};
/** Keys' cubic with a = -0.5. */
const cubic = (x: number): number => {
  const a = -0.5;
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
};

/** Pillow's filters (libImaging/Resample.c), by the name of its `Image.Resampling`; all but box are even functions. */
const kernels = {
  box: { support: 0.5, weight: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  hamming: { support: 1, weight: (x) => hamming(Math.abs(x)) },
  bicubic: { support: 2, weight: (x) => cubic(Math.abs(x)) },
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
} satisfies Record<string, Kernel>;

export type ResizeFilter = keyof typeof kernels | 'nearest';
export const resizeFilters: readonly ResizeFilter[] = [
  ...(Object.keys(kernels) as (keyof typeof kernels)[]),
  'nearest',
];

/** Weights are integers with this many bits after the point: 8 for the pixel and 2 for overshoot are left of 32. */
const precisionBits = 32 - 8 - 2;

type Taps = {
  readonly size: number;
  readonly first: Int32Array;
  readonly count: Int32Array;
  readonly weights: Int32Array;
};

/** For each of `to` output positions: the first input that counts, how many do, and their fixed-point weights. */
function tapsOf(from: number, to: number, kernel: Kernel): Taps {
  const scale = from / to;
  // Shrinking widens the filter, so that every input pixel counts.
  const filterScale = Math.max(scale, 1);
  const support = kernel.support * filterScale;
  const size = Math.ceil(support) * 2 + 1;
  const taps = { size, first: new Int32Array(to), count: new Int32Array(to), weights: new Int32Array(to * size) };
  const real = new Float64Array(size);
  for (let at = 0; at < to; at++) {
    const centre = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(from, Math.trunc(centre + support + 0.5)) - first;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      real[i] = kernel.weight((i + first - centre + 0.5) * (1 / filterScale));
      sum += real[i]!;
    }
    for (let i = 0; i < count; i++) {
      const weight = (sum === 0 ? real[i]! : real[i]! / sum) * 2 ** precisionBits;
      taps.weights[at * size + i] = Math.trunc(weight + (weight < 0 ? -0.5 : 0.5));
    }
    taps.first[at] = first;
    taps.count[at] = count;
  }
  return taps;
}

const half = 1 << (precisionBits - 1);

/** The columns `part` of `rowCount` rows, from row `firstRow` on, each pixel the weighted sum of its neighbours in the row. */
function acrossRows(picture: Picture, taps: Taps, part: Part, firstRow: number, rowCount: number): Uint8Array {
  const { size, first, count, weights } = taps;
  const { data } = picture;
  const out = new Uint8ClampedArray(part.width * rowCount * 3);
  let write = 0;
  for (let row = firstRow; row < firstRow + rowCount; row++) {
    for (let at = part.left; at < part.left + part.width; at++) {
      let read = (row * picture.width + first[at]!) * 3;
      let [red, green, blue] = [half, half, half];
      const end = at * size + count[at]!;
      for (let w = at * size; w < end; w++) {
        const weight = weights[w]!;
        red = (red + Math.imul(data[read]!, weight)) | 0;
        green = (green + Math.imul(data[read + 1]!, weight)) | 0;
        blue = (blue + Math.imul(data[read + 2]!, weight)) | 0;
        read += 3;
      }
      out[write] = red >> precisionBits;
      out[write + 1] = green >> precisionBits;
      out[write + 2] = blue >> precisionBits;
      write += 3;
    }
  }
  return new Uint8Array(out.buffer);
}

/** The rows `part` of the result, each the weighted sum of rows of `data`, which begins with row `firstRow`. */
function acrossColumns(data: Uint8Array, taps: Taps, part: Part, firstRow: number): Uint8Array {
  const { size, first, count, weights } = taps;
  const row = part.width * 3;
  const out = new Uint8ClampedArray(row * part.height);
  const sums = new Int32Array(row);
  for (let at = part.top; at < part.top + part.height; at++) {
    sums.fill(half);
    for (let i = 0; i < count[at]!; i++) {
      const weight = weights[at * size + i]!;
      const read = (first[at]! + i - firstRow) * row;
      for (let b = 0; b < row; b++) sums[b] = (sums[b]! + Math.imul(data[read + b]!, weight)) | 0;
    }
    const write = (at - part.top) * row;
    for (let b = 0; b < row; b++) out[write + b] = sums[b]! >> precisionBits;
  }
  return new Uint8Array(out.buffer);
}

/** Pillow's nearest: the centre of each output pixel, stepped as Pillow does it so that ties fall alike. */
function nearest({ width, height, data }: Picture, toWidth: number, toHeight: number, part: Part): Uint8Array {
  const out = new Uint8Array(part.width * part.height * 3);
  const columns = steps(width, toWidth).subarray(part.left, part.left + part.width);
  const rows = steps(height, toHeight).subarray(part.top, part.top + part.height);
  let write = 0;
  for (const row of rows)
    for (const column of columns) for (let c = 0; c < 3; c++) out[write++] = data[(row * width + column) * 3 + c]!;
  return out;
}

function steps(from: number, to: number): Int32Array {
  const scale = from / to;
  const out = new Int32Array(to);
  let at = scale * 0.5;
  for (let i = 0; i < to; i++) {
    out[i] = Math.min(from - 1, Math.trunc(at));
    at += scale;
  }
  return out;
}

/** A part of a picture, in its pixels. */
export type Part = { readonly left: number; readonly top: number; readonly width: number; readonly height: number };

/**
 * The picture at another size, with the bytes that Pillow's `Image.resize((width, height), filter)` gives: separable,
 * columns of a row first, 8-bit intermediate, weights of 22 bits. (Pillow 13 does the rows first where the height shrinks
 * much more than the width; models were trained before that.) Of the result only `part` is made. Throws `UserError` on
 * sizes that aren't positive and on parts that aren't inside.
 */
export function resize(
  picture: Picture,
  width: number,
  height: number,
  filter: ResizeFilter,
  part: Part = { left: 0, top: 0, width, height },
): Picture {
  if (!(width > 0 && height > 0 && Number.isInteger(width) && Number.isInteger(height)))
    throw new UserError(`a picture can't be resized to ${width} x ${height}`);
  checkPart(part, width, height);
  const size = { width: part.width, height: part.height, channels: 3 } as const;
  if (filter === 'nearest') return { ...size, data: nearest(picture, width, height, part) };
  const columns = width === picture.width ? undefined : tapsOf(picture.width, width, kernels[filter]);
  const rows = height === picture.height ? undefined : tapsOf(picture.height, height, kernels[filter]);
  const last = part.top + part.height - 1;
  const firstRow = rows?.first[part.top] ?? part.top;
  const rowCount = (rows === undefined ? last + 1 : rows.first[last]! + rows.count[last]!) - firstRow;
  const wide =
    columns === undefined
      ? crop(picture, { ...part, top: firstRow, height: rowCount }).data
      : acrossRows(picture, columns, part, firstRow, rowCount);
  return { ...size, data: rows === undefined ? wide : acrossColumns(wide, rows, part, firstRow) };
}

function checkPart({ left, top, width, height }: Part, ofWidth: number, ofHeight: number): void {
  if (left < 0 || top < 0 || left + width > ofWidth || top + height > ofHeight)
    throw new UserError(`a ${ofWidth} x ${ofHeight} picture is too small to cut ${width} x ${height} out of`);
}

/** A copy of a part of the picture. Throws `UserError` when it does not lie inside. */
export function crop(picture: Picture, part: Part): Picture {
  checkPart(part, picture.width, picture.height);
  const { left, top, width, height } = part;
  const data = new Uint8Array(width * height * 3);
  for (let row = 0; row < height; row++) {
    const start = ((top + row) * picture.width + left) * 3;
    data.set(picture.data.subarray(start, start + width * 3), row * width * 3);
  }
  return { width, height, channels: 3, data };
}
