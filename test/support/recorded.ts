import { readFileSync } from 'node:fs';
import { type DType, dtypes, isBigInt } from '../../src/base/dtype.ts';
import { type Tensor, tensorFromBytes } from '../../src/base/tensor.ts';
import type { Attr } from '../../src/graph/attr.ts';
import type { Node } from '../../src/graph/graph.ts';
import { isKnownOp } from '../../src/graph/signature.ts';
import { reference } from '../../src/kernels/reference.ts';

/** One op with its inputs and what TensorFlow made of them, as test/fixtures/record_*.py writes it. */
export type RecordedCase = {
  readonly name: string;
  readonly op: string;
  readonly attrs: Readonly<Record<string, Attr>>;
  readonly inputs: readonly RecordedTensor[];
  /** Absent where TensorFlow refused. */
  readonly outputs?: readonly RecordedTensor[];
  readonly error?: string;
};
type RecordedTensor = { readonly dtype: DType; readonly shape: readonly number[]; readonly data: string };

export const readCases = (file: string): readonly RecordedCase[] =>
  JSON.parse(readFileSync(new URL(`../fixtures/${file}`, import.meta.url), 'utf8'));

export const toTensor = ({ dtype, shape, data }: RecordedTensor): Tensor =>
  tensorFromBytes(dtype, shape, Buffer.from(data, 'base64')) as Tensor;

export const toNode = ({ op, attrs }: RecordedCase, inputs: number): Node => ({
  name: 'op',
  op,
  inputs: Array.from({ length: inputs }, (_, i) => ({ node: `x${i}`, port: 0 })),
  controls: [],
  attrs: new Map(Object.entries(attrs)),
});

/** What octet's reference kernel makes of the case. */
export function runCase(recorded: RecordedCase): readonly Tensor[] {
  const kernel = isKnownOp(recorded.op) ? reference[recorded.op] : 'not-implemented';
  if (typeof kernel === 'string') throw new Error(`${recorded.op} is ${kernel}`);
  const inputs = recorded.inputs.map(toTensor);
  return kernel(inputs, toNode(recorded, inputs.length), {
    session: new Map(),
    run: new Map(),
    assets: new Map(),
  });
}

/** How far two tensors of numbers are apart: elements that differ in any way, and the largest difference. */
export function difference(a: Tensor, b: Tensor): { different: number; largest: number; relative: number } {
  const width = isBigInt(a.dtype) ? Number : (x: number) => x;
  const [x, y] = [a, b].map((t) => Array.from(t.data as Float32Array, width as (x: number) => number));
  let different = Math.abs(x!.length - y!.length);
  let largest = 0;
  let relative = 0;
  for (const [i, value] of x!.entries()) {
    const other = y![i]!;
    if (Object.is(value, other) || value === other) continue;
    different++;
    const distance = Number.isNaN(value) || Number.isNaN(other) ? Number.POSITIVE_INFINITY : Math.abs(value - other);
    largest = Math.max(largest, distance);
    relative = Math.max(relative, distance / Math.max(1e-30, Math.abs(other)));
  }
  return { different, largest, relative };
}

export const isFloatTensor = (t: Tensor): boolean =>
  dtypes[t.dtype].array === Float32Array || dtypes[t.dtype].array === Float64Array;

/** The largest magnitude of the finite elements: differences are judged against it. */
export const scaleOf = (t: Tensor): number =>
  Array.from(t.data as Float32Array, Number).reduce((m, x) => (Number.isFinite(x) ? Math.max(m, Math.abs(x)) : m), 0);
