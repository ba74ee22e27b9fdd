import type { ConvGeometry } from '../../graph/shapes/geometry.ts';
import { gemm, packPanels } from '../matmul/gemm.ts';
import type { Numbers } from './convolve.ts';

/**
 * The transposed convolution (the gradient of `convolve` by its input), in float64: `outputs` [n, oh, ow, o] and `filter`
 * [kh, kw, c/groups, o] give [n, h, w, c]. Each output pixel is multiplied by the filter and scattered where it was read from.
 */
export function convolveTransposed(g: ConvGeometry, outputs: Numbers, filter: Numbers): Float64Array {
  const perGroup = g.inChannels / g.groups;
  const outPerGroup = g.outChannels / g.groups;
  const taps = g.h.kernel * g.w.kernel * perGroup;
  const pixels = g.batch * g.h.output * g.w.output;
  const image = new Float64Array(g.batch * g.h.input * g.w.input * g.inChannels);
  const row = new Float64Array(outPerGroup);
  const scattered = { data: new Float64Array(taps), offset: 0, rowStep: taps };
  for (let group = 0; group < g.groups; group++) {
    const offset = group * outPerGroup;
    const panels = packPanels(filter, outPerGroup, taps, { offset, rowStep: 1, columnStep: g.outChannels });
    for (let pixel = 0; pixel < pixels; pixel++) {
      for (let o = 0; o < outPerGroup; o++) row[o] = outputs[pixel * g.outChannels + offset + o]!;
      gemm(row, 1, panels, scattered);
      scatterPatch(g, scattered.data, pixel, group * perGroup, perGroup, image);
    }
  }
  return image;
}

function scatterPatch(
  { h, w, inChannels }: ConvGeometry,
  patch: Float64Array,
  pixel: number,
  channel: number,
  channels: number,
  image: Float64Array,
): void {
  const column = pixel % w.output;
  const line = (pixel - column) / w.output;
  const row = line % h.output;
  const picture = (line - row) / h.output;
  for (let i = 0; i < h.kernel; i++) {
    const y = row * h.stride - h.before + i * h.dilation;
    if (y < 0 || y >= h.input) continue;
    for (let j = 0; j < w.kernel; j++) {
      const x = column * w.stride - w.before + j * w.dilation;
      if (x < 0 || x >= w.input) continue;
      const to = ((picture * h.input + y) * w.input + x) * inChannels + channel;
      const from = (i * w.kernel + j) * channels;
      for (let c = 0; c < channels; c++) image[to + c]! += patch[from + c]!;
    }
  }
}
