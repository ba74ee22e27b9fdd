import { tailMask } from '../../native/elements.ts';
import type { Machine } from '../../native/machine.ts';
import { isSliding, type PoolSpec } from './spec.ts';

/** Vectors of channels that a tile computes, at most, and registers for sums of columns. */
const VECTORS = 4;
const COLUMN_SUMS = 12;

/** Tiles: pictures × groups of rows × blocks of channels, the last of them with `rest` channels unless that is 0. */
export type Layout = {
  readonly channels: number;
  readonly blocks: number;
  readonly rest: number;
  readonly rows: number;
  readonly rowGroups: number;
};

/** Taps times vectors in a tile: a sixteenth of all, 1 to 5 µs. */
const WORK = { least: 4000, most: 20_000 };

export function layoutOf(spec: PoolSpec, perVector: number): Layout {
  const { output, kernel } = spec;
  const { h, w, c } = output.shape;
  const slides = isSliding(spec);
  const most = slides ? Math.min(VECTORS, Math.floor(COLUMN_SUMS / kernel.w)) : VECTORS;
  const channels = most * perVector;
  const vectors = Math.min(most, Math.ceil(c / perVector));
  const row = w * vectors * (slides ? kernel.h + kernel.w : kernel.h * kernel.w);
  const work = Math.min(WORK.most, Math.max(WORK.least, (h * row * c) / (vectors * perVector) / 16));
  const rows = Math.min(h, Math.max(1, Math.round(work / row)));
  return { channels, blocks: Math.ceil(c / channels), rest: c % channels, rows, rowGroups: Math.ceil(h / rows) };
}

/** Byte offsets in the constants: what sums and extremes begin with, the factor of a mean, masks of the last channels. */
export const constantsAt = { initial: 0, factor: 64, tail: 128, bytes: 128 + tailMask.byteLength } as const;

export function packPool({ reduce, input }: PoolSpec, machine: Machine): Uint8Array {
  const packed = new Uint8Array(constantsAt.bytes);
  if (reduce.kind === 'max') {
    if (input.type === 's8') packed.fill(0x80, constantsAt.initial, 64);
    // TensorFlow starts from the least finite number.
    if (input.type === 'f32') new Float32Array(packed.buffer, 0, 16).fill(-3.4028234663852886e38);
  }
  if (reduce.kind === 'mean') new Float32Array(packed.buffer, constantsAt.factor, 16).fill(reduce.factor);
  if (machine.bits === 256) new Int32Array(packed.buffer).set(tailMask, constantsAt.tail / 4);
  return packed;
}
