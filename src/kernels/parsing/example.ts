import { BinaryReader, WireType } from '@bufbuild/protobuf/wire';
import { messageOf, UserError } from '../../base/errors.ts';

/** The types that a feature can have. */
export type FeatureType = 'string' | 'float32' | 'int64';
export type FeatureValues = readonly Uint8Array[] | readonly number[] | readonly bigint[];

/** A feature as it stands in the file: its kind, and the bytes of its list, read only where it is asked for. */
export type RawFeature = { readonly type: FeatureType; readonly bytes: Uint8Array };

/** tensorflow/core/example/feature.proto: Feature.bytes_list, .float_list, .int64_list. */
const kinds: readonly (FeatureType | undefined)[] = [undefined, 'string', 'float32', 'int64'];

/**
 * Finds the features of a serialized tf.Example by name; of two with one name the last counts. A feature without a kind is
 * as good as absent. Throws `UserError` on bytes that are no tf.Example.
 */
export function readFeatures(bytes: Uint8Array): ReadonlyMap<string, RawFeature> {
  const found = new Map<string, RawFeature>();
  try {
    for (const features of messagesIn(bytes, 1))
      for (const entry of messagesIn(features, 1)) {
        const [key] = messagesIn(entry, 1).slice(-1);
        const [feature] = messagesIn(entry, 2).slice(-1);
        const name = new TextDecoder().decode(key);
        const raw = feature && rawFeature(feature);
        if (raw === undefined) found.delete(name);
        else found.set(name, raw);
      }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`a string is not a serialized tf.Example: ${messageOf(error)}`, {}, 'check what is fed');
  }
  return found;
}

/** The length-delimited fields numbered `wanted` of a message. */
function messagesIn(bytes: Uint8Array, wanted: number): Uint8Array[] {
  const reader = new BinaryReader(bytes);
  const found: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field === wanted && wire === WireType.LengthDelimited) found.push(reader.bytes());
    else reader.skip(wire, field);
  }
  return found;
}

function rawFeature(bytes: Uint8Array): RawFeature | undefined {
  const reader = new BinaryReader(bytes);
  let raw: RawFeature | undefined;
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    const type = kinds[field];
    if (type !== undefined && wire === WireType.LengthDelimited) raw = { type, bytes: reader.bytes() };
    else reader.skip(wire, field);
  }
  return raw;
}

/** The elements of a feature's list; numbers may be packed or not. */
export function valuesOf({ type, bytes }: RawFeature): FeatureValues {
  if (type === 'string') return messagesIn(bytes, 1);
  const values: (number | bigint)[] = [];
  const reader = new BinaryReader(bytes);
  const one = (from: BinaryReader) => (type === 'float32' ? from.float() : BigInt(from.int64()));
  while (reader.pos < reader.len) {
    const [field, wire] = reader.tag();
    if (field !== 1) reader.skip(wire, field);
    else if (wire === WireType.LengthDelimited) {
      const packed = new BinaryReader(reader.bytes());
      while (packed.pos < packed.len) values.push(one(packed));
    } else values.push(one(reader));
  }
  return values as FeatureValues;
}
