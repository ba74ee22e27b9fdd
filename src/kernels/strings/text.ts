import { UserError } from '../../base/errors.ts';
import type { Shape } from '../../base/shape.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export type Strings = Tensor<'string'>;

export const encode = (text: string): Uint8Array => encoder.encode(text);
/** Bytes as text; those that are not UTF-8 become U+FFFD. */
export const decode = (bytes: Uint8Array): string => decoder.decode(bytes);

/** The elements of a string tensor. Throws `UserError` on another type. */
export function stringsOf(t: Tensor): readonly Uint8Array[] {
  if (t.dtype !== 'string') throw new UserError(`expected strings, found ${t.dtype}`);
  return t.data;
}

/** The only element of a string tensor, as text. */
export function onlyText(t: Tensor): string {
  const [only, ...rest] = stringsOf(t);
  if (only === undefined || rest.length > 0) throw new UserError('expected one string');
  return decode(only);
}

export const strings = (shape: Shape, elements: readonly Uint8Array[]): Strings =>
  tensor('string', shape, [...elements]);

/** Each element by `change`, in the same shape. */
export const mapStrings = (t: Tensor, change: (bytes: Uint8Array) => Uint8Array): Strings =>
  strings(t.shape, stringsOf(t).map(change));

export const mapText = (t: Tensor, change: (text: string) => string): Strings =>
  mapStrings(t, (bytes) => encode(change(decode(bytes))));

/** Each element as an int64, in the same shape. */
export const mapInt64 = (t: Tensor, of: (bytes: Uint8Array) => bigint): Tensor<'int64'> =>
  tensor('int64', t.shape, BigInt64Array.from(stringsOf(t), of));

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** `parts` with `separator` between them. */
export const joinBytes = (parts: readonly Uint8Array[], separator: Uint8Array): Uint8Array =>
  concatBytes(separator.length === 0 ? parts : parts.flatMap((part, i) => (i === 0 ? [part] : [separator, part])));

const isSpace = (byte: number | undefined): boolean => byte === 0x20 || (byte !== undefined && byte >= 9 && byte <= 13);

/** Without ASCII white space at both ends. */
export function strip(bytes: Uint8Array): Uint8Array {
  let start = 0;
  let end = bytes.length;
  while (start < end && isSpace(bytes[start])) start++;
  while (end > start && isSpace(bytes[end - 1])) end--;
  return bytes.subarray(start, end);
}

/**
 * Runs of bytes between ASCII white space. After `maxSplit` of them (where that is above 0) what is left comes whole, even
 * if nothing is: there TensorFlow parts from Python's split().
 */
export function words(bytes: Uint8Array, maxSplit = -1): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  for (;;) {
    while (isSpace(bytes[at])) at++;
    if (maxSplit > 0 && found.length === maxSplit) return [...found, bytes.subarray(at)];
    if (at >= bytes.length) return found;
    const start = at;
    while (at < bytes.length && !isSpace(bytes[at])) at++;
    found.push(bytes.subarray(start, at));
  }
}

/** Pieces between occurrences of `separator`; at most `maxSplit` of them are split off, where that is above 0. */
export function pieces(bytes: Uint8Array, separator: Uint8Array, maxSplit = -1): Uint8Array[] {
  const found: Uint8Array[] = [];
  let start = 0;
  while (maxSplit <= 0 || found.length < maxSplit) {
    const at = indexOf(bytes, separator, start);
    if (at < 0) break;
    found.push(bytes.subarray(start, at));
    start = at + separator.length;
  }
  return [...found, bytes.subarray(start)];
}

function indexOf(bytes: Uint8Array, wanted: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(wanted[0]!, from); at >= 0; at = bytes.indexOf(wanted[0]!, at + 1))
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return at;
  return -1;
}

/** Rows of different lengths as a sparse matrix: indices, values, shape. */
export function sparseRows(rows: readonly (readonly Uint8Array[])[]): readonly Tensor[] {
  const values = rows.flat();
  const indices = new BigInt64Array(values.length * 2);
  let at = 0;
  for (const [i, row] of rows.entries())
    for (let j = 0; j < row.length; j++) {
      indices[at++] = BigInt(i);
      indices[at++] = BigInt(j);
    }
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
  return [
    tensor('int64', [values.length, 2], indices),
    strings([values.length], values),
    tensor('int64', [2], BigInt64Array.of(BigInt(rows.length), BigInt(longest))),
  ];
}
