import { type DType, dtypes } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, type PartialShape, type Shape, sizeOf } from '../../base/shape.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { decode, stringsOf } from '../strings/text.ts';
import { type FeatureType, type FeatureValues, type RawFeature, readFeatures, valuesOf } from './example.ts';

type Example = ReadonlyMap<string, RawFeature>;
type Dense = {
  readonly key: string;
  readonly type: FeatureType;
  readonly shape: PartialShape;
  readonly fallback: Tensor;
};
type Named = { readonly key: string; readonly type: FeatureType };
type Ragged = Named & { readonly splitType: DType };

/** What an op wants of each example. */
type Request = {
  readonly sparse: readonly Named[];
  readonly dense: readonly Dense[];
  readonly ragged: readonly Ragged[];
};

/**
 * ParseExample, in all its forms. The outputs: for all sparse features their indices, then their values, then their
 * shapes; the dense features; the ragged features' values, then their row splits. `batch` is undefined for one example.
 */
function parse(examples: readonly Example[], request: Request, batch: number | undefined): Tensor[] {
  const sparse = request.sparse.map((feature) => sparseOutput(examples, feature, batch));
  const ragged = request.ragged.map((feature) => raggedOutput(examples, feature));
  return [
    ...sparse.map((s) => s.indices),
    ...sparse.map((s) => s.values),
    ...sparse.map((s) => s.shape),
    ...request.dense.map((feature) => denseOutput(examples, feature, batch)),
    ...ragged.map((r) => r.values),
    ...ragged.map((r) => r.splits),
  ];
}

/** The values of a feature; undefined where the example has none. Throws `UserError` on another type than wanted. */
function featureOf(example: Example, { key, type }: Named): FeatureValues | undefined {
  const raw = example.get(key);
  if (raw === undefined) return undefined;
  if (raw.type !== type) throw new UserError(`feature '${key}' is ${raw.type}; ${type} is wanted`);
  return valuesOf(raw);
}

function sparseOutput(examples: readonly Example[], feature: Named, batch: number | undefined) {
  const rows = examples.map((example) => featureOf(example, feature) ?? []);
  const values = rows.flat() as unknown as FeatureValues;
  const rank = batch === undefined ? 1 : 2;
  const indices = new BigInt64Array(values.length * rank);
  let at = 0;
  for (const [i, row] of rows.entries())
    for (let j = 0; j < row.length; j++) {
      if (rank === 2) indices[at++] = BigInt(i);
      indices[at++] = BigInt(j);
    }
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const shape = [...(batch === undefined ? [] : [batch]), longest];
  return {
    indices: tensor('int64', [values.length, rank], indices),
    values: fromValues(feature.type, [values.length], values),
    shape: tensor('int64', [rank], BigInt64Array.from(shape, BigInt)),
  };
}

function raggedOutput(examples: readonly Example[], feature: Ragged) {
  const rows = examples.map((example) => featureOf(example, feature) ?? []);
  const values = rows.flat() as unknown as FeatureValues;
  const ends = [0];
  for (const row of rows) ends.push(ends.at(-1)! + row.length);
  const splits =
    feature.splitType === 'int32'
      ? tensor('int32', [ends.length], Int32Array.from(ends))
      : tensor('int64', [ends.length], BigInt64Array.from(ends, BigInt));
  return { values: fromValues(feature.type, [values.length], values), splits };
}

function denseOutput(examples: readonly Example[], feature: Dense, batch: number | undefined): Tensor {
  const { key, shape } = feature;
  const dims = shape ?? [];
  const isVariable = dims[0] === null;
  const inner = dims.slice(isVariable ? 1 : 0).map((dim) => {
    if (dim === null) throw new UserError(`the shape of feature '${key}', ${formatShape(shape)}, is not known`);
    return dim;
  });
  const rows = examples.map((example) => {
    const values = featureOf(example, feature);
    return isVariable ? variableRow(values, feature, sizeOf(inner)) : fixedRow(values, feature, sizeOf(inner));
  });
  const leading = batch === undefined ? [] : [batch];
  if (!isVariable) return fromValues(feature.type, [...leading, ...inner], rows.flat() as unknown as FeatureValues);
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const pad = elementAt(feature.fallback, 0, feature.type);
  const padded = rows.flatMap((row) => [...row, ...new Array(longest - row.length).fill(pad)]);
  const count = sizeOf(inner) === 0 ? 0 : longest / sizeOf(inner);
  return fromValues(feature.type, [...leading, count, ...inner], padded as unknown as FeatureValues);
}

function fixedRow(
  values: FeatureValues | undefined,
  { key, shape, fallback, type }: Dense,
  size: number,
): FeatureValues {
  if (values === undefined) {
    if (fallback.data.length === 0 && size > 0)
      throw new UserError(`feature '${key}' is required but could not be found`, {}, 'add it to the examples');
    const isOne = fallback.data.length === 1;
    return Array.from({ length: size }, (_, i) => elementAt(fallback, isOne ? 0 : i, type)) as unknown as FeatureValues;
  }
  if (values.length !== size)
    throw new UserError(`feature '${key}' has ${values.length} values; shape ${formatShape(shape)} is wanted`);
  return values;
}

function variableRow(values: FeatureValues | undefined, { key, shape }: Dense, inner: number): FeatureValues {
  if (values !== undefined && (inner === 0 || values.length % inner !== 0))
    throw new UserError(`feature '${key}' has ${values.length} values; shape ${formatShape(shape)} is wanted`);
  return values ?? [];
}

/** The element, or the empty one of its type. */
function elementAt(t: Tensor, i: number, type: FeatureType): unknown {
  const element = t.data[i];
  if (element !== undefined) return element;
  return type === 'string' ? new Uint8Array(0) : type === 'int64' ? 0n : 0;
}

function fromValues(type: FeatureType, shape: Shape, values: FeatureValues): Tensor {
  if (type === 'string') return tensor('string', shape, [...(values as readonly Uint8Array[])]);
  const data = (dtypes[type].array as unknown as Float32ArrayConstructor).from(values as readonly number[]);
  return { dtype: type, shape, data } as unknown as Tensor;
}

function featureType(type: DType): FeatureType {
  if (type === 'string' || type === 'float32' || type === 'int64') return type;
  throw new UserError(`a tf.Example holds string, float32 and int64, not ${type}`);
}

const keysIn = (t: Tensor): string[] => stringsOf(t).map(decode);

const named = (keys: readonly string[], types: readonly DType[]): Named[] => {
  if (keys.length !== types.length) throw new UserError(`${keys.length} keys for ${types.length} types`);
  return keys.map((key, i) => ({ key, type: featureType(types[i]!) }));
};

function denses(keys: readonly string[], node: Node, fallbacks: readonly Tensor[]): Dense[] {
  const shapes = readAttr(node, 'dense_shapes', 'shapes');
  return named(keys, readAttr(node, 'Tdense', 'types')).map((feature, i) => {
    const shape = shapes[i] ?? null;
    const fallback = fallbacks[i]!;
    const isFixed = shape?.[0] !== null;
    if (isFixed && fallback.data.length > 0 && formatShape(shape) !== formatShape(fallback.shape))
      throw new UserError(
        `feature '${feature.key}' has a default of shape ${formatShape(fallback.shape)}; ${formatShape(shape)} is wanted`,
      );
    return { ...feature, shape, fallback };
  });
}

const parseExampleV2: ReferenceKernel = ([serialized, _names, sparse, dense, ragged, ...fallbacks], node) => {
  const splits = readAttr(node, 'ragged_split_types', 'types', []);
  return parse(
    stringsOf(serialized!).map(readFeatures),
    {
      sparse: named(keysIn(sparse!), readAttr(node, 'sparse_types', 'types')),
      dense: denses(keysIn(dense!), node, fallbacks),
      ragged: named(keysIn(ragged!), readAttr(node, 'ragged_value_types', 'types', [])).map((feature, i) => ({
        ...feature,
        splitType: splits[i] ?? 'int64',
      })),
    },
    serialized!.shape[0],
  );
};

const parseExample: ReferenceKernel = ([serialized, _names, ...rest], node) => {
  const counts = [readAttr(node, 'Nsparse', 'int'), readAttr(node, 'Ndense', 'int')] as const;
  const keys = rest.slice(0, counts[0] + counts[1]).flatMap(keysIn);
  return parse(
    stringsOf(serialized!).map(readFeatures),
    {
      sparse: named(keys.slice(0, counts[0]), readAttr(node, 'sparse_types', 'types')),
      dense: denses(keys.slice(counts[0]), node, rest.slice(counts[0] + counts[1])),
      ragged: [],
    },
    serialized!.data.length,
  );
};

const parseSingleExample: ReferenceKernel = ([serialized, ...fallbacks], node) =>
  parse(
    stringsOf(serialized!).map(readFeatures),
    {
      sparse: named(readAttr(node, 'sparse_keys', 'strings'), readAttr(node, 'sparse_types', 'types')),
      dense: denses(readAttr(node, 'dense_keys', 'strings'), node, fallbacks),
      ragged: [],
    },
    undefined,
  );

export const parseExampleKernels = {
  ParseExample: parseExample,
  ParseExampleV2: parseExampleV2,
  ParseSingleExample: parseSingleExample,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
