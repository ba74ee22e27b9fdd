import type { DepthwiseGeometry } from '../../graph/shapes/geometry.ts';
import type { Numbers } from '../conv/convolve.ts';

/**
 * The sums of a depthwise convolution in float64 (exact for integers): `input` [n, h, w, c] and `filter` [kh, kw, c, m]
 * give [n, oh, ow, c·m].
 */
export function convolveDepthwise(g: DepthwiseGeometry, input: Numbers, filter: Numbers): Float64Array {
  const { h, w, channels, multiplier } = g;
  const outChannels = channels * multiplier;
  // One kind of array in the inner loop, or V8 compiles it for all kinds.
  const pixels = new Float64Array(input);
  const weights = new Float64Array(filter);
  const sums = new Float64Array(g.batch * h.output * w.output * outChannels);
  const taps = { inputs: new Int32Array(h.kernel * w.kernel), weights: new Int32Array(h.kernel * w.kernel) };
  let to = 0;
  for (let line = 0; line < g.batch * h.output; line++) {
    const row = line % h.output;
    const image = (line - row) / h.output;
    for (let column = 0; column < w.output; column++, to += outChannels) {
      let count = 0;
      for (let i = 0; i < h.kernel; i++) {
        const y = row * h.stride - h.before + i * h.dilation;
        if (y < 0 || y >= h.input) continue;
        for (let j = 0; j < w.kernel; j++) {
          const x = column * w.stride - w.before + j * w.dilation;
          if (x < 0 || x >= w.input) continue;
          taps.inputs[count] = ((image * h.input + y) * w.input + x) * channels;
          taps.weights[count++] = (i * w.kernel + j) * outChannels;
        }
      }
      for (let q = 0; q < multiplier; q++) sumTaps(sums, to + q, pixels, weights, q, channels, multiplier, taps, count);
    }
  }
  return sums;
}

/** For each channel c, sums[to + c·m] = Σ over taps of pixels[tap + c] · weights[tap + first + c·m]. */
function sumTaps(
  sums: Float64Array,
  to: number,
  pixels: Float64Array,
  weights: Float64Array,
  first: number,
  channels: number,
  multiplier: number,
  taps: { readonly inputs: Int32Array; readonly weights: Int32Array },
  count: number,
): void {
  const { inputs, weights: starts } = taps;
  let c = 0;
  // Four channels at a time: their sums do not wait for each other.
  for (; c + 4 <= channels; c += 4) {
    const weight = first + c * multiplier;
    let s0 = 0;
    let s1 = 0;
    let s2 = 0;
    let s3 = 0;
    for (let t = 0; t < count; t++) {
      const p = inputs[t]! + c;
      const w = starts[t]! + weight;
      s0 += pixels[p]! * weights[w]!;
      s1 += pixels[p + 1]! * weights[w + multiplier]!;
      s2 += pixels[p + 2]! * weights[w + 2 * multiplier]!;
      s3 += pixels[p + 3]! * weights[w + 3 * multiplier]!;
    }
    const at = to + c * multiplier;
    sums[at] = s0;
    sums[at + multiplier] = s1;
    sums[at + 2 * multiplier] = s2;
    sums[at + 3 * multiplier] = s3;
  }
  for (; c < channels; c++) {
    const weight = first + c * multiplier;
    let sum = 0;
    for (let t = 0; t < count; t++) sum += pixels[inputs[t]! + c]! * weights[starts[t]! + weight]!;
    sums[to + c * multiplier] = sum;
  }
}
