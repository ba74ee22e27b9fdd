import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type DType, dtypes } from '../../../src/base/dtype.ts';
import { UserError } from '../../../src/base/errors.ts';
import { type Tensor, textAt } from '../../../src/base/tensor.ts';
import type { Attr } from '../../../src/graph/attr.ts';
import type { Node } from '../../../src/graph/graph.ts';
import { isKnownOp } from '../../../src/graph/signature.ts';
import { reference } from '../../../src/kernels/reference.ts';

/** What TensorFlow 2.21 gave, by record.py beside this file. */
type Recorded = { dtype: DType; shape: number[]; data: (string | number | boolean)[] };
type Case = { op: string; attrs: Record<string, Attr>; inputs: Recorded[]; outputs?: Recorded[]; error?: string };

const load = (family: string): Case[] =>
  JSON.parse(readFileSync(new URL(`${family}.golden.json`, import.meta.url), 'utf8')) as Case[];

function toTensor({ dtype, shape, data }: Recorded): Tensor {
  const elements =
    dtype === 'string'
      ? data.map((text) => Uint8Array.from(text as string, (char) => char.charCodeAt(0)))
      : dtype === 'int64'
        ? BigInt64Array.from(data as string[], BigInt)
        : (dtypes[dtype].array as Float32ArrayConstructor).from(data as number[], toNumber);
  return { dtype, shape, data: elements } as unknown as Tensor;
}

const toNumber = (x: number | string | boolean): number =>
  x === 'inf' ? Number.POSITIVE_INFINITY : x === '-inf' ? Number.NEGATIVE_INFINITY : Number(x);

function run({ op, attrs, inputs }: Case): readonly Tensor[] {
  const kernel = isKnownOp(op) ? reference[op] : undefined;
  if (typeof kernel !== 'function') throw new Error(`no kernel for ${op}`);
  const node: Node = { name: 'n', op, inputs: [], controls: [], attrs: new Map(Object.entries(attrs)) };
  return kernel(inputs.map(toTensor), node, { session: new Map(), run: new Map(), assets: new Map() });
}

/** Exact, but for floats: those may differ in the last places of the largest. */
function expectSame(got: Tensor, wanted: Tensor): void {
  expect({ dtype: got.dtype, shape: got.shape }).toEqual({ dtype: wanted.dtype, shape: wanted.shape });
  if (wanted.dtype === 'string') {
    const texts = (t: Tensor) => t.data.length > 0 && Array.from(t.data, (_, i) => textAt(t as Tensor<'string'>, i));
    expect(texts(got)).toEqual(texts(wanted));
    expect(Array.from(got.data)).toEqual(wanted.data.map((bytes) => new Uint8Array(bytes)));
  } else if (wanted.dtype === 'float32' || wanted.dtype === 'float64') {
    const numbers = Array.from(wanted.data);
    const range = Math.max(0, ...numbers.filter(Number.isFinite).map(Math.abs));
    for (const [i, x] of numbers.entries()) {
      const y = got.data[i] as number;
      if (!Object.is(x, y) && !(Math.abs(x - y) <= 2e-6 * range)) expect(y).toBe(x);
    }
  } else expect(got.data).toEqual(wanted.data);
}

describe.each(['strings', 'parsing', 'sparse', 'audio'])('%s, as TensorFlow computes them', (family) => {
  const cases = load(family);
  it.each(cases.map((c, i) => [`${i} ${c.op} ${JSON.stringify(c.attrs)}`, c] as const))('%s', (_name, c) => {
    if (c.error !== undefined) {
      expect(() => run(c)).toThrow(UserError);
      return;
    }
    const got = run(c);
    expect(got.length).toBeGreaterThanOrEqual(c.outputs!.length);
    for (const [i, wanted] of c.outputs!.entries()) expectSame(got[i]!, toTensor(wanted));
  });
});
