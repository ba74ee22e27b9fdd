import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { parseExpression } from '../../src/data/expression.ts';

const row: Record<string, number> = { tips: 3, fare: 10, empty: Number.NaN };
const value = (text: string): number => parseExpression(text).value((column) => row[column]!);

test.each([
  ['1 + 2 * 3', 7],
  ['(1 + 2) * 3', 9],
  ['8 - 4 - 2', 2],
  ['-tips + 1.5e1 / 3', 2],
  ['tips > 0.2 * fare', 1],
  ['tips > 0.3 * fare', 0],
  ['tips >= 3', 1],
  ['tips != 3', 0],
  ['tips < fare == 1', 1],
  ['empty > 1', Number.NaN],
])('%s is %d', (text, expected) => {
  expect(value(text)).toBe(expected);
});

test('names the columns it reads', () => {
  expect(parseExpression('tips > 0.2 * fare + tips').columns).toEqual(['tips', 'fare']);
});

describe('refuses', () => {
  test.each(['', '1 +', '(1', '1)', 'a b', 'a > ;', '* 2', 'f(1)', 'a.b', '('.repeat(2000)])('%s', (text) => {
    expect(() => parseExpression(text)).toThrow(UserError);
  });
});
