import { UserError } from '../../base/errors.ts';
import type { Shape } from '../../base/shape.ts';

/** A part of a tensor: the first index and the number of them along each axis. */
export type Slice = readonly { readonly start: number; readonly length: number }[];
/** As a checkpoint's index has it: no length stands for the whole axis. */
export type StoredSlice = readonly { readonly start: number; readonly length: number | undefined }[];

/**
 * Reads the specification that RestoreV2 has of a partitioned variable's part: the shape of the whole, then for each axis
 * `start,length` or `-`: `10 3 0,4:-`. Undefined for the empty one: the whole. Throws `UserError` on anything else.
 */
export function parseSlice(spec: string): { shape: Shape; slice: Slice } | undefined {
  if (spec === '') return undefined;
  const parts = spec.split(' ');
  const axes = parts.pop()!.split(':');
  const shape = parts.map(Number);
  const slice = axes.map((axis, i) => {
    const [start, length] = axis === '-' ? [0, shape[i]!] : axis.split(',').map(Number);
    return { start: start ?? Number.NaN, length: length ?? Number.NaN };
  });
  const fits = slice.every(({ start, length }, i) => start >= 0 && length >= 0 && start + length <= shape[i]!);
  if (slice.length !== shape.length || !fits) throw new UserError(`'${spec}' is not a slice of a tensor`);
  return { shape, slice };
}

/**
 * The key under which a checkpoint keeps a slice: TensorFlow's ordered code of 0, the name, the rank, and start and length
 * of each axis (tensorflow/core/util/saved_tensor_slice_util.cc). One character a byte.
 */
export function sliceKey(name: string, slice: StoredSlice): string {
  const axes = slice.flatMap(({ start, length }) => [start, length ?? -1]);
  const bytes = [...unsigned(0), ...escaped(name), ...unsigned(slice.length), ...axes.flatMap(signed)];
  return String.fromCharCode(...bytes);
}

/** A number of bytes, then so many bytes, highest first. */
function unsigned(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [bytes.length, ...bytes];
}

/** Zero bytes and 255 are escaped; 0, 1 ends the text. */
const escaped = (latin1: string): number[] => [
  ...[...latin1].flatMap((char) => {
    const byte = char.charCodeAt(0);
    return byte === 0 ? [0, 255] : byte === 255 ? [255, 0] : [byte];
  }),
  0,
  1,
];

/** As many leading ones as there are bytes (after the sign's flip), then the number's bits in two's complement. */
function signed(value: number): number[] {
  const magnitude = BigInt(value < 0 ? -value - 1 : value);
  const bits = magnitude === 0n ? 0 : magnitude.toString(2).length;
  const length = Math.floor(bits / 7) + 1;
  if (length > 8) throw new UserError(`a slice has the size ${value}`);
  const header = (256 - 2 ** (8 - length)) & 255;
  let rest = BigInt.asUintN(8 * length, BigInt(value));
  const bytes: number[] = [];
  for (let i = 0; i < length; i++, rest >>= 8n) bytes.unshift(Number(rest & 255n));
  bytes[0]! ^= header;
  return bytes;
}
