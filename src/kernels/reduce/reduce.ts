import { integerLimits, isBigInt } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, normalizeAxis, sizeOf } from '../../base/shape.ts';
import { numbersOf, type Tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { materialize, permuted, view } from '../array/view.ts';
import { bigIntData, largerOf, numberData, smallerOf, throughFloat32 } from '../math/numeric.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

/** Reduces `count` elements from `start` on. Floats are accumulated in double and rounded once. */
type Row = {
  readonly number: (x: { [i: number]: number }, start: number, count: number) => number;
  /** Integers of up to 32 bits, where they wrap. */
  readonly int?: (x: { [i: number]: number }, start: number, count: number) => number;
  readonly bigint?: (x: { [i: number]: bigint }, start: number, count: number) => bigint;
};

/** A left fold; `f` sees the running value and an element. */
const foldNumber =
  (initial: number, f: (acc: number, x: number) => number): Row['number'] =>
  (x, start, count) => {
    let acc = initial;
    for (let i = start; i < start + count; i++) acc = f(acc, x[i]!);
    return acc;
  };
const foldBigInt =
  (initial: bigint, f: (acc: bigint, x: bigint) => bigint): NonNullable<Row['bigint']> =>
  (x, start, count) => {
    let acc = initial;
    for (let i = start; i < start + count; i++) acc = f(acc, x[i]!);
    return acc;
  };

const sum: Required<Row> = {
  number: (x, start, count) => {
    let acc = 0;
    for (let i = start; i < start + count; i++) acc += x[i]!;
    return acc;
  },
  int: foldNumber(0, (acc, x) => (acc + x) | 0),
  bigint: foldBigInt(0n, (acc, x) => acc + x),
};

const rows = {
  All: { number: foldNumber(1, (acc, x) => (acc && x ? 1 : 0)) },
  Any: { number: foldNumber(0, (acc, x) => (acc || x ? 1 : 0)) },
  EuclideanNorm: { number: (x, start, count) => Math.sqrt(foldNumber(0, (acc, v) => acc + v * v)(x, start, count)) },
  Max: {
    number: foldNumber(-Infinity, (acc, x) => (x > acc || Number.isNaN(x) ? x : acc)),
    bigint: foldBigInt(-(2n ** 63n), largerOf),
  },
  Mean: {
    number: (x, start, count) => sum.number(x, start, count) / count,
    int: (x, start, count) => (count === 0 ? 0 : Math.trunc(sum.int(x, start, count) / count)),
    bigint: (x, start, count) => (count === 0 ? 0n : BigInt.asIntN(64, sum.bigint(x, start, count)) / BigInt(count)),
  },
  Min: {
    number: foldNumber(Infinity, (acc, x) => (x < acc || Number.isNaN(x) ? x : acc)),
    bigint: foldBigInt(2n ** 63n - 1n, smallerOf),
  },
  Prod: {
    number: foldNumber(1, (acc, x) => acc * x),
    int: foldNumber(1, Math.imul),
    bigint: foldBigInt(1n, (acc, x) => BigInt.asIntN(64, acc * x)),
  },
  Sum: sum,
} satisfies Partial<Record<OpName, Row>>;

/** The axes that `t` lists, normalized. */
const axesOf = (t: Tensor, rank: number): number[] => numbersOf(t).map((axis) => normalizeAxis(axis, rank));

/** `t` with `last` moved behind the other axes, contiguous, and the shape of those others. */
export function axesLast(t: Tensor, last: readonly number[]): { t: Tensor; outer: number[]; inner: number } {
  const kept = t.shape.map((_, axis) => axis).filter((axis) => !last.includes(axis));
  const order = [...kept, ...last];
  const inPlace = order.every((axis, i) => axis === i);
  return {
    t: inPlace ? t : materialize(permuted(view(t), order), t),
    outer: kept.map((axis) => t.shape[axis]!),
    inner: sizeOf(last.map((axis) => t.shape[axis]!)),
  };
}

function reduce(input: Tensor, axes: readonly number[], keepDims: boolean, row: Row): Tensor {
  if (new Set(axes).size !== axes.length)
    throw new UserError(`axes [${axes}] of ${formatShape(input.shape)} are reduced twice`);
  const sorted = [...axes].sort((a, b) => a - b);
  const { t, outer, inner } = axesLast(input, sorted);
  const shape = keepDims ? input.shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)) : outer;
  const out = zeros(input.dtype, shape) as Tensor;
  const count = sizeOf(outer);
  if (isBigInt(input.dtype)) {
    if (row.bigint === undefined) throw new UserError(`octet can't reduce ${input.dtype} so`);
    const [from, to] = [bigIntData(t), bigIntData(out)];
    for (let i = 0; i < count; i++) to[i] = row.bigint(from, i * inner, inner);
    return out;
  }
  const [from, to] = [numberData(t), numberData(out)];
  // What reductions over nothing give.
  const limit = integerLimits[input.dtype];
  const f = limit === undefined ? row.number : (row.int ?? row.number);
  for (let i = 0; i < count; i++) {
    const value = f(from, i * inner, inner);
    to[i] = limit === undefined ? value : value === -Infinity ? limit[0] : value === Infinity ? limit[1] : value;
  }
  return out;
}

const kernel = (row: Row): ReferenceKernel =>
  throughFloat32(([input, axes], node) => [
    reduce(input!, axesOf(axes!, input!.shape.length), readAttr(node, 'keep_dims', 'bool', false), row),
  ]);

export const reduceKernels = Object.fromEntries(
  Object.entries<Row>(rows).map(([name, row]) => [name, kernel(row)]),
) as unknown as Readonly<Record<keyof typeof rows, ReferenceKernel>>;
