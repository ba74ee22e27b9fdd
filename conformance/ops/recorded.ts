import { readdirSync, readFileSync } from 'node:fs';
import { type DType, dtypes } from '../../src/base/dtype.ts';
import { type Tensor, tensorFromBytes } from '../../src/base/tensor.ts';
import type { Attr } from '../../src/graph/attr.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import type { OpCase } from '../graph-case.ts';

/**
 * The inputs of the cases that the tests of the reference kernels recorded, run again: the recorded outputs are those of one
 * machine and one day, and play no part here.
 */
const folders = [
  new URL('../../test/fixtures/', import.meta.url),
  new URL('../../test/kernels/recorded/', import.meta.url),
];

type RecordedTensor = {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Bytes as base64, or the elements: text as Latin-1, int64 as decimals. */
  readonly data: string | readonly (string | number | boolean)[];
};
type Recorded = {
  readonly name?: string;
  readonly op: string;
  readonly attrs: Readonly<Record<string, Attr>>;
  readonly inputs: readonly RecordedTensor[];
};

export function recordedCases(): OpCase[] {
  const files = folders.flatMap((folder) =>
    readdirSync(folder)
      .filter((file) => file.endsWith('.json') && file !== 'models.json')
      .map((file) => ({ file, cases: JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as Recorded[] })),
  );
  return files.flatMap(({ file, cases }) =>
    cases.map(({ name, op, attrs, inputs }, i) => ({
      name: `${file.replace('.json', '')} ${i}${name === undefined ? '' : ` ${name}`}`,
      op: op as OpName,
      inputs: inputs.map(toTensor),
      attrs,
      ...placesOf(op, inputs),
    })),
  );
}

function toTensor({ dtype, shape, data }: RecordedTensor): Tensor {
  if (typeof data === 'string') return tensorFromBytes(dtype, shape, Buffer.from(data, 'base64')) as Tensor;
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

/** Weights and bias are packed when the graph is prepared; sums are made in place, over a summand that must be nobody's else. */
export function placesOf(
  op: string,
  inputs: readonly { readonly dtype: DType }[],
): Pick<OpCase, 'constants' | 'computed'> {
  if (!/^Quantized.*Conv2D|^QuantizedMatMulWith|^_FusedQuantized|^_QuantizedMatMul/.test(op)) return {};
  const constants = op === 'QuantizedConv2DPerChannel' ? [1, 4, 5] : [1, 2];
  if (op === '_FusedQuantizedConv2D') return { constants, computed: inputs[3]!.dtype === 'float32' ? [] : [3] };
  return { constants, computed: /Sum/.test(op) ? [op.endsWith('Requantize') ? 9 : 7] : [] };
}
