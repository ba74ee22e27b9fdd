import { tailMask } from '../../native/elements.ts';
import type { Machine } from '../../native/machine.ts';
import type { PoolSpec } from './spec.ts';

/** Vectors of channels that a tile computes, at most. */
export const VECTORS = 4;

/** Tiles: pictures × groups of rows × blocks of channels, the last of them with `rest` channels unless that is 0. */
export type Layout = {
  readonly channels: number;
  readonly blocks: number;
  readonly rest: number;
  readonly rows: number;
  readonly rowGroups: number;
};

/** Taps times vectors in a tile: some microseconds. */
const WORK = 20_000;

export function layoutOf({ output, kernel }: PoolSpec, perVector: number): Layout {
  const { h, w, c } = output.shape;
  const channels = VECTORS * perVector;
  const vectors = Math.min(VECTORS, Math.ceil(c / perVector));
  const rows = Math.min(h, Math.max(1, Math.round(WORK / (w * kernel.h * kernel.w * vectors))));
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
