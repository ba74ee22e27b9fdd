/**
 * A function of one element of each input, in float32: what a pointwise kernel computes. Every operation rounds once, so
 * an expression has the same value on every machine; `fma` rounds its product and sum together, and stands only where
 * float results may differ in the last places.
 */
export type Expr =
  | { readonly op: 'input'; readonly index: number }
  | { readonly op: 'constant'; readonly value: number }
  /** A pattern of bits, for and, or, xor. */
  | { readonly op: 'bits'; readonly bits: number }
  | { readonly op: Operation; readonly args: readonly Expr[] };

export type Operation =
  | 'add'
  | 'sub'
  | 'mul'
  | 'div'
  /** a > b ? a : b, and with a < b: b where either is NaN, and where both are zero. */
  | 'max'
  | 'min'
  | 'and'
  | 'or'
  | 'xor'
  /** a·b + c. */
  | 'fma'
  | 'sqrt'
  /** To an integer: half to even, and towards zero. */
  | 'round'
  | 'truncate'
  /** a·2ⁿ for an integer n from −252 to 254. */
  | 'scale'
  /** (a, b, x, y): a < b ? x : y. */
  | 'ifLess'
  /** (a, x, y): a is NaN ? x : y. */
  | 'ifNan';

const of =
  (op: Operation) =>
  (...args: readonly (Expr | number)[]): Expr => ({ op, args: args.map(expr) });

const expr = (arg: Expr | number): Expr => (typeof arg === 'number' ? constant(arg) : arg);

export const input = (index: number): Expr => ({ op: 'input', index });
export const constant = (value: number): Expr => ({ op: 'constant', value: Math.fround(value) });
const bits = (pattern: number): Expr => ({ op: 'bits', bits: pattern | 0 });

type E = Expr | number;
export const add = (a: E, b: E): Expr => of('add')(a, b);
export const sub = (a: E, b: E): Expr => of('sub')(a, b);
export const mul = (a: E, b: E): Expr => of('mul')(a, b);
export const div = (a: E, b: E): Expr => of('div')(a, b);
export const max = (a: E, b: E): Expr => of('max')(a, b);
export const min = (a: E, b: E): Expr => of('min')(a, b);
export const fma = (a: E, b: E, c: E): Expr => of('fma')(a, b, c);
export const sqrt = (a: E): Expr => of('sqrt')(a);
export const round = (a: E): Expr => of('round')(a);
export const truncate = (a: E): Expr => of('truncate')(a);
export const scale = (a: E, n: E): Expr => of('scale')(a, n);
export const ifLess = (a: E, b: E, x: E, y: E): Expr => of('ifLess')(a, b, x, y);
export const ifNan = (a: E, x: E, y: E): Expr => of('ifNan')(a, x, y);
export const abs = (a: Expr): Expr => ({ op: 'and', args: [a, bits(0x7fffffff)] });
export const negate = (a: Expr): Expr => ({ op: 'xor', args: [a, bits(0x80000000)] });
/** The magnitude of a (not negative) with the sign of b. */
export const withSign = (a: Expr, b: Expr): Expr => ({
  op: 'or',
  args: [a, { op: 'and', args: [b, bits(0x80000000)] }],
});

/** c₀ + c₁·x + c₂·x² …, by Horner's scheme. */
export const polynomial = (x: Expr, coefficients: readonly number[]): Expr =>
  coefficients.reduceRight<Expr | undefined>(
    (sum, c) => (sum === undefined ? constant(c) : fma(sum, x, c)),
    undefined,
  ) ?? constant(0);

/** The constants' bits in an expression, each once, in the order of their first use. */
export function constantsOf(root: Expr): readonly number[] {
  const found = new Set<number>();
  const seen = new Set<Expr>();
  const visit = (e: Expr): void => {
    if (seen.has(e)) return;
    seen.add(e);
    if ('args' in e) e.args.forEach(visit);
    else if (e.op !== 'input') found.add(patternOf(e));
  };
  visit(root);
  return [...found];
}

const view = new DataView(new ArrayBuffer(4));
/** A constant as int32 bits. */
export function patternOf(e: Extract<Expr, { op: 'constant' | 'bits' }>): number {
  if (e.op === 'bits') return e.bits;
  view.setFloat32(0, e.value);
  return view.getInt32(0);
}
