import { UserError } from '../../base/errors.ts';
import { type Tensor, tensor } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { fingerprint64, fingerprintCat64 } from '../strings/hash.ts';
import { encode, joinBytes, onlyText } from '../strings/text.ts';
import { denseSize, shapeTensor, sparse } from './sparse.ts';

type Feature = Uint8Array | bigint;
/** A column's features by row of the batch. */
type Column = readonly (readonly Feature[])[];

/** Columns of `count` sparse tensors (all indices, all values, all shapes), then of dense matrices. */
function columnsOf(inputs: readonly Tensor[], count: number): Column[] {
  const columns: Column[] = [];
  for (let i = 0; i < count; i++) {
    const s = sparse(inputs[i]!, inputs[count + i]!, inputs[2 * count + i]!);
    if (s.rank !== 2) throw new UserError('crosses sparse tensors that are no matrices');
    const rows = Array.from({ length: denseSize([s.shape[0]!]) }, (): Feature[] => []);
    for (let e = 0; e < s.count; e++) rows[s.indices[2 * e]!]!.push(s.values.data[e] as Feature);
    columns.push(rows);
  }
  for (const t of inputs.slice(3 * count)) {
    const [rows, size] = t.shape;
    if (rows === undefined || size === undefined || t.shape.length !== 2)
      throw new UserError('crosses dense tensors that are no matrices');
    const all = Array.from(t.data as ArrayLike<Feature>);
    columns.push(Array.from({ length: rows }, (_, row) => all.slice(row * size, (row + 1) * size)));
  }
  const [first, ...rest] = columns;
  if (first === undefined || rest.some((column) => column.length !== first.length))
    throw new UserError('crosses columns of different numbers of rows');
  return columns;
}

/** All ways to take one feature of each column, the last column's varying fastest. */
function* products(columns: readonly (readonly Feature[])[]): Generator<readonly Feature[]> {
  if (columns.some((features) => features.length === 0)) return;
  const at = columns.map(() => 0);
  for (;;) {
    yield columns.map((features, i) => features[at[i]!]!);
    let i = columns.length - 1;
    while (i >= 0 && ++at[i]! === columns[i]!.length) at[i--] = 0;
    if (i < 0) return;
  }
}

/** Each row's crosses by `make`, as a sparse matrix. */
function crossed<T>(columns: readonly Column[], make: (features: readonly Feature[]) => T, wrap: (all: T[]) => Tensor) {
  const rows = columns[0]!.map((_, row) => {
    const features = columns.map((column) => column[row]!);
    denseSize(features.map((list) => list.length));
    return Array.from(products(features), make);
  });
  const flat = rows.flatMap((row, i) => row.flatMap((_, j) => [BigInt(i), BigInt(j)]));
  const longest = rows.reduce((most, row) => Math.max(most, row.length), 0);
  const indices = tensor('int64', [flat.length / 2, 2], BigInt64Array.from(flat));
  return [indices, wrap(rows.flat()), shapeTensor([rows.length, longest])];
}

const asText = (feature: Feature): Uint8Array => (feature instanceof Uint8Array ? feature : encode(String(feature)));

const joined = (columns: readonly Column[], separator: Uint8Array) =>
  crossed(
    columns,
    (features) => joinBytes(features.map(asText), separator),
    (all) => tensor('string', [all.length], all),
  );

const hashed = (columns: readonly Column[], key: bigint, buckets: bigint) =>
  crossed(
    columns,
    (features) => {
      const hash = features.reduce<bigint>(
        (sum, f) => fingerprintCat64(sum, f instanceof Uint8Array ? fingerprint64(f) : BigInt.asUintN(64, f)),
        key,
      );
      return hash % (buckets > 0n ? buckets : 2n ** 63n - 1n);
    },
    (all) => tensor('int64', [all.length], BigInt64Array.from(all)),
  );

export const crossKernels = {
  SparseCross: (inputs, node) => {
    const columns = columnsOf(inputs, readAttr(node, 'N', 'int'));
    if (!readAttr(node, 'hashed_output', 'bool')) return joined(columns, encode('_X_'));
    const key = BigInt.asUintN(64, BigInt(readAttr(node, 'hash_key', 'int')));
    return hashed(columns, key, BigInt(readAttr(node, 'num_buckets', 'int')));
  },
  SparseCrossV2: (inputs, node) =>
    joined(columnsOf(inputs.slice(0, -1), readAttr(node, 'N', 'int')), encode(onlyText(inputs.at(-1)!))),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
