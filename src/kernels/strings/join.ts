import { UserError } from '../../base/errors.ts';
import { formatShape, normalizeAxis, sameShape, sizeOf } from '../../base/shape.ts';
import { numbersOf, type Tensor, tensorOf } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { materialize, permuted, view } from '../array/view.ts';
import { formatTensor } from '../control/format.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { encode, joinBytes, onlyText, pieces, sparseRows, strings, stringsOf, words } from './text.ts';

/** Elements of equal position joined; scalars go with every element. */
const stringJoin: ReferenceKernel = (inputs, node) => {
  const separator = encode(readAttr(node, 'separator', 'string', ''));
  const shape = inputs.find((t) => t.shape.length > 0)?.shape ?? [];
  for (const t of inputs)
    if (t.shape.length > 0 && !sameShape(t.shape, shape))
      throw new UserError(`can't join strings of shapes ${formatShape(shape)} and ${formatShape(t.shape)}`);
  const lists = inputs.map(stringsOf);
  const at = (i: number) => lists.map((list, n) => list[inputs[n]!.shape.length === 0 ? 0 : i]!);
  return [
    strings(
      shape,
      Array.from({ length: sizeOf(shape) }, (_, i) => joinBytes(at(i), separator)),
    ),
  ];
};

const reduceJoin: ReferenceKernel = ([input, indices], node) => {
  const separator = encode(readAttr(node, 'separator', 'string', ''));
  const { shape } = input!;
  const axes = numbersOf(indices!).map((axis) => normalizeAxis(axis, shape.length));
  if (new Set(axes).size !== axes.length) throw new UserError(`reduces an axis twice: [${axes}]`);
  if (axes.length === 0) return [input!];
  const kept = shape.map((_, i) => i).filter((i) => !axes.includes(i));
  // The first axis named is the fastest to vary.
  const moved = stringsOf(materialize(permuted(view(input!), [...kept, ...axes.toReversed()]), input!));
  const count = sizeOf(axes.map((axis) => shape[axis]!));
  const isKept = readAttr(node, 'keep_dims', 'bool', false);
  const out = isKept ? shape.map((dim, i) => (axes.includes(i) ? 1 : dim)) : kept.map((i) => shape[i]!);
  const rows = Array.from({ length: sizeOf(out) }, (_, i) => moved.slice(i * count, (i + 1) * count));
  return [
    strings(
      out,
      rows.map((row) => joinBytes(row, separator)),
    ),
  ];
};

const unsortedSegmentJoin: ReferenceKernel = ([inputs, ids, count], node) => {
  const separator = encode(readAttr(node, 'separator', 'string', ''));
  const segments = numbersOf(ids!);
  const inner = sizeOf(inputs!.shape.slice(ids!.shape.length));
  const total = numbersOf(count!)[0]!;
  const parts = Array.from({ length: total * inner }, (): Uint8Array[] => []);
  for (const [i, bytes] of stringsOf(inputs!).entries()) {
    const segment = segments[Math.floor(i / inner)]!;
    if (segment < 0 || segment >= total) throw new UserError(`segment ${segment} is not one of ${total}`);
    parts[segment * inner + (i % inner)]!.push(bytes);
  }
  const shape = [total, ...inputs!.shape.slice(ids!.shape.length)];
  return [
    strings(
      shape,
      parts.map((list) => joinBytes(list, separator)),
    ),
  ];
};

/** Every byte of the delimiter separates; an empty one separates every byte. */
const stringSplit: ReferenceKernel = ([input, delimiter], node) => {
  const separators = stringsOf(delimiter!)[0] ?? new Uint8Array(0);
  const skipsEmpty = readAttr(node, 'skip_empty', 'bool', true);
  const rows = stringsOf(input!).map((bytes) => {
    if (separators.length === 0) return Array.from(bytes, (byte) => Uint8Array.of(byte));
    const found: Uint8Array[] = [];
    if (bytes.length === 0) return found;
    let start = 0;
    for (let at = 0; at <= bytes.length; at++)
      if (at === bytes.length || separators.includes(bytes[at]!)) {
        if (at > start || !skipsEmpty) found.push(bytes.subarray(start, at));
        start = at + 1;
      }
    return found;
  });
  return sparseRows(rows);
};

/** As Python's `str.split(sep, maxsplit)`, nearly. */
const stringSplitV2: ReferenceKernel = ([input, sep], node) => {
  const limit = readAttr(node, 'maxsplit', 'int', -1);
  const separator = stringsOf(sep!)[0] ?? new Uint8Array(0);
  const split = (bytes: Uint8Array) => {
    if (limit === 0) return [bytes];
    return separator.length === 0 ? words(bytes, limit) : pieces(bytes, separator, limit);
  };
  return sparseRows(stringsOf(input!).map(split));
};

const stringFormat: ReferenceKernel = (inputs, node) => {
  const placeholder = readAttr(node, 'placeholder', 'string', '%s');
  const summarize = readAttr(node, 'summarize', 'int', 3);
  const texts = readAttr(node, 'template', 'string', '%s').split(placeholder);
  const shown = inputs.map((t) => formatTensor(t, summarize));
  return [
    strings([], [encode(texts.map((text, i) => text + (i < texts.length - 1 ? (shown[i] ?? '') : '')).join(''))]),
  ];
};

const stringNGrams: ReferenceKernel = ([data, dataSplits], node) => {
  const widths = readAttr(node, 'ngram_widths', 'ints');
  const separator = encode(readAttr(node, 'separator', 'string'));
  const left = encode(readAttr(node, 'left_pad', 'string'));
  const right = encode(readAttr(node, 'right_pad', 'string'));
  const padWidth = readAttr(node, 'pad_width', 'int');
  const keepsShort = readAttr(node, 'preserve_short_sequences', 'bool');
  const ends = numbersOf(dataSplits!);
  const tokens = stringsOf(data!);
  const rows = ends.slice(1).map((end, i) => {
    const row = tokens.slice(ends[i], end);
    const grams = widths.flatMap((width) => {
      const pad = padWidth < 0 ? width - 1 : Math.min(padWidth, width - 1);
      const padded = [...new Array<Uint8Array>(pad).fill(left), ...row, ...new Array<Uint8Array>(pad).fill(right)];
      const count = Math.max(0, padded.length - width + 1);
      return Array.from({ length: count }, (_, at) => joinBytes(padded.slice(at, at + width), separator));
    });
    return grams.length === 0 && keepsShort && row.length > 0 ? [joinBytes(row, separator)] : grams;
  });
  const starts = [0];
  for (const row of rows) starts.push(starts.at(-1)! + row.length);
  const all = rows.flat();
  const splits: Tensor = tensorOf(dataSplits!.dtype === 'int32' ? 'int32' : 'int64', starts);
  return [strings([all.length], all), splits];
};

const shards = (n: Tensor): string => String(numbersOf(n)[0]).padStart(5, '0');

export const joinKernels = {
  ReduceJoin: reduceJoin,
  ShardedFilename: ([base, shard, count]) => [
    strings([], [encode(`${onlyText(base!)}-${shards(shard!)}-of-${shards(count!)}`)]),
  ],
  ShardedFilespec: ([base, count]) => [strings([], [encode(`${onlyText(base!)}-?????-of-${shards(count!)}`)])],
  StringFormat: stringFormat,
  StringJoin: stringJoin,
  StringNGrams: stringNGrams,
  StringSplit: stringSplit,
  StringSplitV2: stringSplitV2,
  UnsortedSegmentJoin: unsortedSegmentJoin,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
