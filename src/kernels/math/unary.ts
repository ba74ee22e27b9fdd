import { type DType, isBigInt, isFloat } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { type Tensor, zeros } from '../../base/tensor.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { bigIntData, type Numbers, numberData, throughFloat32 } from './numeric.ts';
import { digamma, erf, erfc, erfinv, lgamma, normalQuantile, roundHalfEven } from './special.ts';

/** One element's function: on numbers, on integers up to 32 bits where they differ, and on 64-bit integers. */
type Row = {
  readonly number: (x: number) => number;
  readonly int?: (x: number) => number;
  readonly bigint?: (x: bigint) => bigint;
};

const row = (number: Row['number'], bigint?: Row['bigint']): Row => (bigint ? { number, bigint } : { number });
const truth = (test: (x: number) => boolean): Row => row((x) => (test(x) ? 1 : 0));
const inverse = row(
  (x) => 1 / x,
  (x) => (x === 0n ? 0n : 1n / x),
);

function popcount(x: number): number {
  let count = 0;
  for (let bits = x >>> 0; bits !== 0; bits &= bits - 1) count++;
  return count;
}

/** Results are of the input's type. */
const rows = {
  Abs: row(Math.abs, (x) => (x < 0n ? -x : x)),
  Acos: row(Math.acos),
  Acosh: row(Math.acosh),
  Asin: row(Math.asin),
  Asinh: row(Math.asinh),
  Atan: row(Math.atan),
  Atanh: row(Math.atanh),
  Ceil: row(Math.ceil),
  Cos: row(Math.cos),
  Cosh: row(Math.cosh),
  Digamma: row(digamma),
  Erf: row(erf),
  Erfc: row(erfc),
  Erfinv: row(erfinv),
  Exp: row(Math.exp),
  Expm1: row(Math.expm1),
  Floor: row(Math.floor),
  Inv: inverse,
  Invert: row(
    (x) => ~x,
    (x) => ~x,
  ),
  Lgamma: row(lgamma),
  Log: row(Math.log),
  Log1p: row(Math.log1p),
  Ndtri: row(normalQuantile),
  Neg: row(
    (x) => -x,
    (x) => -x,
  ),
  Reciprocal: inverse,
  Rint: row(roundHalfEven),
  Round: row(roundHalfEven, (x) => x),
  Rsqrt: row((x) => 1 / Math.sqrt(x)),
  Sigmoid: row((x) => 1 / (1 + Math.exp(-x))),
  Sign: row(Math.sign, (x) => (x > 0n ? 1n : x < 0n ? -1n : 0n)),
  Sin: row(Math.sin),
  Sinh: row(Math.sinh),
  Sqrt: row(Math.sqrt),
  Square: { number: (x) => x * x, int: (x) => Math.imul(x, x), bigint: (x) => x * x },
  Tan: row(Math.tan),
  Tanh: row(Math.tanh),
} satisfies Partial<Record<OpName, Row>>;

/** Results are bool. */
const tests = {
  IsFinite: truth(Number.isFinite),
  IsInf: truth((x) => x === Infinity || x === -Infinity),
  IsNan: truth(Number.isNaN),
  LogicalNot: truth((x) => x === 0),
} satisfies Partial<Record<OpName, Row>>;

function mapAny(f: (x: number) => number, from: Numbers, to: Numbers): void {
  for (let i = 0; i < from.length; i++) to[i] = f(from[i]!);
}

/** The same, apart from it: V8 makes code for the types of array that a function has seen, and one type is much faster. */
function mapFloat32(f: (x: number) => number, from: Float32Array, to: Float32Array): void {
  for (let i = 0; i < from.length; i++) to[i] = f(from[i]!);
}

function map(x: Tensor, { number, int, bigint }: Row, dtype: DType): Tensor {
  const out = zeros(dtype, x.shape) as Tensor;
  if (isBigInt(x.dtype)) {
    if (bigint === undefined) throw new UserError(`octet can't compute this on ${x.dtype}`);
    const [from, to] = [bigIntData(x), bigIntData(out)];
    for (let i = 0; i < from.length; i++) to[i] = bigint(from[i]!);
    return out;
  }
  if (x.dtype === 'float32' && out.dtype === 'float32') mapFloat32(number, x.data, out.data);
  else mapAny(isFloat(x.dtype) ? number : (int ?? number), numberData(x), numberData(out));
  return out;
}

const kernel = (row: Row, dtype?: DType): ReferenceKernel => throughFloat32(([x]) => [map(x!, row, dtype ?? x!.dtype)]);

const kernelsOf = <N extends string>(table: Readonly<Record<N, Row>>, dtype?: DType) =>
  Object.fromEntries(
    Object.entries<Row>(table).map(([name, row]) => [name, kernel(row, dtype)]),
  ) as unknown as Readonly<Record<N, ReferenceKernel>>;

export const unaryKernels = {
  ...kernelsOf(rows),
  ...kernelsOf(tests, 'bool'),
  PopulationCount: ([x]) => {
    const out = zeros('uint8', x!.shape);
    const bits = { int8: 0xff, uint8: 0xff, int16: 0xffff, uint16: 0xffff }[x!.dtype as string] ?? 0xffffffff;
    const data = x!.data as ArrayLike<number | bigint>;
    for (let i = 0; i < data.length; i++) {
      const value = data[i]!;
      out.data[i] =
        typeof value === 'bigint'
          ? popcount(Number(value & 0xffffffffn)) + popcount(Number((value >> 32n) & 0xffffffffn))
          : popcount(value & bits);
    }
    return [out];
  },
} satisfies Partial<Record<OpName, ReferenceKernel>>;
