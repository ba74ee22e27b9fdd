import { rng } from '../../base/rng.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import { readWindows, windowAxis } from '../../graph/shapes/geometry.ts';

/** Rows of codes that a layer multiplies with its weights: `[rows, taps, channels]`. */
export type Patches = {
  readonly data: Float32Array;
  readonly rows: number;
  readonly taps: number;
  readonly channels: number;
};

/**
 * About `limit` of the patches that a quantized convolution (or matmul: `window` 1 × 1) reads, as many from each sample, at
 * seeded random positions. Padding is code 0, which stands for zero.
 *
 * @param inputs NHWC (or [n, k]) codes, one tensor a sample.
 */
export function drawPatches(
  node: Node,
  inputs: readonly Tensor[],
  [kh, kw]: readonly [number, number],
  limit: number,
): Patches {
  const random = rng(1);
  const taps = kh * kw;
  const channels = inputs[0]?.shape.at(-1) ?? 0;
  const grids = inputs.map(({ shape }) => gridOf(node, shape, kh, kw));
  const share = Math.max(1, Math.floor(limit / Math.max(1, inputs.length)));
  const rows = grids.reduce((sum, { positions }) => sum + Math.min(share, positions), 0);
  const data = new Float32Array(rows * taps * channels);
  let to = 0;
  for (const [sample, { data: values }] of inputs.entries()) {
    const codes = values as Uint8Array | Int8Array | Float32Array;
    const { positions, h, w } = grids[sample]!;
    for (let n = 0; n < Math.min(share, positions); n++) {
      const position = positions <= share ? n : random.int(0, positions - 1);
      const x = (position % w.output) * w.stride - w.before;
      const y = (Math.floor(position / w.output) % h.output) * h.stride - h.before;
      const image = Math.floor(position / (w.output * h.output));
      for (let tap = 0; tap < taps; tap++, to += channels) {
        const [v, u] = [y + Math.floor(tap / kw) * h.dilation, x + (tap % kw) * w.dilation];
        if (v < 0 || v >= h.input || u < 0 || u >= w.input) continue;
        const from = ((image * h.input + v) * w.input + u) * channels;
        data.set(codes.subarray(from, from + channels), to);
      }
    }
  }
  return { data, rows, taps, channels };
}

function gridOf(node: Node, shape: readonly number[], kh: number, kw: number) {
  const isPicture = shape.length === 4 && !node.op.includes('MatMul');
  const whole = { stride: 1, dilation: 1, padding: 'VALID' } as const;
  const windows = isPicture ? readWindows(node) : { h: whole, w: whole };
  const [batch = 1, height = 1, width = 1] = isPicture ? shape : [shape.slice(0, -1).reduce((a, b) => a * b, 1)];
  const [h, w] = [windowAxis(height, kh, windows.h), windowAxis(width, kw, windows.w)];
  return { positions: batch * h.output * w.output, h, w };
}
