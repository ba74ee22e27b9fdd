import { UserError } from '../../base/errors.ts';

const damaged = () => new UserError('a compressed block is damaged');

/** At most this much comes out of one block: TensorFlow's index blocks are 4 KiB, or one large entry. */
const maxUncompressed = 2 ** 26;

/**
 * Uncompresses a raw Snappy block (google/snappy, format_description.txt): the length as a varint, then literals and
 * copies of what came before. Throws `UserError` on anything that does not fit.
 */
export function uncompressSnappy(bytes: Uint8Array): Uint8Array {
  let at = 0;
  let size = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    if (byte === undefined || shift > 28) throw damaged();
    size += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  if (size > maxUncompressed) throw damaged();
  const out = new Uint8Array(size);
  let end = 0;
  /** A little-endian number of `count` bytes. */
  const number = (count: number): number => {
    let value = 0;
    for (let i = 0; i < count; i++) value += (bytes[at + i] ?? Number.NaN) * 2 ** (8 * i);
    at += count;
    if (Number.isNaN(value)) throw damaged();
    return value;
  };
  while (at < bytes.length) {
    const tag = number(1);
    if ((tag & 3) === 0) {
      const short = tag >> 2;
      const length = (short < 60 ? short : number(short - 59)) + 1;
      if (at + length > bytes.length || end + length > size) throw damaged();
      out.set(bytes.subarray(at, at + length), end);
      at += length;
      end += length;
      continue;
    }
    const oneByte = (tag & 3) === 1;
    const length = oneByte ? ((tag >> 2) & 7) + 4 : (tag >> 2) + 1;
    const offset = oneByte ? (tag >> 5) * 256 + number(1) : number((tag & 3) === 2 ? 2 : 4);
    if (offset === 0 || offset > end || end + length > size) throw damaged();
    // Byte by byte: a copy may overlap itself, which repeats it.
    for (let i = 0; i < length; i++, end++) out[end] = out[end - offset]!;
  }
  if (end !== size) throw damaged();
  return out;
}
