import { UserError } from '../../base/errors.ts';
import type { PartialShape } from '../../base/shape.ts';
import type { InferContext, ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { opAttr } from '../signature.ts';
import { type Dim, inputShape, ofRank, plus, product } from './dims.ts';

function divided(dim: Dim, by: number): Dim {
  if (dim === null) return null;
  if (dim % by !== 0) throw new UserError(`a size of ${dim} is not blocks of ${by}`);
  return dim / by;
}

/** Scales height and width, and the channels the other way. */
const depthBlocks =
  (toDepth: boolean): ShapeRule =>
  (context) => {
    const shape = inputShape(context, 0);
    const block = opAttr(context.node, 'block_size', 'int');
    const format = opAttr(context.node, 'data_format', 'string');
    if (shape === null) return [ofRank(format === 'NCHW_VECT_C' ? 5 : 4)];
    if (format === 'NCHW_VECT_C') return [ofRank(5)];
    const channels = format === 'NHWC' ? 3 : 1;
    return [
      shape.map((dim, axis) => {
        if (axis === 0) return dim;
        if (axis === channels) return toDepth ? product([dim, block * block]) : divided(dim, block * block);
        return toDepth ? divided(dim, block) : product([dim, block]);
      }),
    ];
  };

/** The blocks of SpaceToBatch and the like, and their paddings or crops, as far as they are known. */
function blocksOf(context: InferContext): { block: readonly Dim[]; around: readonly Dim[] } | undefined {
  const isFlat = context.node.inputs.length === 2;
  const size = isFlat ? opAttr(context.node, 'block_size', 'int') : undefined;
  const rank = inputShape(context, 1)?.[0];
  const block = size !== undefined ? [size, size] : (context.elements(1) ?? (rank == null ? undefined : ofRank(rank)!));
  if (block === undefined) return undefined;
  return { block, around: context.elements(isFlat ? 1 : 2) ?? ofRank(2 * block.length)! };
}

const batchBlocks =
  (toBatch: boolean): ShapeRule =>
  (context) => {
    const shape = inputShape(context, 0);
    const found = blocksOf(context);
    if (shape === null || found === undefined) return [shape && ofRank(shape.length)];
    const { block, around } = found;
    const all = product(block);
    const out: PartialShape = shape.map((dim, axis) => {
      if (axis === 0) return toBatch ? product([dim, all]) : all === null ? null : divided(dim, all);
      const by = block[axis - 1];
      if (by === undefined) return dim;
      const beside = plus(around[2 * axis - 2]!, around[2 * axis - 1]!);
      if (!toBatch) return plus(product([dim, by]), beside === null ? null : -beside);
      const padded = plus(dim, beside);
      return by === null ? null : divided(padded, by);
    });
    return [out];
  };

/** Blocks of pixels as channels or as batch, and back. */
export const blockShapes = {
  BatchToSpace: batchBlocks(false),
  BatchToSpaceND: batchBlocks(false),
  DepthToSpace: depthBlocks(false),
  SpaceToBatch: batchBlocks(true),
  SpaceToBatchND: batchBlocks(true),
  SpaceToDepth: depthBlocks(true),
} satisfies Partial<Record<OpName, ShapeRule>>;
