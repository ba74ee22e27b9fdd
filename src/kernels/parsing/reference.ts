import { dtypes } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { numberOf, type Tensor, tensorFromBytes } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { concatBytes, stringsOf } from '../strings/text.ts';
import { decodeCsv } from './csv.ts';
import { parseExampleKernels } from './parse-example.ts';

/** Strings of `length` bytes each as rows of numbers. */
function decodeRows(input: Tensor, rows: readonly Uint8Array[], length: number, node: Node): Tensor {
  const dtype = readAttr(node, 'out_type', 'type');
  const width = dtypes[dtype].bytes;
  if (width === 0 || length % width !== 0)
    throw new UserError(`strings of ${length} bytes can't be read as ${dtype}, of ${width} bytes each`);
  // complex64 is two floats, each with its own byte order.
  const unit = dtype === 'complex64' ? 4 : width;
  const isLittle = readAttr(node, 'little_endian', 'bool', true);
  const bytes = concatBytes(rows);
  if (!isLittle) for (let i = 0; i < bytes.length; i += unit) bytes.subarray(i, i + unit).reverse();
  return tensorFromBytes(dtype, [...input.shape, length / width], bytes);
}

const decodeRaw: ReferenceKernel = ([input], node) => {
  const rows = stringsOf(input!);
  const length = rows[0]?.length ?? 0;
  if (rows.some((row) => row.length !== length)) throw new UserError('decodes strings of different lengths');
  return [decodeRows(input!, rows, length, node)];
};

const decodePaddedRaw: ReferenceKernel = ([input, fixed], node) => {
  const length = numberOf(fixed!);
  if (length <= 0) throw new UserError(`can't cut strings to ${length} bytes`);
  const rows = stringsOf(input!).map((bytes) => {
    const row = new Uint8Array(length);
    row.set(bytes.subarray(0, length));
    return row;
  });
  return [decodeRows(input!, rows, length, node)];
};

/** Records into tensors. */
export const parsingReference = {
  ...parseExampleKernels,
  DecodeCSV: decodeCsv,
  DecodePaddedRaw: decodePaddedRaw,
  DecodeRaw: decodeRaw,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
