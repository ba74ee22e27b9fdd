import { UserError } from '../base/errors.ts';
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

/** The tensor of a Const node; undefined for every other op. Throws `UserError` where a file's constant has none. */
export function constTensor(node: Node): Tensor | undefined {
  if (node.op !== 'Const') return undefined;
  const attr = node.attrs.get('value');
  if (attr === undefined || !('tensor' in attr))
    throw new UserError('the constant has no value', { node: node.name, op: node.op }, 'the file may be damaged');
  return attr.tensor;
}
