import {
  add,
  constant,
  div,
  type Expr,
  ifLess,
  ifNan,
  input,
  max,
  min,
  mul,
  round,
  sub,
} from '../../pointwise/native/expr.ts';

/** A function of two numbers. */
export type BinaryFormula = (a: Expr, b: Expr) => Expr;

const difference: BinaryFormula = (a, b) => sub(a, b);

/** Functions of two elements by TensorFlow's names, as the reference kernels define them: exact. NaN wins in both extremes. */
export const binaryFormulas: ReadonlyMap<string, BinaryFormula> = new Map<string, BinaryFormula>(
  Object.entries({
    Add: (a, b) => add(a, b),
    AddV2: (a, b) => add(a, b),
    BiasAdd: (a, b) => add(a, b),
    Sub: difference,
    Mul: (a, b) => mul(a, b),
    RealDiv: (a, b) => div(a, b),
    Div: (a, b) => div(a, b),
    Maximum: (a, b) => ifNan(a, a, max(a, b)),
    Minimum: (a, b) => ifNan(a, a, min(a, b)),
    SquaredDifference: (a, b) => {
      const d = difference(a, b);
      return mul(d, d);
    },
    Prelu: (x, alpha) => ifLess(x, 0, mul(x, alpha), x),
  } satisfies Record<string, BinaryFormula>),
);

/** Where a NaN has no code it gives `low`, as does all that is below. */
export const clampTo = (x: Expr, low: number, high: number): Expr => min(max(x, low), high);

/** clamp(rne(f32(a)·m_a + f32(b)·m_b)): the sum of codes of two scales as codes of a third, without fused rounding. */
export const sumOfCodes = (ma: number, mb: number, low: number, high: number): Expr =>
  round(clampTo(add(mul(input(0), constant(ma)), mul(input(1), constant(mb))), low, high));
