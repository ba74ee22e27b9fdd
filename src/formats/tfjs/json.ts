import { type DescMessage, fromJson, type JsonValue, type MessageShape } from '@bufbuild/protobuf';
import { messageOf, UserError } from '../../base/errors.ts';

export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

export const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Fields that are maps in TensorFlow's messages, and lists of entries in ours. */
const maps = new Set(['attr', 'inputs', 'outputs', 'ret', 'controlRet', 'argAttr', 'resourceArgUniqueId']);

/** Real graphs nest a dozen levels; deeper ones would overflow the stack. */
const maxDepth = 200;

/** Protobuf's JSON with maps as objects, put into lists of `{key, value}`. */
function withEntries(value: Json, depth = 0): JsonValue {
  if (depth > maxDepth) throw new UserError('the JSON is nested too deep');
  if (Array.isArray(value)) return value.map((item) => withEntries(item, depth + 1));
  if (value === null || typeof value !== 'object') return value as JsonValue;
  const entries = Object.entries(value as Record<string, Json>).map(([key, item]): [string, JsonValue] => {
    if (!maps.has(key) || !isRecord(item)) return [key, withEntries(item, depth + 1)];
    return [key, Object.entries(item).map(([k, v]) => ({ key: k, value: withEntries(v as Json, depth + 1) }))];
  });
  return Object.fromEntries(entries);
}

/** A message from protobuf's JSON, as TensorFlow.js writes graphs. Throws `UserError` naming the file. */
export function messageOfJson<D extends DescMessage>(schema: D, value: unknown, file: string): MessageShape<D> {
  try {
    return fromJson(schema, withEntries(value as Json), { ignoreUnknownFields: true });
  } catch (error) {
    throw new UserError(`holds no readable ${schema.name}: ${messageOf(error)}`, { file }, 'the file may be damaged', {
      cause: error,
    });
  }
}
