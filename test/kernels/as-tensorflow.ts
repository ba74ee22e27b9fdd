import { expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { fromBfloat16, fromFloat16 } from '../../src/base/half.ts';
import type { Tensor } from '../../src/base/tensor.ts';
import { type RecordedCase, readCases, runCase, toTensor } from '../support/recorded.ts';

/** How far an element may be from TensorFlow's: relative to it, and at all. Integers are equal. */
type Tolerance = { readonly relative: number; readonly absolute: number };
const tolerances: Partial<Record<Tensor['dtype'], Tolerance>> = {
  float32: { relative: 2e-6, absolute: 1e-6 },
  complex64: { relative: 2e-6, absolute: 1e-6 },
  float64: { relative: 1e-10, absolute: 1e-12 },
  // One step of the type.
  float16: { relative: 2 ** -10, absolute: 2 ** -24 },
  bfloat16: { relative: 2 ** -7, absolute: 1e-30 },
};

function valuesOf(t: Tensor): (number | bigint)[] {
  const values = Array.from(t.data as ArrayLike<number | bigint>);
  if (t.dtype === 'float16') return (values as number[]).map(fromFloat16);
  return t.dtype === 'bfloat16' ? (values as number[]).map(fromBfloat16) : values;
}

function isNear(x: number | bigint, wanted: number | bigint, tolerance: Tolerance | undefined): boolean {
  if (x === wanted || (Number.isNaN(x) && Number.isNaN(wanted))) return true;
  if (tolerance === undefined || typeof x === 'bigint' || typeof wanted === 'bigint') return false;
  return Math.abs(x - wanted) <= tolerance.relative * Math.abs(wanted) + tolerance.absolute;
}

/** The elements that are not as TensorFlow's, as text. */
export function mismatches(found: Tensor, wanted: Tensor): string[] {
  const [x, y] = [valuesOf(found), valuesOf(wanted)];
  const tolerance = tolerances[wanted.dtype];
  return x.flatMap((value, i) => (isNear(value, y[i]!, tolerance) ? [] : [`[${i}] ${value}, TensorFlow ${y[i]}`]));
}

/** Checks a case; what TensorFlow refuses, octet refuses as the user's error. */
export function checkCase(recorded: RecordedCase): void {
  if (recorded.outputs === undefined) {
    expect(() => runCase(recorded)).toThrow(UserError);
    return;
  }
  const found = runCase(recorded);
  const wanted = recorded.outputs.map(toTensor);
  expect(found.map((t) => [t.dtype, t.shape])).toEqual(wanted.map((t) => [t.dtype, t.shape]));
  for (const [i, t] of wanted.entries()) expect(mismatches(found[i]!, t)).toEqual([]);
}

/** One test for each case of a file of test/fixtures. */
export function testRecorded(file: string): void {
  test.each(readCases(file).map((recorded) => [`${recorded.op} ${recorded.name}`, recorded] as const))(
    '%s',
    (_, recorded) => checkCase(recorded),
  );
}
