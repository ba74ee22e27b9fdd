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

const unlessNan = (a: Expr, b: Expr, x: Expr | number): Expr => ifNan(a, 0, ifNan(b, 0, x));
const equal: BinaryFormula = (a, b) => unlessNan(a, b, ifLess(a, b, 0, ifLess(b, a, 0, 1)));

/** Comparisons of two elements: 1 where they hold. None but NotEqual holds for NaN. */
export const comparisonFormulas: ReadonlyMap<string, BinaryFormula> = new Map<string, BinaryFormula>(
  Object.entries({
    Equal: equal,
    NotEqual: (a, b) => sub(1, equal(a, b)),
    Less: (a, b) => ifLess(a, b, 1, 0),
    LessEqual: (a, b) => unlessNan(a, b, ifLess(b, a, 0, 1)),
    Greater: (a, b) => ifLess(b, a, 1, 0),
    GreaterEqual: (a, b) => unlessNan(a, b, ifLess(a, b, 0, 1)),
  } satisfies Record<string, BinaryFormula>),
);

/** Where a NaN has no code it gives `low`, as does all that is below. */
export const clampTo = (x: Expr, low: number, high: number): Expr => min(max(x, low), high);
