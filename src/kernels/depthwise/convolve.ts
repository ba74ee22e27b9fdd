import type { DepthwiseGeometry } from '../../graph/shapes/geometry.ts';
import type { Numbers } from '../conv/convolve.ts';

/**
 * The sums of a depthwise convolution in float64 (exact for integers): `input` [n, h, w, c] and `filter` [kh, kw, c, m]
 * give [n, oh, ow, c·m]. What lies outside of the picture counts as `outside`.
 */
export function convolveDepthwise(g: DepthwiseGeometry, input: Numbers, filter: Numbers, outside = 0): Float64Array {
  const { h, w, channels, multiplier } = g;
  const outChannels = channels * multiplier;
  const weights = Float64Array.from(filter);
  const sums = new Float64Array(g.batch * h.output * w.output * outChannels);
  const blank = new Float64Array(channels).fill(outside);
  let to = 0;
  for (let line = 0; line < g.batch * h.output; line++) {
    const row = line % h.output;
    const image = (line - row) / h.output;
    for (let column = 0; column < w.output; column++, to += outChannels)
      for (let i = 0; i < h.kernel; i++) {
        const y = row * h.stride - h.before + i * h.dilation;
        for (let j = 0; j < w.kernel; j++) {
          const x = column * w.stride - w.before + j * w.dilation;
          const tap = (i * w.kernel + j) * outChannels;
          if (y >= 0 && y < h.input && x >= 0 && x < w.input) {
            const from = ((image * h.input + y) * w.input + x) * channels;
            addTap(sums, to, input, from, weights, tap, channels, multiplier);
          } else if (outside !== 0) addTap(sums, to, blank, 0, weights, tap, channels, multiplier);
        }
      }
  }
  return sums;
}

/** sums[to + c·m + q] += input[from + c] · weights[tap + c·m + q] */
function addTap(
  sums: Float64Array,
  to: number,
  input: Numbers,
  from: number,
  weights: Float64Array,
  tap: number,
  channels: number,
  multiplier: number,
): void {
  if (multiplier === 1) {
    for (let c = 0; c < channels; c++) sums[to + c]! += input[from + c]! * weights[tap + c]!;
    return;
  }
  for (let c = 0; c < channels; c++) {
    const x = input[from + c]!;
    const first = c * multiplier;
    for (let q = first; q < first + multiplier; q++) sums[to + q]! += x * weights[tap + q]!;
  }
}
