import { type Place, UserError } from '../base/errors.ts';
import { crc32c, maskCrc } from './crc32c.ts';

/**
 * TFRecord: for each record its length (uint64), the masked CRC-32C of these 8 bytes, the data, and the data's masked
 * CRC-32C; all little-endian (tensorflow/core/lib/io/record_writer.h).
 */
const headerBytes = 12;
const footerBytes = 4;
/** Longer records than this are refused: a protobuf message can't be longer. */
const maxRecord = 2 ** 31 - 1;

/**
 * The records of a file that arrives in chunks of any size. Memory is bounded by the longest record and a chunk; nothing
 * is allocated for a length before its checksum was right. Throws `UserError` on a wrong checksum or a cut-off end,
 * naming the record.
 */
export async function* readRecords(
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  place: Place = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const remedy = 'the file is damaged or no TFRecord; write it again';
  let pending: Uint8Array[] = [];
  let available = 0;
  let wanted = headerBytes;
  let inHeader = true;
  let record = 0;
  for await (const chunk of chunks) {
    pending.push(chunk);
    available += chunk.length;
    if (available < wanted) continue;
    let buffer = pending.length === 1 ? pending[0]! : concatenated(pending, available);
    while (buffer.length >= wanted) {
      const part = buffer.subarray(0, wanted);
      buffer = buffer.subarray(wanted);
      if (inHeader) {
        const length = recordLength(
          part,
          () => new UserError(`record ${record}: its length is damaged`, place, remedy),
        );
        wanted = length + footerBytes;
      } else {
        const data = part.subarray(0, wanted - footerBytes);
        if (maskCrc(crc32c(data)) !== uint32At(part, data.length))
          throw new UserError(`record ${record}: its checksum is wrong`, place, remedy);
        yield new Uint8Array(data);
        record++;
        wanted = headerBytes;
      }
      inHeader = !inHeader;
    }
    pending = buffer.length > 0 ? [buffer] : [];
    available = buffer.length;
  }
  if (available > 0 || !inHeader) throw new UserError(`record ${record} is cut short`, place, remedy);
}

const uint32At = (bytes: Uint8Array, at: number): number =>
  new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(at, true);

function recordLength(header: Uint8Array, damaged: () => UserError): number {
  const length = uint32At(header, 0) + uint32At(header, 4) * 2 ** 32;
  if (maskCrc(crc32c(header.subarray(0, 8))) !== uint32At(header, 8) || length > maxRecord) throw damaged();
  return length;
}

function concatenated(parts: readonly Uint8Array[], length: number): Uint8Array {
  const whole = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** `data` framed as one record of a TFRecord file; a file is such records one after another. */
export function frameRecord(data: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(headerBytes + data.length + footerBytes);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskCrc(crc32c(out.subarray(0, 8))), true);
  out.set(data, headerBytes);
  view.setUint32(headerBytes + data.length, maskCrc(crc32c(data)), true);
  return out;
}

/** The chunks of a TFRecord file of `records`. */
export async function* writeRecords(
  records: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  for await (const record of records) yield frameRecord(record);
}
