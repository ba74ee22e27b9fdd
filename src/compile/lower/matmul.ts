import { broadcastShapes, type Shape } from '../../base/shape.ts';
import { tensorOf } from '../../base/tensor.ts';
import { attrs, type } from '../../graph/attr.ts';
import type { Node } from '../../graph/graph.ts';
import { opAttr } from '../../graph/signature.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import { productKernels, realConvKernels } from '../kernels.ts';
import { type Choice, chosen, isValue, type Operand, pictureOf } from '../layer.ts';
import { addKernel, decline, float32At, type Lower, type LowerContext, type Value, valueAt } from './lowering.ts';
import { lowerBinary, lowerUnary, padded, viewed } from './pointwise.ts';
import { lowerTranspose } from './slice.ts';
import { oneByOne } from './windows.ts';

/** Matrices in the last two axes, batches of them in those before. */
type Matrices = { readonly shape: Shape; readonly isTransposed: boolean };

const columnsOf = ({ shape, isTransposed }: Matrices): number => shape.at(isTransposed ? -2 : -1)!;
const rowsOf = ({ shape, isTransposed }: Matrices): number => shape.at(isTransposed ? -1 : -2)!;

/** a·b, of which the second is computed: a product of whatever size, for each of a batch. */
function addProduct(context: LowerContext, [a, b]: readonly [Value, Value], flags: readonly [boolean, boolean]) {
  const [left, right] = [matrices(a, flags[0]), matrices(b, flags[1])];
  const batch = broadcastShapes(left.shape.slice(0, -2), right.shape.slice(0, -2)) ?? decline('batches that differ');
  if (columnsOf(left) !== rowsOf(right) || batch.length > 2) decline(`[${left.shape}] times [${right.shape}]`);
  const shape = [...batch, rowsOf(left), columnsOf(right)];
  const second = flags[1] ? transposed(context, b) : b;
  return addKernel(context, {
    inputs: [a.id, second.id],
    dtype: 'float32',
    shape,
    choose: ({ inputs: [from, other], output, isa }): Choice => {
      const seen = (buffer: Buffer, of: Shape) => viewed(buffer, pictureOf(padded(of, 4)));
      const views = [seen(from!, left.shape), seen(other!, second.shape), seen(output, shape)];
      if (!views.every((view) => view !== undefined)) return { whyNot: 'a matrix with gaps' };
      const [x, y, to] = views as [Buffer, Buffer, Buffer];
      return chosen(productKernels, isa, { a: x, b: y, output: to, transposed: left.isTransposed });
    },
  });
}

function matrices({ dtype, shape }: Value, isTransposed: boolean): Matrices {
  if (dtype !== 'float32' || shape.length < 2 || shape.length > 4) return decline(`matrices of ${dtype}, [${shape}]`);
  return { shape, isTransposed };
}

/** The matrices of a value with rows and columns exchanged, by a Transpose of its own. */
function transposed(context: LowerContext, value: Value): Value {
  const rank = value.shape.length;
  const order = Array.from({ length: rank }, (_, axis) => (axis < rank - 2 ? axis : 2 * rank - 3 - axis));
  const node = { ...context.node, name: `${context.node.name}/transposed`, op: 'Transpose' };
  const operands: Operand[] = [{ id: value.id }, { tensor: tensorOf('int32', order) }];
  const types = attrs({ T: type('float32'), Tperm: type('int32') });
  const [output] = lowerTranspose({ ...context, node: { ...node, attrs: types }, operands });
  return valueAt({ ...context, operands: [output!] }, 0);
}

/** Rows of any number of axes times one constant matrix: a convolution of 1 × 1. */
function byConstant(context: LowerContext, a: Value): Operand {
  const { shape, data } = float32At(context, 1);
  const matrix = shape.slice(-2) as [number, number];
  const isOne = shape.slice(0, -2).every((dim) => dim === 1) && shape.length <= a.shape.length;
  const [k, c] = matrix;
  if (!isOne || a.dtype !== 'float32' || a.shape.length < 3 || a.shape.length > 4 || a.shape.at(-1) !== k)
    return decline(`[${a.shape}] times a constant [${shape}]`);
  return addKernel(context, {
    inputs: [a.id],
    dtype: 'float32',
    shape: [...a.shape.slice(0, -1), c],
    choose: ({ inputs: [input], output, isa }) =>
      chosen(realConvKernels, isa, {
        input: input!,
        output,
        ...oneByOne,
        weights: data,
      }),
  });
}

/** BatchMatMul, V2 and V3 of float32. */
const lowerBatchMatMul: Lower = (context) => {
  const { node, operands } = context;
  const [adjX, adjY] = ['adj_x', 'adj_y'].map((name) => opAttr(node, name, 'bool')) as [boolean, boolean];
  if (node.op === 'BatchMatMulV3' && opAttr(node, 'Tout', 'type') !== 'float32') decline('other types');
  if (!isValue(operands[1]!) && !adjX && !adjY) return [byConstant(context, valueAt(context, 0))];
  return [addProduct(context, [valueAt(context, 0), valueAt(context, 1)], [adjX, adjY])];
};

/** MatMul and _FusedMatMul of two computed matrices; what is fused follows by itself. */
export const lowerProduct: Lower = (context) => {
  const { node, operands } = context;
  const flags = ['transpose_a', 'transpose_b'].map((name) => opAttr(node, name, 'bool')) as [boolean, boolean];
  let result = addProduct(context, [valueAt(context, 0), valueAt(context, 1)], flags);
  const [bias, activation] = fusedOps(node);
  const follow = (op: string, lower: Lower, more: readonly Operand[]): void => {
    const next = { ...node, name: `${node.name}/${op}`, op, attrs: attrs({ T: type('float32') }) };
    [result] = lower({ ...context, node: next, operands: [result, ...more] }) as [Operand];
  };
  if (bias !== undefined) follow(bias, lowerBinary, operands.slice(2, 3));
  if (activation !== undefined) follow(activation, lowerUnary, []);
  return [result];
};

/** BiasAdd, then an activation: what fuse-real.ts makes of matrix products. */
function fusedOps(node: Node): readonly (string | undefined)[] {
  if (!node.op.startsWith('_Fused')) return [];
  const names = opAttr(node, 'fused_ops', 'strings');
  const [bias, activation] = names;
  const isKnown = bias === 'BiasAdd' && names.length <= 2 && [undefined, 'Relu', 'Relu6'].includes(activation);
  return isKnown ? names : decline(`the fused ops ${names}`);
}

/** The ops whose lowering is here alone. */
export const matmulLowerings: Readonly<Record<string, Lower>> = {
  BatchMatMul: lowerBatchMatMul,
  BatchMatMulV2: lowerBatchMatMul,
  BatchMatMulV3: lowerBatchMatMul,
};
