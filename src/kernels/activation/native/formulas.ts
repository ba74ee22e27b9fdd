import {
  abs,
  add,
  constant,
  div,
  type Expr,
  fma,
  ifLess,
  max,
  min,
  mul,
  negate,
  polynomial,
  round,
  scale,
  sqrt,
  sub,
  withSign,
} from '../../pointwise/native/expr.ts';

/** A function of one number; `alpha` is LeakyRelu's slope. */
export type Formula = (x: Expr, alpha: number) => Expr;

const LN2 = Math.fround(Math.LN2);
const LN2_REST = Math.LN2 - LN2;

/** Σ rⁱ/(i + 2)!: (eʳ − 1 − r)/r². For |r| ≤ ln 2 / 2 the first term left out is 1.5e-8 of eʳ − 1. */
const exponential = [1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040];

/** x = n·ln 2 + r with |r| ≤ ln 2 / 2: the integer n, and eʳ − 1. */
function reduced(x: Expr): { readonly n: Expr; readonly p: Expr } {
  const n = round(mul(x, Math.LOG2E));
  const r = fma(n, -LN2_REST, fma(n, -LN2, x));
  return { n, p: fma(mul(r, r), polynomial(r, exponential), r) };
}

/** Beyond −104 eˣ is 0, beyond 89 infinite. The number comes second: max and min pass NaN on from there. */
const limited = (x: Expr, low = -104, high = 89): Expr => max(constant(low), min(constant(high), x));

export function exp(x: Expr): Expr {
  const { n, p } = reduced(limited(x));
  return scale(add(p, 1), n);
}

/** eˣ − 1, as exact near zero as elsewhere. For x up to 88. */
function expm1(x: Expr): Expr {
  const { n, p } = reduced(x);
  const s = scale(constant(1), n);
  return fma(p, s, sub(s, 1));
}

const sigmoid: Formula = (x) => div(1, add(exp(negate(x)), 1));

/** e/(e + 2) with e = e²ˣ − 1; beyond ±10 it is ±1 in float32. */
function tanh(x: Expr): Expr {
  const e = expm1(mul(limited(x, -10, 10), 2));
  return div(e, add(e, 2));
}

/** ln(1 + y) for y from 0 to 1: 2·artanh z with z = y/(2 + y) ≤ 1/3, by its series. */
function log1p(y: Expr): Expr {
  const z = div(y, add(y, 2));
  const z2 = mul(z, z);
  const series = polynomial(z2, [1 / 3, 1 / 5, 1 / 7, 1 / 9, 1 / 11, 1 / 13]);
  return mul(fma(mul(z, z2), series, z), 2);
}

/** ln x for x from 1 to 2³²: halvings that leave a number from 1 to 2, and its logarithm. */
export function log(x: Expr): Expr {
  let rest = x;
  let halvings: Expr = constant(0);
  for (const count of [16, 8, 4, 2, 1]) {
    const isSmall = (yes: Expr, no: Expr): Expr => ifLess(rest, 2 ** count, yes, no);
    halvings = isSmall(halvings, add(halvings, count));
    rest = isSmall(rest, mul(rest, 2 ** -count));
  }
  return fma(halvings, LN2, fma(halvings, LN2_REST, log1p(sub(rest, 1))));
}

/**
 * −ln(erfc x)/x for x from 0 to 4, fitted such that erf, 1 − e^(−x·g(x)), is within 4e-9 of its size. The first is 2/√π.
 */
const erfExponent = [
  1.128379225730896, 0.6366193890571594, 0.1027776449918747, -0.01915244571864605, -0.0001614471839275211,
  0.001668012584559619, -0.0006333477795124054, 0.0001177780723083, -9.270955160900485e-6,
];

function erf(x: Expr): Expr {
  const a = min(constant(4), abs(x));
  return withSign(negate(expm1(negate(mul(a, polynomial(a, erfExponent))))), x);
}

const relu: Formula = (x) => max(constant(0), x);
const relu6: Formula = (x) => min(constant(6), relu(x, 0));
const seluScale = 1.0507009873554805;
const seluAlpha = 1.6732632423543772;
/** For x < 0 alone. */
const negativeExpm1 = (x: Expr): Expr => expm1(max(constant(-104), min(constant(0), x)));
const gelu = (x: Expr, inner: Expr): Expr => mul(mul(x, 0.5), add(inner, 1));

/**
 * Functions of one element by TensorFlow's names, as the reference kernels define them. Within 1e-6 of the size of the
 * result, or of 1 where the result is bounded; NaN passes through.
 */
export const unaryFormulas: ReadonlyMap<string, Formula> = new Map<string, Formula>(
  Object.entries({
    Relu: relu,
    Relu6: relu6,
    LeakyRelu: (x, alpha) => ifLess(x, 0, mul(x, alpha), x),
    Elu: (x) => ifLess(x, 0, negativeExpm1(x), x),
    Selu: (x) => ifLess(x, 0, mul(negativeExpm1(x), seluScale * seluAlpha), mul(x, seluScale)),
    Softplus: (x) => add(max(constant(0), x), log1p(exp(negate(abs(x))))),
    Softsign: (x) => div(x, add(abs(x), 1)),
    Sigmoid: sigmoid,
    Tanh: tanh,
    Erf: erf,
    Exp: exp,
    Neg: negate,
    Abs: abs,
    Square: (x) => mul(x, x),
    Sqrt: (x) => sqrt(x),
    Rsqrt: (x) => div(1, sqrt(x)),
    Reciprocal: (x) => div(1, x),
    Inv: (x) => div(1, x),
    Round: (x) => round(x),
    Rint: (x) => round(x),
    HardSwish: (x) => mul(mul(x, min(constant(6), max(constant(0), add(x, 3)))), 1 / 6),
    _FusedHardSwish: (x) => mul(mul(x, min(constant(6), max(constant(0), add(x, 3)))), 1 / 6),
    Swish: (x) => mul(x, sigmoid(x, 0)),
    _MklSwish: (x) => mul(x, sigmoid(x, 0)),
    GeluExact: (x) => gelu(x, erf(mul(x, Math.SQRT1_2))),
    GeluApproximate: (x) =>
      gelu(x, tanh(mul(mul(x, Math.sqrt(2 / Math.PI)), fma(mul(x, x), constant(0.044715), constant(1))))),
  } satisfies Record<string, Formula>),
);
