import type { DType } from '../base/dtype.ts';
import { numberOf } from '../base/tensor.ts';
import { constTensor } from '../graph/constant.ts';
import type { Node, Value } from '../graph/graph.ts';
import type { OpName } from '../graph/ops/index.ts';
import type { RewriteContext } from '../graph/rewrite.ts';
import { opAttr } from '../graph/signature.ts';

/** Internal ops are no part of TensorFlow's table. */
export const internal = (name: `_Octet${string}`): OpName => name as OpName;

const isScaled = (node: Node): boolean =>
  opAttr(node, 'mode', 'string') === 'SCALED' && opAttr(node, 'axis', 'int') === -1;

/** Whether a Dequantize is of 8-bit codes over a constant range. */
export function isPlainDequantize(node: Node, { node: find }: Pick<RewriteContext, 'node'>): boolean {
  const isFixed = node.inputs.slice(1).every((v) => scalarOf(v, find) !== undefined);
  if (opAttr(node, 'narrow_range', 'bool')) return false;
  return isScaled(node) && isFixed && isByte(opAttr(node, 'T', 'type')) && opAttr(node, 'dtype', 'type') === 'float32';
}

const isByte = (dtype: DType): boolean => dtype === 'qint8' || dtype === 'quint8';

const scalarOf = (v: Value, find: (name: string) => Node): number | undefined => {
  const found = constTensor(find(v.node));
  return found?.data.length === 1 ? numberOf(found) : undefined;
};

/** The dtype of the codes that a QuantizeV2 gives, if it is one that islands end in. */
export function endsIsland(node: Node): DType | undefined {
  const dtype = opAttr(node, 'T', 'type');
  return isScaled(node) && opAttr(node, 'round_mode', 'string') === 'HALF_TO_EVEN' && isByte(dtype) ? dtype : undefined;
}
