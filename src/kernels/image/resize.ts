import { isBigInt } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape } from '../../base/shape.ts';
import { numbersOf, type Tensor, tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { view } from '../array/view.ts';
import { widened } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

const f32 = Math.fround;

/** Where the pixels of a resized axis come from. */
type AxisMap = {
  readonly input: number;
  readonly output: number;
  readonly scale: number;
  readonly centers: 'half' | 'legacy';
  readonly alignCorners: boolean;
};

/** Pictures [n, h, w, c] as numbers, and how their axes map. Throws `UserError` on sizes that TensorFlow refuses. */
function pictures(images: Tensor, size: Tensor, node: Node) {
  if (images.shape.length !== 4) throw new UserError(`4-D pictures are wanted, not ${formatShape(images.shape)}`);
  const [n, h, w, c] = images.shape as [number, number, number, number];
  const [height, width] = numbersOf(size) as [number, number];
  if (!(height > 0 && width > 0 && h > 0 && w > 0))
    throw new UserError(`can't resize ${h} × ${w} pixels to ${height} × ${width}`);
  return { n, c, y: axisMap(node, h, height), x: axisMap(node, w, width), shape: [n, height, width, c] };
}

function axisMap(node: Node, input: number, output: number): AxisMap {
  const alignCorners = readAttr(node, 'align_corners', 'bool', false);
  const half = node.op !== 'ResizeArea' && readAttr(node, 'half_pixel_centers', 'bool', false);
  if (alignCorners && half) throw new UserError('align_corners and half_pixel_centers exclude each other');
  return {
    input,
    output,
    scale: alignCorners && output > 1 ? f32((input - 1) / (output - 1)) : f32(input / output),
    centers: half ? 'half' : 'legacy',
    alignCorners,
  };
}

/** The input pixels that ResizeBilinear or ResizeNearestNeighbor makes an axis of `output` pixels of. */
export function resizeTaps(
  node: Node,
  input: number,
  output: number,
): { readonly lower: Int32Array; readonly upper: Int32Array; readonly share: Float32Array } {
  const map = axisMap(node, input, output);
  if (node.op === 'ResizeNearestNeighbor') {
    const lower = Int32Array.from(nearestTaps(map));
    return { lower, upper: lower, share: new Float32Array(output) };
  }
  const { lower, upper, lerp } = linearTaps(map);
  return { lower, upper, share: lerp };
}

const dataOf = (t: Tensor): ArrayLike<number> =>
  isBigInt(t.dtype) ? Float32Array.from(t.data as BigInt64Array, Number) : (widened(t).data as Float32Array);

/** The two pixels that each output pixel lies between, and how far it is from the first. */
function linearTaps({ input, output, scale, centers }: AxisMap): {
  lower: Int32Array;
  upper: Int32Array;
  lerp: Float32Array;
} {
  const lower = new Int32Array(output);
  const upper = new Int32Array(output);
  const lerp = new Float32Array(output);
  for (let i = 0; i < output; i++) {
    const at = centers === 'half' ? f32(f32(f32(i + 0.5) * scale) - 0.5) : f32(i * scale);
    const floor = Math.floor(at);
    lower[i] = Math.max(floor, 0);
    upper[i] = Math.min(Math.ceil(at), input - 1);
    lerp[i] = at - floor;
  }
  return { lower, upper, lerp };
}

const resizeBilinear: ReferenceKernel = ([images, size], node) => {
  const { n, c, y, x, shape } = pictures(images!, size!, node);
  const src = dataOf(images!);
  const out = zeros('float32', shape);
  const [rows, columns] = [linearTaps(y), linearTaps(x)];
  let o = 0;
  for (let b = 0; b < n; b++)
    for (let i = 0; i < y.output; i++) {
      const top = (b * y.input + rows.lower[i]!) * x.input;
      const bottom = (b * y.input + rows.upper[i]!) * x.input;
      const dy = rows.lerp[i]!;
      for (let j = 0; j < x.output; j++) {
        const [left, right, dx] = [columns.lower[j]!, columns.upper[j]!, columns.lerp[j]!];
        for (let k = 0; k < c; k++) {
          const a = src[(top + left) * c + k]!;
          const d = src[(bottom + left) * c + k]!;
          const above = f32(a + f32(f32(src[(top + right) * c + k]! - a) * dx));
          const below = f32(d + f32(f32(src[(bottom + right) * c + k]! - d) * dx));
          out.data[o++] = above + f32(f32(below - above) * dy);
        }
      }
    }
  return [out];
};

/** The source pixel of each output pixel. */
const nearestTaps = ({ input, output, scale, centers, alignCorners }: AxisMap): number[] =>
  Array.from({ length: output }, (_, i) => {
    const at = centers === 'half' ? f32(f32(i + 0.5) * scale) : f32(i * scale);
    // std::round: halves away from zero.
    const pixel = alignCorners ? Math.floor(at + 0.5) : Math.floor(at);
    return Math.max(0, Math.min(pixel, input - 1));
  });

const resizeNearest: ReferenceKernel = ([images, size], node) => {
  const { n, c, y, x, shape } = pictures(images!, size!, node);
  const out = zeros(images!.dtype, shape) as Tensor;
  const { cells: src, cellsPerElement } = view(images!);
  const dst = view(out).cells;
  const pixel = c * cellsPerElement;
  const [rows, columns] = [nearestTaps(y), nearestTaps(x)];
  let o = 0;
  for (let b = 0; b < n; b++)
    for (const row of rows)
      for (const column of columns) {
        const from = ((b * y.input + row) * x.input + column) * pixel;
        for (let k = 0; k < pixel; k++) (dst as unknown[])[o++] = src[from + k];
      }
  return [out];
};

/** Keys' cubic weights of the four pixels around, from TensorFlow's table of 1024 steps. */
function cubicTaps({ input, output, scale, centers }: AxisMap): { index: number[]; weight: number[] }[] {
  const half = centers === 'half';
  const a = half ? -0.5 : -0.75;
  const near = (d: number) => ((a + 2) * d - (a + 3)) * d * d + 1;
  const far = (d: number) => ((a * d - 5 * a) * d + 8 * a) * d - 4 * a;
  return Array.from({ length: output }, (_, i) => {
    const at = half ? f32(f32(f32(i + 0.5) * scale) - 0.5) : f32(i * scale);
    const floor = Math.floor(at);
    const step = roundHalfEvenStep(f32(f32(at - floor) * 1024)) / 1024;
    const raw = [far(step + 1), near(step), near(1 - step), far(2 - step)];
    const index = [-1, 0, 1, 2].map((offset) => Math.min(Math.max(floor + offset, 0), input - 1));
    if (!half) return { index, weight: raw };
    // With half pixel centers, pixels outside do not count.
    const inside = raw.map((w, t) => (index[t] === floor + t - 1 ? w : 0));
    const sum = inside.reduce((total, w) => total + w, 0);
    return { index, weight: Math.abs(sum) >= 1000 * 1.17549435e-38 ? inside.map((w) => w / sum) : inside };
  });
}

/** lrintf: ties to even. */
const roundHalfEvenStep = (x: number): number => {
  const up = Math.round(x);
  return up - x === 0.5 && up % 2 !== 0 ? up - 1 : up;
};

const resizeBicubic: ReferenceKernel = ([images, size], node) => {
  const { n, c, y, x, shape } = pictures(images!, size!, node);
  const src = dataOf(images!);
  const out = zeros('float32', shape);
  const [rows, columns] = [cubicTaps(y), cubicTaps(x)];
  let o = 0;
  for (let b = 0; b < n; b++)
    for (const row of rows)
      for (const column of columns)
        for (let k = 0; k < c; k++) {
          let sum = 0;
          for (let t = 0; t < 4; t++) {
            const line = (b * y.input + row.index[t]!) * x.input;
            let across = 0;
            for (let s = 0; s < 4; s++) across += column.weight[s]! * src[(line + column.index[s]!) * c + k]!;
            sum += row.weight[t]! * across;
          }
          out.data[o++] = sum;
        }
  return [out];
};

/** The pixels that each output pixel covers, and how much of each. */
const areaTaps = ({ input, output, scale }: AxisMap): { index: number[]; weight: number[] }[] =>
  Array.from({ length: output }, (_, i) => {
    const [from, to] = [f32(i * scale), f32((i + 1) * scale)];
    const [first, end] = [Math.floor(from), Math.ceil(to)];
    const index: number[] = [];
    const weight: number[] = [];
    for (let p = first; p < end; p++) {
      index.push(Math.min(Math.max(p, 0), input - 1));
      weight.push(p < from ? (p + 1 > to ? scale : p + 1 - from) : p + 1 > to ? to - p : 1);
    }
    return { index, weight };
  });

const resizeArea: ReferenceKernel = ([images, size], node) => {
  const { n, c, y, x, shape } = pictures(images!, size!, node);
  const src = dataOf(images!);
  const out = zeros('float32', shape);
  const [rows, columns] = [areaTaps(y), areaTaps(x)];
  const area = y.scale * x.scale;
  let o = 0;
  for (let b = 0; b < n; b++)
    for (const row of rows)
      for (const column of columns)
        for (let k = 0; k < c; k++) {
          let sum = 0;
          row.index.forEach((i, t) => {
            const line = (b * y.input + i) * x.input;
            column.index.forEach((j, s) => {
              sum += src[(line + j) * c + k]! * row.weight[t]! * column.weight[s]!;
            });
          });
          out.data[o++] = sum / area;
        }
  return [out];
};

/** The place of sample `i` of a crop's axis, in pixels; the middle of the box for a single one. */
function cropPlace(low: number, high: number, pixels: number, samples: number, i: number): number {
  if (samples <= 1) return f32(f32(0.5 * f32(low + high)) * (pixels - 1));
  const scale = f32(f32(f32(high - low) * (pixels - 1)) / (samples - 1));
  return f32(f32(low * (pixels - 1)) + f32(i * scale));
}

const cropAndResize: ReferenceKernel = ([image, boxes, boxIndices, cropSize], node) => {
  if (image!.shape.length !== 4) throw new UserError(`4-D pictures are wanted, not ${formatShape(image!.shape)}`);
  const [n, h, w, c] = image!.shape as [number, number, number, number];
  const [height, width] = numbersOf(cropSize!) as [number, number];
  const nearest = readAttr(node, 'method', 'string', 'bilinear') === 'nearest';
  const outside = readAttr(node, 'extrapolation_value', 'float', 0);
  const indices = numbersOf(boxIndices!);
  const [src, box] = [dataOf(image!), numbersOf(boxes!)];
  if (indices.some((b) => b < 0 || b >= n)) throw new UserError('a box is of no picture');
  const out = new Float32Array(indices.length * height * width * c);
  const sample = (b: number, y: number, x: number, k: number): number => {
    const at = (row: number, column: number) => src[((b * h + row) * w + column) * c + k]!;
    // roundf: halves away from zero; places are not negative here.
    if (nearest) return at(Math.floor(y + 0.5), Math.floor(x + 0.5));
    const [top, left] = [Math.floor(y), Math.floor(x)];
    const [bottom, right] = [Math.ceil(y), Math.ceil(x)];
    const above = at(top, left) + (at(top, right) - at(top, left)) * (x - left);
    const below = at(bottom, left) + (at(bottom, right) - at(bottom, left)) * (x - left);
    return above + (below - above) * (y - top);
  };
  let o = 0;
  indices.forEach((b, i) => {
    const [y1, x1, y2, x2] = box.slice(4 * i, 4 * i + 4) as [number, number, number, number];
    for (let row = 0; row < height; row++) {
      const y = cropPlace(y1, y2, h, height, row);
      for (let column = 0; column < width; column++) {
        const x = cropPlace(x1, x2, w, width, column);
        const isInside = y >= 0 && y <= h - 1 && x >= 0 && x <= w - 1;
        for (let k = 0; k < c; k++) out[o++] = isInside ? sample(b, y, x, k) : outside;
      }
    }
  });
  return [tensor('float32', [indices.length, height, width, c], out)];
};

export const resizeKernels = {
  CropAndResize: cropAndResize,
  ResizeArea: resizeArea,
  ResizeBicubic: resizeBicubic,
  ResizeBilinear: resizeBilinear,
  ResizeNearestNeighbor: resizeNearest,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
