import { dtypes } from '../../base/dtype.ts';
import type { PartialShape } from '../../base/shape.ts';
import { readAttr } from '../attr.ts';
import type { InferContext, ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { argRanges } from '../signature.ts';
import { asInput, asScalar, broadcastPartial, type Dim, inputShape, merged } from './dims.ts';

/** As the keys, which are the second input. */
const asKeys: ShapeRule = (context) => [inputShape(context, 1)];

/** The only shape among inputs of which some are scalars. */
const joined: ShapeRule = ({ inputs }) => {
  const shapes = inputs.map((input) => input.shape);
  if (shapes.includes(null)) return [null];
  const [first = [], ...rest] = shapes.filter((shape) => shape!.length > 0);
  return [rest.reduce(merged, first)];
};

/** A sparse matrix: indices, values, shape. */
const sparseMatrix: ShapeRule = () => [[null, 2], [null], [2]];

/** The input's shape and how many values stand in `bytes` of one string; unknown before running. */
const decoded: ShapeRule = (context) => {
  const shape = inputShape(context, 0);
  return [shape && [...shape, null]];
};

const decodedPadded: ShapeRule = (context) => {
  const shape = inputShape(context, 0);
  const bytes = context.elements(1)?.[0];
  const width = dtypes[readAttr(context.node, 'out_type', 'type')].bytes;
  return [shape && [...shape, bytes == null || width === 0 ? null : Math.floor(bytes / width)]];
};

const reduceJoined: ShapeRule = (context) => {
  const shape = inputShape(context, 0);
  const axes = context.elements(1);
  if (shape === null || axes === undefined || axes.includes(null)) return [null];
  const gone = new Set((axes as number[]).map((axis) => (axis < 0 ? axis + shape.length : axis)));
  if (readAttr(context.node, 'keep_dims', 'bool', false)) return [shape.map((dim, axis) => (gone.has(axis) ? 1 : dim))];
  return [shape.filter((_, axis) => !gone.has(axis))];
};

/** ParseExample and its kin: the batch from the serialized strings, dense shapes as declared, the rest unknown. */
const parsed =
  (isSingle: boolean): ShapeRule =>
  (context) => {
    const { node, outputs } = context;
    const batch = isSingle ? [] : inputShape(context, 0);
    const shapes = readAttr(node, 'dense_shapes', 'shapes', []);
    const at = argRanges(node, 'outputs');
    const out = new Array<PartialShape>(outputs).fill([null]);
    const fill = (name: string, of: (i: number) => PartialShape) => {
      const range = at.get(name);
      for (let i = 0; i < (range?.count ?? 0); i++) out[range!.start + i] = of(i);
    };
    const rank: Dim = batch === null ? null : batch.length + 1;
    fill('sparse_indices', () => [null, rank]);
    fill('sparse_shapes', () => [rank]);
    fill('dense_values', (i) => {
      const shape = shapes[i] ?? null;
      return batch === null || shape === null ? null : [...batch, ...shape];
    });
    fill('ragged_row_splits', () => [batch?.[0] == null ? null : batch[0] + 1]);
    return out;
  };

const exported: ShapeRule = () => [[null], null];

const ngrams: ShapeRule = (context: InferContext) => [[null], inputShape(context, 1)];

const splitsOfStrings: ShapeRule = (context) => {
  const shape = inputShape(context, 0);
  const count = shape?.reduce<Dim>((size, dim) => (size === null || dim === null ? null : size * dim), 1) ?? null;
  return [[count === null ? null : count + 1], [null], [null]].slice(0, context.outputs);
};

const encoded: ShapeRule = (context) => {
  const ends = inputShape(context, 1)?.[0];
  return [[ends == null ? null : ends - 1]];
};

/** Shapes of strings, lookup tables and parsing. */
export const dataShapes = {
  AnonymousHashTable: asScalar,
  AnonymousMutableHashTable: asScalar,
  AsString: asInput,
  DecodeBase64: asInput,
  DecodeCSV: asInput,
  DecodePaddedRaw: decodedPadded,
  DecodeRaw: decoded,
  EncodeBase64: asInput,
  HashTable: asScalar,
  HashTableV2: asScalar,
  HistogramSummary: asScalar,
  LookupTableExport: exported,
  LookupTableExportV2: exported,
  LookupTableFind: asKeys,
  LookupTableFindV2: asKeys,
  LookupTableSize: asScalar,
  LookupTableSizeV2: asScalar,
  MergeSummary: asScalar,
  MutableDenseHashTable: asScalar,
  MutableDenseHashTableV2: asScalar,
  MutableHashTable: asScalar,
  MutableHashTableV2: asScalar,
  ParseExample: parsed(false),
  ParseExampleV2: parsed(false),
  ParseSingleExample: parsed(true),
  ReadFile: asScalar,
  ReduceJoin: reduceJoined,
  RegexFullMatch: asInput,
  RegexReplace: asInput,
  ScalarSummary: asScalar,
  SerializeTensor: asScalar,
  ShardedFilename: asScalar,
  ShardedFilespec: asScalar,
  StaticRegexFullMatch: asInput,
  StaticRegexReplace: asInput,
  StringFormat: asScalar,
  StringJoin: joined,
  StringLength: asInput,
  StringLower: asInput,
  StringNGrams: ngrams,
  StringSplit: sparseMatrix,
  StringSplitV2: sparseMatrix,
  StringStrip: asInput,
  StringToHashBucket: asInput,
  StringToHashBucketFast: asInput,
  StringToHashBucketStrong: asInput,
  StringToNumber: asInput,
  StringUpper: asInput,
  Substr: (context) => [broadcastPartial(inputShape(context, 0), inputShape(context, 1))],
  Timestamp: asScalar,
  UnicodeDecode: splitsOfStrings,
  UnicodeDecodeWithOffsets: splitsOfStrings,
  UnicodeEncode: encoded,
  UnicodeTranscode: asInput,
} satisfies Partial<Record<OpName, ShapeRule>>;
