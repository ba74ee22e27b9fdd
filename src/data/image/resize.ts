import { UserError } from '../../base/errors.ts';

/** Pixels as they come out of a decoder: 8 bits a channel, interleaved, row by row. */
export type Picture = {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
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

/**
 * One pass over lines: output (line, at, channel) is the weighted sum along `step`. Serves both directions; for the
 * vertical one a "line" is a byte column of the picture.
 */
type Pass = {
  readonly lines: number;
  readonly lineStep: { readonly from: number; readonly to: number };
  readonly step: { readonly from: number; readonly to: number };
  readonly channels: number;
};

function resample(from: Uint8Array, to: Uint8Array, taps: Taps, { lines, lineStep, step, channels }: Pass): void {
  const { size, first, count, weights } = taps;
  const clamped = new Uint8ClampedArray(to.buffer, to.byteOffset, to.length);
  const half = 1 << (precisionBits - 1);
  for (let at = 0; at < first.length; at++) {
    const start = first[at]! * step.from;
    const n = count[at]!;
    const w = at * size;
    for (let line = 0; line < lines; line++) {
      for (let c = 0; c < channels; c++) {
        let read = line * lineStep.from + start + c;
        let sum = half;
        for (let i = 0; i < n; i++) {
          sum = (sum + Math.imul(from[read]!, weights[w + i]!)) | 0;
          read += step.from;
        }
        clamped[line * lineStep.to + at * step.to + c] = sum >> precisionBits;
      }
    }
  }
}

/** Pillow's nearest: the centre of each output pixel, stepped as Pillow does it so that ties fall alike. */
function nearest({ width, height, channels, data }: Picture, toWidth: number, toHeight: number): Uint8Array {
  const out = new Uint8Array(toWidth * toHeight * channels);
  const columns = steps(width, toWidth);
  const rows = steps(height, toHeight);
  let write = 0;
  for (const row of rows)
    for (const column of columns)
      for (let c = 0; c < channels; c++) out[write++] = data[(row * width + column) * channels + c]!;
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

/**
 * The picture at another size, with the bytes that Pillow's `Image.resize((width, height), filter)` gives: separable,
 * columns of a row first, 8-bit intermediate, weights of 22 bits. (Pillow 13 does the rows first where the height shrinks
 * much more than the width; models were trained before that.) Throws `UserError` on sizes that aren't positive.
 */
export function resize(picture: Picture, width: number, height: number, filter: ResizeFilter): Picture {
  if (!(width > 0 && height > 0 && Number.isInteger(width) && Number.isInteger(height)))
    throw new UserError(`a picture can't be resized to ${width} x ${height}`);
  const { channels } = picture;
  if (filter === 'nearest') return { width, height, channels, data: nearest(picture, width, height) };
  let { data } = picture;
  if (width !== picture.width) {
    const out = new Uint8Array(width * picture.height * channels);
    resample(data, out, tapsOf(picture.width, width, kernels[filter]), {
      lines: picture.height,
      lineStep: { from: picture.width * channels, to: width * channels },
      step: { from: channels, to: channels },
      channels,
    });
    data = out;
  }
  if (height !== picture.height) {
    const out = new Uint8Array(width * height * channels);
    const row = width * channels;
    resample(data, out, tapsOf(picture.height, height, kernels[filter]), {
      lines: row,
      lineStep: { from: 1, to: 1 },
      step: { from: row, to: row },
      channels: 1,
    });
    data = out;
  }
  return { width, height, channels, data: data === picture.data ? new Uint8Array(data) : data };
}

/** The part of the picture that begins at (`left`, `top`), which must lie inside. */
export function crop(picture: Picture, left: number, top: number, width: number, height: number): Picture {
  const { channels } = picture;
  if (left < 0 || top < 0 || left + width > picture.width || top + height > picture.height)
    throw new UserError(
      `a ${picture.width} x ${picture.height} picture is too small to cut ${width} x ${height} out of`,
    );
  const data = new Uint8Array(width * height * channels);
  for (let row = 0; row < height; row++) {
    const start = ((top + row) * picture.width + left) * channels;
    data.set(picture.data.subarray(start, start + width * channels), row * width * channels);
  }
  return { width, height, channels, data };
}
