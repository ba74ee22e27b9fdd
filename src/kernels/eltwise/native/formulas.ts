import { add, div, type Expr, ifLess, ifNan, max, min, mul, sub } from '../../pointwise/native/expr.ts';

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
