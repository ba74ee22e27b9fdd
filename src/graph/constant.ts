import { InternalError } from '../base/errors.ts';
import type { Tensor } from '../base/tensor.ts';
import { attrs, type } from './attr.ts';
import type { Node } from './graph.ts';

/** A Const node that holds `tensor`. */
export const constNode = (name: string, tensor: Tensor): Node => ({
  name,
  op: 'Const',
  inputs: [],
  controls: [],
  attrs: attrs({ dtype: type(tensor.dtype), value: { tensor } }),
});

/** The tensor of a Const node; undefined for every other op. */
export function constTensor(node: Node): Tensor | undefined {
  if (node.op !== 'Const') return undefined;
  const attr = node.attrs.get('value');
  if (attr === undefined || !('tensor' in attr))
    throw new InternalError('a Const without a tensor', { node: node.name });
  return attr.tensor;
}
