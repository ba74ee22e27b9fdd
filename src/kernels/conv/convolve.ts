import type { ConvGeometry } from '../../graph/shapes/geometry.ts';
import { gemm, packPanels } from '../matmul/gemm.ts';

/** Plain numbers in a typed array: float32 of the fp32 kernels, bytes of the quantized ones. */
export type Numbers = Float32Array | Float64Array | Int8Array | Uint8Array | Int16Array | Uint16Array | Int32Array;

/**
 * The sums of a 2-D convolution in float64 (exact for integers): `input` [n, h, w, c] and `filter` [kh, kw, c/groups, o]
 * give [n, oh, ow, o]. What lies outside of the picture counts as `outside`. Patches of a block of pixels are gathered
 * (im2col) and multiplied by the filter.
 */
export function convolve(g: ConvGeometry, input: Numbers, filter: Numbers, outside = 0): Float64Array {
  const perGroup = g.inChannels / g.groups;
  const outPerGroup = g.outChannels / g.groups;
  const depth = g.h.kernel * g.w.kernel * perGroup;
  const pixels = g.batch * g.h.output * g.w.output;
  const sums = new Float64Array(pixels * g.outChannels);
  const block = Math.max(2, Math.min(pixels, Math.floor(blockElements / Math.max(depth, 1))));
  const patches = new Float64Array(block * depth);
  // One kind of array in the inner loops, or V8 compiles them for all kinds.
  const pictures = new Float64Array(input);
  for (let group = 0; group < g.groups; group++) {
    const panels = packPanels(filter, depth, outPerGroup, { offset: group * outPerGroup, rowStep: g.outChannels });
    for (let pixel = 0; pixel < pixels; pixel += block) {
      const rows = Math.min(block, pixels - pixel);
      for (let row = 0; row < rows; row++)
        gatherPatch(g, pictures, pixel + row, group * perGroup, perGroup, outside, patches, row * depth);
      const offset = pixel * g.outChannels + group * outPerGroup;
      gemm(patches, rows, panels, { data: sums, offset, rowStep: g.outChannels });
    }
  }
  return sums;
}

/** Patches gathered at a time: 256 KiB, which the second-level cache holds. */
const blockElements = 32_768;

/** Copies what output pixel `pixel` reads of `channels` channels from `channel` on to `patches[at…]`, [kh][kw][c]. */
function gatherPatch(
  { h, w, inChannels }: ConvGeometry,
  input: Float64Array,
  pixel: number,
  channel: number,
  channels: number,
  outside: number,
  patches: Float64Array,
  at: number,
): void {
  const column = pixel % w.output;
  const line = (pixel - column) / w.output;
  const row = line % h.output;
  const image = (line - row) / h.output;
  let to = at;
  for (let i = 0; i < h.kernel; i++) {
    const y = row * h.stride - h.before + i * h.dilation;
    for (let j = 0; j < w.kernel; j++) {
      const x = column * w.stride - w.before + j * w.dilation;
      if (y < 0 || y >= h.input || x < 0 || x >= w.input) {
        patches.fill(outside, to, to + channels);
        to += channels;
        continue;
      }
      const from = ((image * h.input + y) * w.input + x) * inChannels + channel;
      for (let c = 0; c < channels; c++) patches[to++] = input[from + c]!;
    }
  }
}
