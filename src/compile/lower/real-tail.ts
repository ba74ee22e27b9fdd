import type { Node } from '../../graph/graph.ts';
import { opAttr } from '../../graph/signature.ts';
import type { RealConvSpec } from '../../kernels/conv/native-f32/spec.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import type { ValueId } from '../layer.ts';
import { decline, float32At, type LowerContext, valueAt } from './lowering.ts';

/** What follows the sums of a fused op: all that the kernels' epilogue does. */
export type Tail = Pick<RealConvSpec, 'bias' | 'low' | 'high'> & { readonly summand?: ValueId };

/** Reads `fused_ops` (of `_Fused…` ops): BiasAdd, then Add, then Relu or Relu6, each once at most, in this order. */
export function tailOf(context: LowerContext, channels: number, shape: readonly number[]): Tail {
  const { node } = context;
  if (!isFused(node)) return {};
  const names = [...opAttr(node, 'fused_ops', 'strings')];
  let next = 2;
  let tail: Tail = {};
  if (names[0] === 'BiasAdd') {
    names.shift();
    const bias = float32At(context, next++).data;
    if (bias.length !== channels) decline(`a bias of ${bias.length} for ${channels} channels`);
    tail = { ...tail, bias };
  }
  if (names[0] === 'Add') {
    names.shift();
    const summand = valueAt(context, next++);
    if (summand.shape.join() !== shape.join()) decline('a summand of another shape');
    tail = { ...tail, summand: summand.id };
  }
  if (names[0] === 'Relu' || names[0] === 'Relu6') {
    tail = { ...tail, low: 0, ...(names[0] === 'Relu6' ? { high: 6 } : {}) };
    names.shift();
  }
  return names.length === 0 ? tail : decline(`the fused ops ${names}`);
}

const isFused = ({ op }: Node): boolean => op.startsWith('_Fused') || op.startsWith('Fused');

export const inputsOf = (id: ValueId, { summand }: Tail): ValueId[] => (summand === undefined ? [id] : [id, summand]);

export const withTail = ({ bias, low, high }: Tail, summand: Buffer | undefined) => ({
  ...(bias && { bias }),
  ...(summand && { summand }),
  ...(low !== undefined && { low }),
  ...(high !== undefined && { high }),
});
