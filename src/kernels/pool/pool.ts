import type { PoolGeometry, WindowAxis } from '../../graph/shapes/geometry.ts';
import type { Numbers } from '../conv/convolve.ts';

/** The part of a window at `output` that lies inside of the axis: input elements [start, end). */
const inside = ({ input, kernel, stride, before }: WindowAxis, output: number) => {
  const first = output * stride - before;
  return { start: Math.max(first, 0), end: Math.min(first + kernel, input) };
};

/** For each window calls `visit` with the output element of its first channel and the pixels [top, bottom) × [left, right). */
function eachWindow(
  { batch, h, w, channels }: PoolGeometry,
  visit: (out: number, image: number, top: number, bottom: number, left: number, right: number) => void,
): void {
  let out = 0;
  for (let image = 0; image < batch; image++)
    for (let y = 0; y < h.output; y++) {
      const rows = inside(h, y);
      for (let x = 0; x < w.output; x++, out += channels) {
        const columns = inside(w, x);
        visit(out, image, rows.start, rows.end, columns.start, columns.end);
      }
    }
}

/** Element index of pixel (y, x) of `image`, channel 0. */
const pixelAt = ({ h, w, channels }: PoolGeometry, image: number, y: number, x: number): number =>
  ((image * h.input + y) * w.input + x) * channels;

/** The largest element of each window; padding never wins. `empty` stands where a window lies in the padding alone. */
export function maxPool(g: PoolGeometry, input: Numbers, empty: number): Float64Array {
  const out = new Float64Array(g.batch * g.h.output * g.w.output * g.channels).fill(empty);
  eachWindow(g, (to, image, top, bottom, left, right) => {
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) {
        const from = pixelAt(g, image, y, x);
        for (let c = 0; c < g.channels; c++) {
          const value = input[from + c]!;
          if (value > out[to + c]!) out[to + c] = value;
        }
      }
  });
  return out;
}

/** As `maxPool`, with the flat index of each largest element, the first of equals; counted within an image or the batch. */
export function maxPoolWithArgmax(
  g: PoolGeometry,
  input: Numbers,
  includeBatch: boolean,
): { max: Float64Array; argmax: Float64Array } {
  const size = g.batch * g.h.output * g.w.output * g.channels;
  const max = new Float64Array(size).fill(-Infinity);
  const argmax = new Float64Array(size);
  eachWindow(g, (to, image, top, bottom, left, right) => {
    const first = includeBatch ? 0 : pixelAt(g, image, 0, 0);
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) {
        const from = pixelAt(g, image, y, x);
        for (let c = 0; c < g.channels; c++)
          if (input[from + c]! > max[to + c]!) {
            max[to + c] = input[from + c]!;
            argmax[to + c] = from + c - first;
          }
      }
  });
  return { max, argmax };
}

/** The sum of each window, and `mean(sum, count)` of the `count` pixels that lie inside of the picture. */
export function averagePool(
  g: PoolGeometry,
  input: Numbers,
  mean: (sum: number, count: number) => number = (sum, count) => sum / count,
): Float64Array {
  const out = new Float64Array(g.batch * g.h.output * g.w.output * g.channels);
  eachWindow(g, (to, image, top, bottom, left, right) => {
    for (let y = top; y < bottom; y++)
      for (let x = left; x < right; x++) {
        const from = pixelAt(g, image, y, x);
        for (let c = 0; c < g.channels; c++) out[to + c]! += input[from + c]!;
      }
    const count = Math.max(0, bottom - top) * Math.max(0, right - left);
    for (let c = 0; c < g.channels; c++) out[to + c] = mean(out[to + c]!, count);
  });
  return out;
}
