import { type DType, isBigInt, isFloat } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { broadcastShapes } from '../../base/shape.ts';
import { type Tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { broadcastBinary, broadcastShape } from './broadcast.ts';
import { bigIntData, largerOf, numberData, smallerOf, throughFloat32 } from './numeric.ts';

type NumberFn = (x: number, y: number) => number;
/**
 * One element's function. `int` where integers up to 32 bits differ from floats (results wrap when they are stored);
 * `bigint` for 64 bits; `float32` where the quotient has to be rounded before it goes on.
 */
type Row = {
  readonly number: NumberFn;
  readonly float32?: NumberFn;
  readonly int?: NumberFn;
  readonly bigint?: (x: bigint, y: bigint) => bigint | number;
};

const f32 = Math.fround;

function nonzero<T extends number | bigint>(divisor: T): T {
  // biome-ignore lint/suspicious/noDoubleEquals: 0 and 0n
  if (divisor == 0) throw new UserError('division of an integer by zero');
  return divisor;
}

const add: Row = { number: (x, y) => x + y, bigint: (x, y) => x + y };
const truncateDiv: Row = {
  number: (x, y) => Math.trunc(x / y),
  float32: (x, y) => Math.trunc(f32(x / y)),
  int: (x, y) => Math.trunc(x / nonzero(y)),
  bigint: (x, y) => x / nonzero(y),
};
const div: Row = { ...truncateDiv, number: (x, y) => x / y, float32: (x, y) => x / y };
const truncateMod: Row = { number: (x, y) => x % y, int: (x, y) => x % nonzero(y), bigint: (x, y) => x % nonzero(y) };

const floorMod = (x: number, y: number): number => {
  const rest = x % y;
  return rest !== 0 && rest < 0 !== y < 0 ? rest + y : rest;
};

/** NaN wins over everything. */
const maximum: NumberFn = (x, y) => (Number.isNaN(x) || x > y ? x : y);
const minimum: NumberFn = (x, y) => (Number.isNaN(x) || x < y ? x : y);

/** x^y modulo 2^32. */
function intPow(x: number, y: number): number {
  if (y < 0) throw new UserError('an integer to a negative power');
  let [power, result] = [x, 1];
  for (let rest = y; rest > 0; rest = Math.floor(rest / 2)) {
    if (rest % 2 === 1) result = Math.imul(result, power);
    power = Math.imul(power, power);
  }
  return result;
}

function bigPow(x: bigint, y: bigint): bigint {
  if (y < 0n) throw new UserError('an integer to a negative power');
  let [power, result] = [x, 1n];
  for (let rest = y; rest > 0n; rest >>= 1n) {
    if (rest & 1n) result = BigInt.asIntN(64, result * power);
    power = BigInt.asIntN(64, power * power);
  }
  return result;
}

const withoutNan =
  (f: NumberFn): NumberFn =>
  (x, y) =>
    x === 0 ? 0 : f(x, y);

/** Bits to shift by, kept inside of the type as TensorFlow does. */
const clampShift = (y: number, bits: number): number => Math.min(Math.max(y, 0), bits - 1);

/** Results are of the inputs' type. */
const rows = {
  Add: add,
  AddV2: add,
  Atan2: { number: Math.atan2 },
  BitwiseAnd: { number: (x, y) => x & y, bigint: (x, y) => x & y },
  BitwiseOr: { number: (x, y) => x | y, bigint: (x, y) => x | y },
  BitwiseXor: { number: (x, y) => x ^ y, bigint: (x, y) => x ^ y },
  Div: div,
  DivNoNan: { number: (x, y) => (y === 0 ? 0 : x / y) },
  FloorDiv: {
    number: (x, y) => Math.floor(x / y),
    float32: (x, y) => Math.floor(f32(x / y)),
    int: (x, y) => Math.floor(x / nonzero(y)),
    bigint: (x, y) => x / nonzero(y) - (x % y !== 0n && x < 0n !== y < 0n ? 1n : 0n),
  },
  FloorMod: {
    number: floorMod,
    int: (x, y) => floorMod(x, nonzero(y)),
    bigint: (x, y) => {
      const rest = x % nonzero(y);
      return rest !== 0n && rest < 0n !== y < 0n ? rest + y : rest;
    },
  },
  LeftShift: { number: (x, y) => x << clampShift(y, 32), bigint: (x, y) => x << (y < 0n ? 0n : y > 63n ? 63n : y) },
  Maximum: { number: maximum, bigint: largerOf },
  Minimum: { number: minimum, bigint: smallerOf },
  Mod: truncateMod,
  Mul: { number: (x, y) => x * y, int: Math.imul, bigint: (x, y) => x * y },
  MulNoNan: { number: (x, y) => (y === 0 ? 0 : x * y) },
  Pow: {
    number: (x, y) => (x === 1 || y === 0 ? 1 : x === -1 && !Number.isFinite(y) && !Number.isNaN(y) ? 1 : x ** y),
    int: intPow,
    bigint: bigPow,
  },
  RealDiv: div,
  RightShift: {
    number: (x, y) => (x < 0 ? x >> clampShift(y, 32) : x >>> clampShift(y, 32)),
    bigint: (x, y) => x >> (y < 0n ? 0n : y > 63n ? 63n : y),
  },
  SquaredDifference: {
    number: (x, y) => (x - y) * (x - y),
    int: (x, y) => Math.imul(x - y, x - y),
    bigint: (x, y) => (x - y) * (x - y),
  },
  Sub: { number: (x, y) => x - y, bigint: (x, y) => x - y },
  TruncateDiv: truncateDiv,
  TruncateMod: truncateMod,
  Xdivy: { number: withoutNan((x, y) => x / y) },
  Xlog1py: { number: withoutNan((x, y) => x * Math.log1p(y)) },
  Xlogy: { number: withoutNan((x, y) => x * Math.log(y)) },
} satisfies Partial<Record<OpName, Row>>;

const test = (number: (x: number, y: number) => boolean, bigint?: (x: bigint, y: bigint) => boolean): Row => ({
  number: (x, y) => (number(x, y) ? 1 : 0),
  ...(bigint === undefined ? {} : { bigint: (x: bigint, y: bigint) => (bigint(x, y) ? 1 : 0) }),
});

/** Results are bool. */
const tests = {
  Greater: test(
    (x, y) => x > y,
    (x, y) => x > y,
  ),
  GreaterEqual: test(
    (x, y) => x >= y,
    (x, y) => x >= y,
  ),
  Less: test(
    (x, y) => x < y,
    (x, y) => x < y,
  ),
  LessEqual: test(
    (x, y) => x <= y,
    (x, y) => x <= y,
  ),
  LogicalAnd: test((x, y) => x !== 0 && y !== 0),
  LogicalOr: test((x, y) => x !== 0 || y !== 0),
} satisfies Partial<Record<OpName, Row>>;

/** The row's function for elements of `dtype`, with the data it works on. */
export function elementwise(row: Row, a: Tensor, b: Tensor, dtype: DType = a.dtype): Tensor {
  const shape = broadcastShape(a.shape, b.shape);
  const out = zeros(dtype, shape) as Tensor;
  if (isBigInt(a.dtype)) {
    if (row.bigint === undefined) throw new UserError(`octet can't compute this on ${a.dtype}`);
    broadcastBinary(row.bigint, shape, [bigIntData(a), a.shape], [bigIntData(b), b.shape], out.data as never);
    return out;
  }
  const f = isFloat(a.dtype)
    ? ((a.dtype === 'float32' ? row.float32 : undefined) ?? row.number)
    : (row.int ?? row.number);
  broadcastBinary(f, shape, [numberData(a), a.shape], [numberData(b), b.shape], numberData(out));
  return out;
}

const kernelsOf = <N extends string>(table: Readonly<Record<N, Row>>, dtype?: DType) =>
  Object.fromEntries(
    Object.entries<Row>(table).map(([name, row]) => [
      name,
      throughFloat32(([a, b]) => [elementwise(row, a!, b!, dtype ?? a!.dtype)]),
    ]),
  ) as unknown as Readonly<Record<N, ReferenceKernel>>;

/** Strings as latin1 text, complex numbers as pairs of text, so that equality is JavaScript's. */
function comparable(t: Tensor): { [i: number]: unknown } {
  if (t.dtype === 'string') return t.data.map((bytes) => Buffer.from(bytes).toString('latin1'));
  if (t.dtype !== 'complex64') return t.data as unknown as { [i: number]: unknown };
  return Array.from({ length: t.data.length / 2 }, (_, i) => {
    const [re, im] = [t.data[2 * i]! + 0, t.data[2 * i + 1]! + 0];
    return Number.isNaN(re + im) ? Number.NaN : `${re} ${im}`;
  });
}

const equal = (wanted: boolean): ReferenceKernel =>
  throughFloat32(([a, b], node) => {
    const fits = broadcastShapes(a!.shape, b!.shape) !== undefined;
    // Without the error, shapes that do not fit are simply not equal.
    if (!fits && !readAttr(node, 'incompatible_shape_error', 'bool', true))
      return [{ ...zeros('bool', []), data: Uint8Array.of(wanted ? 0 : 1) }];
    const shape = broadcastShape(a!.shape, b!.shape);
    const out = zeros('bool', shape);
    const f = (x: unknown, y: unknown) => ((x === y) === wanted ? 1 : 0);
    broadcastBinary(f, shape, [comparable(a!), a!.shape], [comparable(b!), b!.shape], out.data);
    return [out];
  });

const approximateEqual: ReferenceKernel = throughFloat32(([a, b], node) => {
  const tolerance = readAttr(node, 'tolerance', 'float', 0.00001);
  return [
    elementwise(
      test((x, y) => Math.abs(x - y) < tolerance),
      a!,
      b!,
      'bool',
    ),
  ];
});

export const binaryRows: Readonly<Record<keyof typeof rows, Row>> = rows;
export const binaryKernels = {
  ...kernelsOf(rows),
  ...kernelsOf(tests, 'bool'),
  ApproximateEqual: approximateEqual,
  Equal: equal(true),
  NotEqual: equal(false),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
