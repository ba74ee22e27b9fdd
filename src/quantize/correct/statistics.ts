import type { Tensor } from '../../base/tensor.ts';

/** Sums of each channel (last axis) over tensors, and how many of its values lie between two bounds, exclusive. */
export type ChannelSums = { readonly sums: Float64Array; readonly between: Float64Array; rows: number };

/** A sum of bytes over so many rows fits into int32. */
const block = 2 ** 22;

/** @param bounds for codes: integers. */
export function sumChannels(
  tensors: readonly Tensor[],
  channels: number,
  bounds: { readonly low: number; readonly high: number },
): ChannelSums {
  const to: ChannelSums = { sums: new Float64Array(channels), between: new Float64Array(channels), rows: 0 };
  if (channels === 0) return to;
  for (const { data } of tensors) {
    if (data instanceof Float32Array) addFloats(to, data, bounds);
    else addCodes(to, data as Uint8Array | Int8Array, bounds);
    to.rows += (data as Uint8Array).length / channels;
  }
  return to;
}

function addFloats({ sums, between }: ChannelSums, values: Float32Array, bounds: { low: number; high: number }): void {
  const channels = sums.length;
  const { low, high } = bounds;
  for (let at = 0; at + channels <= values.length; at += channels)
    for (let c = 0; c < channels; c++) {
      const x = values[at + c]!;
      sums[c]! += x;
      if (x > low && x < high) between[c]!++;
    }
}

/** Of both types as bytes, the sign bit of signed ones turned around: one loop, in int32, and without branches. */
function addCodes(to: ChannelSums, codes: Uint8Array | Int8Array, bounds: { low: number; high: number }): void {
  const channels = to.sums.length;
  const bytes = new Uint8Array(codes.buffer, codes.byteOffset, codes.length);
  const offset = codes instanceof Int8Array ? 128 : 0;
  const [low, high] = [bounds.low + offset, bounds.high + offset];
  const sums = new Int32Array(channels);
  const between = new Int32Array(channels);
  const rows = bytes.length / channels;
  for (let first = 0; first < rows; first += block) {
    const end = Math.min(rows, first + block) * channels;
    for (let at = first * channels; at < end; at += channels)
      for (let c = 0; c < channels; c++) {
        const x = bytes[at + c]! ^ offset;
        sums[c]! += x;
        between[c]! += ((low - x) & (x - high)) >>> 31;
      }
    for (let c = 0; c < channels; c++) {
      to.sums[c]! += sums[c]! - offset * (end / channels - first);
      to.between[c]! += between[c]!;
    }
    sums.fill(0);
    between.fill(0);
  }
}
