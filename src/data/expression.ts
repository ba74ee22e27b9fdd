import { type Place, UserError } from '../base/errors.ts';

/** A formula over named columns, such as `tips > 0.2 * fare`. Comparisons give 1 or 0; NaN where a column has no number. */
export type Expression = {
  readonly columns: readonly string[];
  readonly value: (column: (name: string) => number) => number;
};

type Evaluate = Expression['value'];
type Operator = { readonly level: number; readonly apply: (a: number, b: number) => number };

const compare = (test: (a: number, b: number) => boolean) => (a: number, b: number) =>
  Number.isNaN(a) || Number.isNaN(b) ? Number.NaN : Number(test(a, b));

const operators: ReadonlyMap<string, Operator> = new Map([
  ['<', { level: 0, apply: compare((a, b) => a < b) }],
  ['<=', { level: 0, apply: compare((a, b) => a <= b) }],
  ['>', { level: 0, apply: compare((a, b) => a > b) }],
  ['>=', { level: 0, apply: compare((a, b) => a >= b) }],
  ['==', { level: 0, apply: compare((a, b) => a === b) }],
  ['!=', { level: 0, apply: compare((a, b) => a !== b) }],
  ['+', { level: 1, apply: (a, b) => a + b }],
  ['-', { level: 1, apply: (a, b) => a - b }],
  ['*', { level: 2, apply: (a, b) => a * b }],
  ['/', { level: 2, apply: (a, b) => a / b }],
]);
const levels = 3;
/** Deep enough for any formula that a person writes. */
const maxTokens = 1000;

/** Parses numbers, column names, `( )`, `* /`, `+ -` and comparisons. Throws `UserError` saying where it went wrong. */
export function parseExpression(text: string, place: Place = {}): Expression {
  const tokens = text.match(/\d+\.?\d*(?:[eE][+-]?\d+)?|[A-Za-z_]\w*|[<>=!]=|[-+*/<>()]|\S/g) ?? [];
  const columns = new Set<string>();
  let at = 0;
  const wrong = (): UserError =>
    new UserError(
      `'${text}' is not a formula: ${tokens[at] === undefined ? 'it ends' : `'${tokens[at]}' stands`} too early`,
      place,
      'as in: tips > 0.2 * fare',
    );
  if (tokens.length > maxTokens) throw new UserError('the formula is too long', place);

  const binary = (level: number): Evaluate => {
    if (level === levels) return operand();
    let left = binary(level + 1);
    for (;;) {
      const operator = operators.get(tokens[at] ?? '');
      if (operator?.level !== level) return left;
      at++;
      const [a, b] = [left, binary(level + 1)];
      left = (column) => operator.apply(a(column), b(column));
    }
  };
  const operand = (): Evaluate => {
    const token = tokens[at];
    if (token === '-') {
      at++;
      const negated = operand();
      return (column) => -negated(column);
    }
    if (token === '(') {
      at++;
      const inner = binary(0);
      if (tokens[at] !== ')') throw wrong();
      at++;
      return inner;
    }
    if (token === undefined || !/^[\w]/.test(token)) throw wrong();
    at++;
    if (/^\d/.test(token)) return () => Number(token);
    columns.add(token);
    return (column) => column(token);
  };

  const value = binary(0);
  if (at < tokens.length) throw wrong();
  return { columns: [...columns], value };
}
