import { UserError } from '../../base/errors.ts';
import { broadcastShapes, formatShape, sizeOf, stridesOf } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { opAttr } from '../../graph/signature.ts';
import { applyFusedOps } from '../activation/fused.ts';
import type { Numbers } from '../conv/convolve.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { gemm, packPanels } from './gemm.ts';

/** A matrix somewhere in an array, [rows, columns] row-major; `transposed` exchanges them when it is read. */
type Matrix = { data: Numbers; offset: number; rows: number; columns: number; transposed: boolean };

const rowsOf = (m: Matrix) => (m.transposed ? m.columns : m.rows);
const columnsOf = (m: Matrix) => (m.transposed ? m.rows : m.columns);

/** a·b in float64 (exact for integers up to 2^53) into `sums[at…]`. Throws `UserError` where inner sizes differ. */
function multiply(a: Matrix, b: Matrix, sums: Float64Array, at: number): void {
  const [m, k, n] = [rowsOf(a), columnsOf(a), columnsOf(b)];
  if (k !== rowsOf(b)) throw new UserError(`can't multiply [${m},${k}] by [${rowsOf(b)},${n}]`);
  const left = new Float64Array(m * k);
  for (let i = 0, to = 0; i < m; i++)
    for (let j = 0; j < k; j++) left[to++] = a.data[a.offset + (a.transposed ? j * a.columns + i : i * a.columns + j)]!;
  const step = b.transposed ? { rowStep: 1, columnStep: b.columns } : { rowStep: b.columns, columnStep: 1 };
  gemm(left, m, packPanels(b.data, k, n, { offset: b.offset, ...step }), { data: sums, offset: at, rowStep: n });
}

function matrix(t: Tensor, transposed: boolean): Matrix {
  const [rows, columns] = t.shape;
  if (t.shape.length !== 2 || rows === undefined || columns === undefined)
    throw new UserError(`expected a matrix, found ${formatShape(t.shape)}`);
  return { data: numbers(t), offset: 0, rows, columns, transposed };
}

/** The product of two matrices in float64, [m, n], as `transpose_a` and `transpose_b` of the node say. */
export function matrixProduct(a: Tensor, b: Tensor, node: Node): { sums: Float64Array; m: number; n: number } {
  const left = matrix(a, opAttr(node, 'transpose_a', 'bool'));
  const right = matrix(b, opAttr(node, 'transpose_b', 'bool'));
  const [m, n] = [rowsOf(left), columnsOf(right)];
  const sums = new Float64Array(m * n);
  multiply(left, right, sums, 0);
  return { sums, m, n };
}

const matMul: ReferenceKernel = (inputs, node) => {
  const { sums, m, n } = matrixProduct(inputAt(inputs, 0), inputAt(inputs, 1), node);
  return [tensorOfNumbers(inputAt(inputs, 0).dtype, [m, n], sums)];
};

const fusedMatMul: ReferenceKernel = (inputs, node) => {
  const { sums, m, n } = matrixProduct(inputAt(inputs, 0), inputAt(inputs, 1), node);
  applyFusedOps(node, sums, n, inputs.slice(2));
  return [tensorOfNumbers(inputAt(inputs, 0).dtype, [m, n], sums)];
};

/** Matrices in the last two axes; the axes before them broadcast. */
const batchMatMul: ReferenceKernel = (inputs, node) => {
  const [x, y] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  if (x.shape.length < 2 || y.shape.length < 2)
    throw new UserError(`expected matrices, found ${formatShape(x.shape)} and ${formatShape(y.shape)}`);
  const batches = [x, y].map((t) => t.shape.slice(0, -2)) as [number[], number[]];
  const batch = broadcastShapes(...batches);
  if (batch === undefined) throw new UserError(`can't broadcast ${formatShape(x.shape)} with ${formatShape(y.shape)}`);
  const matrices = ([x, y] as const).map((t, i) => {
    const [rows, columns] = t.shape.slice(-2) as [number, number];
    return {
      data: numbers(t),
      offset: 0,
      rows,
      columns,
      transposed: opAttr(node, i === 0 ? 'adj_x' : 'adj_y', 'bool'),
    };
  }) as [Matrix, Matrix];
  const [m, n] = [rowsOf(matrices[0]), columnsOf(matrices[1])];
  const count = sizeOf(batch);
  const sums = new Float64Array(count * m * n);
  for (let i = 0; i < count; i++) {
    const [a, b] = matrices.map((matrix, side) => ({
      ...matrix,
      offset: broadcastIndex(i, batch, batches[side]!) * matrix.rows * matrix.columns,
    })) as [Matrix, Matrix];
    multiply(a, b, sums, i * m * n);
  }
  const dtype = node.op === 'BatchMatMulV3' ? opAttr(node, 'Tout', 'type') : x.dtype;
  return [tensorOfNumbers(dtype, [...batch, m, n], sums)];
};

/** The index into `shape` of element `index` of the shape it is broadcast to. */
function broadcastIndex(index: number, to: readonly number[], shape: readonly number[]): number {
  const outer = stridesOf(to);
  const inner = stridesOf(shape);
  const missing = to.length - shape.length;
  return shape.reduce((sum, size, axis) => {
    const i = Math.floor(index / outer[axis + missing]!) % to[axis + missing]!;
    return sum + (size === 1 ? 0 : i * inner[axis]!);
  }, 0);
}

/** Matrix products. */
export const matmulReference = {
  MatMul: matMul,
  SparseMatMul: matMul,
  _FusedMatMul: fusedMatMul,
  BatchMatMul: batchMatMul,
  BatchMatMulV2: batchMatMul,
  BatchMatMulV3: batchMatMul,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
