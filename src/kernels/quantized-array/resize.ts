import { UserError } from '../../base/errors.ts';
import { formatShape } from '../../base/shape.ts';
import { numbersOf, type Tensor } from '../../base/tensor.ts';
import { opAttr } from '../../graph/signature.ts';
import type { Numbers } from '../conv/convolve.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

const f32 = Math.fround;

/** For each output element of an axis the two inputs it lies between and its float32 distance from the first. */
type Taps = { readonly lower: number; readonly upper: number; readonly share: number }[];

function tapsOf(input: number, output: number, alignCorners: boolean, halfPixel: boolean): Taps {
  const scale = f32(alignCorners && output > 1 ? (input - 1) / (output - 1) : input / output);
  return Array.from({ length: output }, (_, i) => {
    const at = halfPixel ? f32(f32(f32(i + 0.5) * scale) - 0.5) : f32(i * scale);
    const upper = Math.min(Math.ceil(at), input - 1);
    const lower = Math.min(Math.max(Math.floor(at), 0), upper);
    return { lower, upper, share: f32(at - Math.floor(at)) };
  });
}

/** Interpolates between four neighbours, by the shares along x and y. */
type Lerp = (
  topLeft: number,
  topRight: number,
  bottomLeft: number,
  bottomRight: number,
  x: number,
  y: number,
) => number;

const floatLerp: Lerp = (topLeft, topRight, bottomLeft, bottomRight, x, y) => {
  const top = f32(topLeft + f32(f32(topRight - topLeft) * x));
  const bottom = f32(bottomLeft + f32(f32(bottomRight - bottomLeft) * x));
  return f32(top + f32(f32(bottom - top) * y));
};

/** quint8 in 16-bit arithmetic with 7 fractional bits: the shares are cut off, and so is the difference of the rows. */
const byteLerp: Lerp = (topLeft, topRight, bottomLeft, bottomRight, x, y) => {
  const [xShare, yShare] = [Math.trunc(x * 128), Math.trunc(y * 128)];
  const top = topLeft * 128 + (topRight - topLeft) * xShare;
  const bottom = bottomLeft * 128 + (bottomRight - bottomLeft) * xShare;
  const sum = top + Math.trunc((bottom - top) / 128) * yShare;
  return Math.trunc((sum + 64) / 128);
};

/** qint32 likewise with 30 bits, which takes 64-bit integers; codes pass through float32 on their way in. */
const wordLerp: Lerp = (topLeft, topRight, bottomLeft, bottomRight, x, y) => {
  const one = 2n ** 30n;
  const [xShare, yShare] = [x, y].map((share) => BigInt(Math.trunc(share * 2 ** 30))) as [bigint, bigint];
  const wide = (code: number) => BigInt(f32(code));
  const row = (left: bigint, right: bigint) => left * one + (right - left) * xShare;
  const [top, bottom] = [row(wide(topLeft), wide(topRight)), row(wide(bottomLeft), wide(bottomRight))];
  return Number((top + ((bottom - top) / one) * yShare + one / 2n) / one);
};

function resize(input: Numbers, shape: readonly number[], rows: Taps, columns: Taps, lerp: Lerp): Float64Array {
  const [batch, height, width, channels] = shape as [number, number, number, number];
  const out = new Float64Array(batch * rows.length * columns.length * channels);
  let to = 0;
  for (let image = 0; image < batch; image++)
    for (const y of rows)
      for (const x of columns) {
        const at = (row: number, column: number) => ((image * height + row) * width + column) * channels;
        const [tl, tr, bl, br] = [
          at(y.lower, x.lower),
          at(y.lower, x.upper),
          at(y.upper, x.lower),
          at(y.upper, x.upper),
        ];
        for (let c = 0; c < channels; c++)
          out[to++] = lerp(input[tl + c]!, input[tr + c]!, input[bl + c]!, input[br + c]!, x.share, y.share);
      }
  return out;
}

const lerps = { quint8: byteLerp, qint32: wordLerp, float32: floatLerp } as const;
const hasLerp = (dtype: Tensor['dtype']): dtype is keyof typeof lerps => Object.hasOwn(lerps, dtype);

/** images, size, min, max → pictures of another size, their range unchanged. */
export const quantizedResizeBilinear: ReferenceKernel = (inputs, node) => {
  const images = inputAt(inputs, 0);
  const size = numbersOf(inputAt(inputs, 1));
  if (images.shape.length !== 4 || size.length !== 2 || !hasLerp(images.dtype))
    throw new UserError(`can't resize ${images.dtype} ${formatShape(images.shape)} to [${size}]`);
  const align = opAttr(node, 'align_corners', 'bool');
  const half = opAttr(node, 'half_pixel_centers', 'bool');
  const [batch, height, width, channels] = images.shape as [number, number, number, number];
  const rows = tapsOf(height, size[0]!, align, half);
  const columns = tapsOf(width, size[1]!, align, half);
  const same = height === size[0] && width === size[1];
  const values = numbers(images);
  const resized = same ? values : resize(values, images.shape, rows, columns, lerps[images.dtype]);
  const shape = [batch, rows.length, columns.length, channels];
  return [tensorOfNumbers(images.dtype, shape, resized), inputAt(inputs, 2), inputAt(inputs, 3)];
};
