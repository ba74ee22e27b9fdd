import { UserError } from '../../base/errors.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { concatBytes, decode, encode, mapStrings, strings, stringsOf } from './text.ts';

/** A code point, and the byte at which it starts. `undefined` for bytes that are no character. */
type Char = { readonly code: number | undefined; readonly start: number };

/** Splits UTF-8; a sequence that is cut short, or a byte that starts none, counts as one bad character. */
export function charsOf(bytes: Uint8Array): Char[] {
  const chars: Char[] = [];
  for (let at = 0; at < bytes.length; ) {
    const { length, isWhole } = sequenceAt(bytes, at);
    chars.push({ code: isWhole ? decode(bytes.subarray(at, at + length)).codePointAt(0) : undefined, start: at });
    at += length;
  }
  return chars;
}

/** The longest beginning of a well-formed sequence at `at` (Unicode 3.9, table 3-7), and whether it is all of one. */
function sequenceAt(bytes: Uint8Array, at: number): { length: number; isWhole: boolean } {
  const lead = bytes[at]!;
  const wanted = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : lead < 0xf5 ? 4 : 0;
  if (wanted === 0) return { length: 1, isWhole: false };
  // Neither overlong forms, nor surrogates, nor anything beyond U+10FFFF.
  const low = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80;
  const high = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf;
  for (let i = 1; i < wanted; i++) {
    const next = bytes[at + i] ?? 0;
    if (next < (i === 1 ? low : 0x80) || next > (i === 1 ? high : 0xbf)) return { length: i, isWhole: false };
  }
  return { length: wanted, isWhole: true };
}

const isControl = (code: number): boolean => code < 0x20;

/** The code points of a string under the op's rules for errors. */
function decoded(bytes: Uint8Array, node: Node): { code: number; start: number }[] {
  const encoding = readAttr(node, 'input_encoding', 'string', 'UTF-8').toUpperCase();
  if (encoding !== 'UTF-8' && encoding !== 'US-ASCII') throw new UserError(`octet can't read the encoding ${encoding}`);
  const errors = readAttr(node, 'errors', 'string', 'replace');
  const replacement = readAttr(node, 'replacement_char', 'int', 0xfffd);
  const hidesControls = readAttr(node, 'replace_control_characters', 'bool', false);
  return charsOf(bytes).flatMap(({ code, start }) => {
    const isBad = code === undefined || (hidesControls && isControl(code));
    if (!isBad) return [{ code, start }];
    if (errors === 'strict') throw new UserError('a string is not valid UTF-8');
    return errors === 'ignore' ? [] : [{ code: replacement, start }];
  });
}

const splits = (node: Node, lengths: readonly number[]): Tensor => {
  const ends = [0];
  for (const length of lengths) ends.push(ends.at(-1)! + length);
  return readAttr(node, 'Tsplits', 'type', 'int64') === 'int32'
    ? tensor('int32', [ends.length], Int32Array.from(ends))
    : tensor('int64', [ends.length], BigInt64Array.from(ends, BigInt));
};

const unicodeDecode: ReferenceKernel = ([input], node) => {
  const rows = stringsOf(input!).map((bytes) => decoded(bytes, node));
  const chars = rows.flat();
  return [
    splits(
      node,
      rows.map((row) => row.length),
    ),
    tensor(
      'int32',
      [chars.length],
      Int32Array.from(chars, (c) => c.code),
    ),
    tensor(
      'int64',
      [chars.length],
      BigInt64Array.from(chars, (c) => BigInt(c.start)),
    ),
  ];
};

const textOf = (codes: readonly number[]): string => codes.map((code) => String.fromCodePoint(code)).join('');

function encodedAs(codes: readonly number[], encoding: string): Uint8Array {
  if (encoding === 'UTF-8') return encode(textOf(codes));
  const isUtf16 = encoding === 'UTF-16-BE';
  const units = isUtf16
    ? textOf(codes)
        .split('')
        .map((unit) => unit.charCodeAt(0))
    : codes;
  const width = isUtf16 ? 2 : 4;
  const out = new DataView(new ArrayBuffer(units.length * width));
  for (const [i, unit] of units.entries())
    if (width === 2) out.setUint16(2 * i, unit);
    else out.setUint32(4 * i, unit);
  return new Uint8Array(out.buffer);
}

const unicodeEncode: ReferenceKernel = ([values, rowSplits], node) => {
  const encoding = readAttr(node, 'output_encoding', 'string');
  const errors = readAttr(node, 'errors', 'string', 'replace');
  const replacement = readAttr(node, 'replacement_char', 'int', 0xfffd);
  const isCode = (c: number) => c >= 0 && c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
  const ends = Array.from(rowSplits!.data as Int32Array, Number);
  const codes = Array.from(values!.data as Int32Array, (code): number[] => {
    if (isCode(code)) return [code];
    if (errors === 'strict') throw new UserError(`${code} is not a Unicode code point`);
    return errors === 'ignore' ? [] : [replacement];
  });
  const rows = ends.slice(1).map((end, i) => encodedAs(codes.slice(ends[i], end).flat(), encoding));
  return [strings([rows.length], rows)];
};

const transcode: ReferenceKernel = ([input], node) => {
  const encoding = readAttr(node, 'output_encoding', 'string');
  return [
    mapStrings(input!, (bytes) => concatBytes(decoded(bytes, node).map(({ code }) => encodedAs([code], encoding)))),
  ];
};

export const unicodeKernels = {
  UnicodeDecode: unicodeDecode,
  UnicodeDecodeWithOffsets: unicodeDecode,
  UnicodeEncode: unicodeEncode,
  UnicodeTranscode: transcode,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
