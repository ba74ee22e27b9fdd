import { dtypes } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { broadcastShapes, formatShape } from '../../base/shape.ts';
import { numbersOf, type Tensor, tensor } from '../../base/tensor.ts';
import { attrValue, readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { broadcastTo } from '../array/move.ts';
import { widened } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { fingerprint64, hash64, sipHash } from './hash.ts';
import { joinKernels } from './join.ts';
import { type Format, formatNumber, parseNumber } from './number.ts';
import { fullMatch, replace } from './regex.ts';
import { decode, encode, mapInt64, mapStrings, mapText, onlyText, strings, stringsOf, strip } from './text.ts';
import { charsOf, unicodeKernels } from './unicode.ts';

/** Strings into `num_buckets` numbers, by an unsigned hash. */
const bucketsBy =
  (hashOf: (node: Node) => (bytes: Uint8Array) => bigint): ReferenceKernel =>
  ([input], node) => {
    const buckets = BigInt(readAttr(node, 'num_buckets', 'int'));
    if (buckets < 1n) throw new UserError(`can't fill ${buckets} buckets`);
    const hash = hashOf(node);
    return [mapInt64(input!, (bytes) => hash(bytes) % buckets)];
  };

const keyOf = (node: Node): readonly [bigint, bigint] => {
  const attr = node.attrs.get('key');
  const [a, b, ...rest] = (attr && attrValue(attr, 'ints')) ?? [];
  if (a === undefined || b === undefined || rest.length > 0)
    throw new UserError('the key of a strong hash is two numbers');
  return [BigInt.asUintN(64, BigInt(a)), BigInt.asUintN(64, BigInt(b))];
};

const asString: ReferenceKernel = ([input], node) => {
  const { dtype, shape } = input!;
  if (dtype === 'string') return [input!];
  const precision = readAttr(node, 'precision', 'int', -1);
  const width = readAttr(node, 'width', 'int', -1);
  const flag = readAttr(node, 'fill', 'string', '');
  const isFloat = dtype.includes('float') || dtype === 'complex64';
  const type = !isFloat
    ? 'd'
    : readAttr(node, 'scientific', 'bool', false)
      ? 'e'
      : readAttr(node, 'shortest', 'bool', false)
        ? 'g'
        : 'f';
  const format: Format = { type, precision, width: Math.max(0, width), flag };
  const values = Array.from(widened(input!).data as ArrayLike<number | bigint>);
  if (dtype === 'complex64') {
    const pairs = Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i]!, values[2 * i + 1]!] as const);
    return [
      strings(
        shape,
        pairs.map(([re, im]) => encode(`(${formatNumber(re, format)},${formatNumber(im, format)})`)),
      ),
    ];
  }
  const show = (v: number | bigint) => (dtype === 'bool' ? (v ? 'true' : 'false') : formatNumber(v, format));
  return [
    strings(
      shape,
      values.map((v) => encode(show(v))),
    ),
  ];
};

const stringToNumber: ReferenceKernel = ([input], node) => {
  const dtype = readAttr(node, 'out_type', 'type', 'float32');
  const numbers = stringsOf(input!).map((bytes) => parseNumber(decode(bytes), dtype));
  const data = (dtypes[dtype].array as Float32ArrayConstructor).from(numbers as number[]);
  return [{ dtype, shape: input!.shape, data } as Tensor];
};

const isByUnit = (node: Node): boolean => {
  const unit = readAttr(node, 'unit', 'string', 'BYTE');
  if (unit !== 'BYTE' && unit !== 'UTF8_CHAR') throw new UserError(`unit ${unit} is neither BYTE nor UTF8_CHAR`);
  return unit === 'BYTE';
};

/** Where each character starts, and the end; bytes are characters where the unit is BYTE. */
const boundaries = (bytes: Uint8Array, byByte: boolean): ((i: number) => number) & { count: number } => {
  if (byByte) return Object.assign((i: number) => i, { count: bytes.length });
  const starts = [...charsOf(bytes).map((char) => char.start), bytes.length];
  return Object.assign((i: number) => starts[i]!, { count: starts.length - 1 });
};

const substr: ReferenceKernel = ([input, pos, len], node) => {
  const byByte = isByUnit(node);
  const shape = broadcastShapes(input!.shape, pos!.shape);
  if (shape === undefined)
    throw new UserError(`positions of shape ${formatShape(pos!.shape)} for strings of ${formatShape(input!.shape)}`);
  const texts = stringsOf(broadcastTo(input!, shape));
  const [starts, lengths] = [pos!, len!].map((t) => numbersOf(broadcastTo(t, shape))) as [number[], number[]];
  const cut = texts.map((bytes, i) => {
    const at = boundaries(bytes, byByte);
    const start = starts[i]! < 0 ? starts[i]! + at.count : starts[i]!;
    if (start < 0 || start > at.count)
      throw new UserError(`position ${starts[i]} is outside of the string '${decode(bytes)}'`);
    const length = lengths[i]!;
    const end = length < 0 ? at.count : Math.min(at.count, start + length);
    return bytes.subarray(at(start), at(end));
  });
  return [strings(shape, cut)];
};

const stringLength: ReferenceKernel = ([input], node) => {
  const byByte = isByUnit(node);
  const lengths = stringsOf(input!).map((bytes) => boundaries(bytes, byByte).count);
  return [tensor('int32', input!.shape, Int32Array.from(lengths))];
};

/** ASCII letters only, unless the encoding is utf-8. */
const cased =
  (letters: RegExp, change: (text: string) => string): ReferenceKernel =>
  ([input], node) => {
    if (readAttr(node, 'encoding', 'string', '') === 'utf-8') return [mapText(input!, change)];
    return [
      mapStrings(input!, (bytes) =>
        bytes.map((byte) => {
          const char = String.fromCharCode(byte);
          return letters.test(char) ? change(char).charCodeAt(0) : byte;
        }),
      ),
    ];
  };

/** The web-safe alphabet, with `-` and `_`. */
const encodeBase64: ReferenceKernel = ([input], node) => {
  const isPadded = readAttr(node, 'pad', 'bool', false);
  return [
    mapStrings(input!, (bytes) => {
      let text = '';
      for (const byte of bytes) text += String.fromCharCode(byte);
      const safe = btoa(text).replaceAll('+', '-').replaceAll('/', '_');
      return encode(isPadded ? safe : safe.replace(/=+$/, ''));
    }),
  ];
};

const decodeBase64: ReferenceKernel = ([input]) => [
  mapStrings(input!, (bytes) => {
    const text = decode(bytes);
    if (!/^[\w-]*={0,2}$/.test(text)) throw new UserError(`'${text}' is not web-safe base64`);
    const plain = text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '');
    try {
      return Uint8Array.from(atob(plain), (char) => char.charCodeAt(0));
    } catch {
      throw new UserError(`'${text}' is not web-safe base64`);
    }
  }),
];

/** Strings. */
export const stringsReference = {
  ...joinKernels,
  ...unicodeKernels,
  AsString: asString,
  DecodeBase64: decodeBase64,
  EncodeBase64: encodeBase64,
  RegexFullMatch: ([input, pattern]) => [fullMatch(input!, onlyText(pattern!))],
  RegexReplace: ([input, pattern, rewrite], node) => [
    replace(input!, onlyText(pattern!), onlyText(rewrite!), readAttr(node, 'replace_global', 'bool', true)),
  ],
  StaticRegexFullMatch: ([input], node) => [fullMatch(input!, readAttr(node, 'pattern', 'string'))],
  StaticRegexReplace: ([input], node) => [
    replace(
      input!,
      readAttr(node, 'pattern', 'string'),
      readAttr(node, 'rewrite', 'string'),
      readAttr(node, 'replace_global', 'bool', true),
    ),
  ],
  StringLength: stringLength,
  StringLower: cased(/[A-Z]/, (text) => text.toLowerCase()),
  StringStrip: ([input]) => [mapStrings(input!, strip)],
  StringToHashBucket: bucketsBy(() => (bytes) => hash64(bytes)),
  StringToHashBucketFast: bucketsBy(() => fingerprint64),
  StringToHashBucketStrong: bucketsBy((node) => {
    const key = keyOf(node);
    return (bytes) => sipHash(bytes, key);
  }),
  StringToNumber: stringToNumber,
  StringUpper: cased(/[a-z]/, (text) => text.toUpperCase()),
  Substr: substr,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
