import { type DescMessage, fromBinary, type MessageShape } from '@bufbuild/protobuf';
import { messageOf, UserError } from '../../base/errors.ts';

/**
 * `bytes` as a message of `schema`; fields that the schema does not have are kept in `$unknown`. Byte fields are views of
 * `bytes`. Throws `UserError` naming `file` on truncated or hostile input, however it is broken.
 */
export function decodeMessage<D extends DescMessage>(schema: D, bytes: Uint8Array, file?: string): MessageShape<D> {
  try {
    // A plain view: byte fields of a Node Buffer would be Buffers, whose methods differ from Uint8Array's.
    return fromBinary(schema, new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength));
  } catch (error) {
    // protobuf-es throws plain errors on bad wire data, and the stack overflows on messages nested without end.
    throw new UserError(
      `is not a readable ${schema.name}: ${messageOf(error)}`,
      file === undefined ? {} : { file },
      'the file may be truncated or of another kind',
      { cause: error },
    );
  }
}
