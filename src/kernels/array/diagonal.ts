import { UserError } from '../../base/errors.ts';
import { formatShape, sizeOf } from '../../base/shape.ts';
import { numberOf, numbersOf, type Tensor, zeros } from '../../base/tensor.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { copyOf } from './common.ts';
import { broadcastView, copy, materialize, type View, view } from './view.ts';

const element = (v: View, offset: number): View => ({ ...v, offset, shape: [], strides: [] });

/** Elements of the matrices outside of the band become zero; a negative bound keeps the whole triangle. */
const matrixBandPart: ReferenceKernel = ([input, numLower, numUpper]) => {
  const [rows, columns] = input!.shape.slice(-2) as [number, number];
  const [lower, upper] = [numberOf(numLower!), numberOf(numUpper!)];
  const out = zeros(input!.dtype, input!.shape) as Tensor;
  const [from, to] = [view(input!), view(out)];
  for (let m = 0; m < sizeOf(input!.shape.slice(0, -2)); m++)
    for (let row = 0; row < rows; row++) {
      const first = lower < 0 ? 0 : Math.max(0, row - lower);
      const end = upper < 0 ? columns : Math.min(columns, row + upper + 1);
      if (end <= first) continue;
      const offset = (m * rows + row) * columns + first;
      const part = { offset, shape: [end - first], strides: [1] };
      copy({ ...from, ...part }, { ...to, ...part });
    }
  return [out];
};

/** Diag: rank k in, rank 2k out. */
const diag: ReferenceKernel = ([diagonal]) => {
  const size = sizeOf(diagonal!.shape);
  const out = zeros(diagonal!.dtype, [...diagonal!.shape, ...diagonal!.shape]) as Tensor;
  copy({ ...view(diagonal!), shape: [size], strides: [1] }, { ...view(out), shape: [size], strides: [size + 1] });
  return [out];
};

const diagPart: ReferenceKernel = ([input]) => {
  const half = input!.shape.slice(0, input!.shape.length / 2);
  if (formatShape(half) !== formatShape(input!.shape.slice(half.length)))
    throw new UserError(`${formatShape(input!.shape)} has no diagonal`);
  const size = sizeOf(half);
  return [materialize({ ...view(input!), shape: [size], strides: [size + 1] }, input!, half)];
};

/** Diagonals `lower` to `upper` of a matrix and how the shorter ones lie in their row of `width`. */
type Band = { lower: number; upper: number; rows: number; columns: number; width: number; align: string };

function bandOf(k: Tensor | undefined, rows: number, columns: number, node: Node): Band {
  const ks = k === undefined ? [0] : numbersOf(k);
  const [lower, upper] = [ks[0]!, ks[1] ?? ks[0]!];
  if (lower > upper || lower <= -Math.max(1, rows) || upper >= Math.max(1, columns))
    throw new UserError(`diagonals ${lower} to ${upper} of ${rows} × ${columns} matrices`);
  const width = Math.min(rows + Math.min(upper, 0), columns - Math.max(lower, 0));
  // The ops before V3 have no attribute: they align left.
  const align = readAttr(node, 'align', 'string', node.op.endsWith('V3') ? 'RIGHT_LEFT' : 'LEFT_LEFT');
  return { lower, upper, rows, columns, width, align };
}

/** Calls `visit` for each element of the diagonals: its place in the matrix and in the [diagonals, width] table. */
function eachOfBand(band: Band, visit: (inMatrix: number | undefined, inTable: number) => void): void {
  const { lower, upper, rows, columns, width, align } = band;
  for (let d = upper; d >= lower; d--) {
    const [row, column] = [Math.max(0, -d), Math.max(0, d)];
    const length = Math.max(0, Math.min(rows - row, columns - column));
    const [superAlign, subAlign] = align.split('_');
    const right = (d >= 0 ? superAlign : subAlign) === 'RIGHT';
    const shift = right ? width - length : 0;
    for (let i = 0; i < width; i++) {
      const at = i - shift;
      const inside = at >= 0 && at < length;
      visit(inside ? (row + at) * columns + column + at : undefined, (upper - d) * width + i);
    }
  }
}

const matrixDiagPart: ReferenceKernel = ([input, k, padding], node) => {
  const [rows, columns] = input!.shape.slice(-2) as [number, number];
  const batch = input!.shape.slice(0, -2);
  const band = bandOf(k, rows, columns, node);
  const diagonals = band.upper - band.lower + 1;
  const out = zeros(input!.dtype, [...batch, ...(diagonals === 1 ? [] : [diagonals]), band.width]) as Tensor;
  if (padding !== undefined) copy(broadcastView(view(padding), out.shape), view(out));
  const [from, to] = [view(input!), view(out)];
  for (let m = 0; m < sizeOf(batch); m++)
    eachOfBand(band, (inMatrix, inTable) => {
      if (inMatrix === undefined) return;
      copy(element(from, m * rows * columns + inMatrix), element(to, m * diagonals * band.width + inTable));
    });
  return [out];
};

/** Writes diagonals, [..., width] or [..., diagonals, width], into the matrices of `out`. */
function setDiagonals(out: Tensor, diagonal: Tensor, k: Tensor | undefined, node: Node): Tensor {
  const [rows, columns] = out.shape.slice(-2) as [number, number];
  const band = bandOf(k, rows, columns, node);
  const table = (band.upper - band.lower + 1) * band.width;
  const matrices = sizeOf(out.shape.slice(0, -2));
  if (sizeOf(diagonal.shape) !== matrices * table)
    throw new UserError(`diagonals of shape ${formatShape(diagonal.shape)} for matrices ${formatShape(out.shape)}`);
  const [from, to] = [view(diagonal), view(out)];
  for (let m = 0; m < matrices; m++)
    eachOfBand(band, (inMatrix, inTable) => {
      if (inMatrix !== undefined) copy(element(from, m * table + inTable), element(to, m * rows * columns + inMatrix));
    });
  return out;
}

const matrixDiag: ReferenceKernel = ([diagonal, k, numRows, numCols, padding], node) => {
  const ks = k === undefined ? [0] : numbersOf(k);
  const [lower, upper] = [ks[0]!, ks[1] ?? ks[0]!];
  const width = diagonal!.shape.at(-1)!;
  const batch = diagonal!.shape.slice(0, lower === upper ? -1 : -2);
  const [minRows, minColumns] = [width - Math.min(upper, 0), width + Math.max(lower, 0)];
  const given = [numRows, numCols].map((n) => (n === undefined ? -1 : numberOf(n))) as [number, number];
  let [rows, columns] = given;
  if (rows === -1 && columns === -1) rows = columns = Math.max(minRows, minColumns);
  else if (rows === -1) rows = minRows;
  else if (columns === -1) columns = minColumns;
  const out = zeros(diagonal!.dtype, [...batch, rows, columns]) as Tensor;
  if (padding !== undefined) copy(broadcastView(view(padding), out.shape), view(out));
  return [setDiagonals(out, diagonal!, k, node)];
};

const matrixSetDiag: ReferenceKernel = ([input, diagonal, k], node) => [
  setDiagonals(copyOf(input!), diagonal!, k, node),
];

export const diagonalKernels = {
  Diag: diag,
  DiagPart: diagPart,
  MatrixBandPart: matrixBandPart,
  MatrixDiag: matrixDiag,
  MatrixDiagPart: matrixDiagPart,
  MatrixDiagPartV2: matrixDiagPart,
  MatrixDiagPartV3: matrixDiagPart,
  MatrixDiagV2: matrixDiag,
  MatrixDiagV3: matrixDiag,
  MatrixSetDiag: matrixSetDiag,
  MatrixSetDiagV2: matrixSetDiag,
  MatrixSetDiagV3: matrixSetDiag,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
