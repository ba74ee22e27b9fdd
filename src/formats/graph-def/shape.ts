import { create } from '@bufbuild/protobuf';
import { UserError } from '../../base/errors.ts';
import type { PartialShape, Shape } from '../../base/shape.ts';
import { maxElements } from '../../base/tensor.ts';
import { type TensorShapeProto, TensorShapeProtoSchema } from '../proto/gen/octet/tensorflow/tensor_pb.ts';
import type { ReadContext } from './context.ts';

/** A shape attribute; -1 is an unknown size. Throws `UserError` on other negative or absurd sizes. */
export function readShape(proto: TensorShapeProto, { place }: ReadContext): PartialShape {
  if (proto.unknownRank) return null;
  return proto.dim.map(({ size }) => {
    if (size === -1n) return null;
    if (size < 0n || size > BigInt(Number.MAX_SAFE_INTEGER)) throw new UserError(`a shape has the size ${size}`, place);
    return Number(size);
  });
}

/** The shape of a tensor that is there: all sizes known, and not too many elements to hold. */
export function readFullShape(proto: TensorShapeProto | undefined, context: ReadContext): Shape {
  const shape = proto === undefined ? [] : readShape(proto, context);
  if (shape === null || shape.includes(null)) throw new UserError('a tensor has an unknown shape', context.place);
  let size = 1;
  for (const dim of shape as Shape) size *= dim;
  if (!(size <= maxElements))
    throw new UserError(
      `a tensor of shape [${shape.join(',')}] is too large`,
      context.place,
      'the file may be damaged',
    );
  return shape as Shape;
}

export function writeShape(shape: PartialShape): TensorShapeProto {
  if (shape === null) return create(TensorShapeProtoSchema, { unknownRank: true });
  return create(TensorShapeProtoSchema, { dim: shape.map((size) => ({ size: BigInt(size ?? -1) })) });
}
