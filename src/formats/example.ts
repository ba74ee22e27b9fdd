import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { messageOf, type Place, UserError } from '../base/errors.ts';
import { numbersOf, type Tensor, tensor } from '../base/tensor.ts';
import {
  BytesListSchema,
  type Example as ExampleMessage,
  ExampleSchema,
  type Feature,
  FeatureEntrySchema,
  FeatureSchema,
  FeaturesSchema,
  FloatListSchema,
  Int64ListSchema,
} from './proto/gen/octet/tensorflow/example_pb.ts';

/** The three kinds of feature that a tf.Example can hold, each as a tensor of one axis. */
export type FeatureTensor = Tensor<'string'> | Tensor<'float32'> | Tensor<'int64'>;

/** A tf.Example: its features by name, in the file's order. */
export type Example = ReadonlyMap<string, FeatureTensor>;

/** Parses a serialized tf.Example. A feature without a kind is left out. Throws `UserError` on bytes that aren't one. */
export function decodeExample(bytes: Uint8Array, place: Place = {}): Example {
  const message = parse(bytes, place);
  const features = new Map<string, FeatureTensor>();
  for (const { key, value } of message.features?.feature ?? []) {
    const feature = value === undefined ? undefined : featureTensor(value);
    // The last of two entries with one key counts, as in every protobuf map.
    if (feature !== undefined) features.set(key, feature);
  }
  return features;
}

function parse(bytes: Uint8Array, place: Place): ExampleMessage {
  try {
    return fromBinary(ExampleSchema, bytes);
  } catch (error) {
    throw new UserError(`is not a tf.Example: ${messageOf(error)}`, place, 'check what the records are', {
      cause: error,
    });
  }
}

function featureTensor({ kind }: Feature): FeatureTensor | undefined {
  switch (kind.case) {
    case 'bytesList':
      return tensor('string', [kind.value.value.length], kind.value.value);
    case 'floatList':
      return tensor('float32', [kind.value.value.length], Float32Array.from(kind.value.value));
    case 'int64List':
      return tensor('int64', [kind.value.value.length], BigInt64Array.from(kind.value.value));
    default:
      return undefined;
  }
}

/**
 * Serializes features as a tf.Example: strings become a bytes_list, int64, int32 and bool an int64_list, floats a
 * float_list. Throws `UserError` for other types.
 */
export function encodeExample(features: Iterable<readonly [string, Tensor]>): Uint8Array<ArrayBuffer> {
  const feature = Array.from(features, ([key, value]) =>
    create(FeatureEntrySchema, { key, value: create(FeatureSchema, { kind: kindOf(key, value) }) }),
  );
  return toBinary(ExampleSchema, create(ExampleSchema, { features: create(FeaturesSchema, { feature }) }));
}

function kindOf(key: string, t: Tensor): Feature['kind'] {
  switch (t.dtype) {
    case 'string':
      return { case: 'bytesList', value: create(BytesListSchema, { value: [...t.data] }) };
    case 'float32':
    case 'float64':
      return { case: 'floatList', value: create(FloatListSchema, { value: numbersOf(t) }) };
    case 'int64':
      return { case: 'int64List', value: create(Int64ListSchema, { value: [...t.data] }) };
    case 'int32':
    case 'bool':
      return { case: 'int64List', value: create(Int64ListSchema, { value: numbersOf(t).map(BigInt) }) };
    default:
      throw new UserError(`feature '${key}' is ${t.dtype}; a tf.Example holds bytes, float and int64`);
  }
}
