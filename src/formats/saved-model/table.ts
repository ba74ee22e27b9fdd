import { UserError } from '../../base/errors.ts';
import { crc32c, maskCrc } from '../crc32c.ts';
import { uncompressSnappy } from './snappy.ts';

/**
 * LevelDB's table format (leveldb, doc/table_format.md), in which TensorFlow keeps a checkpoint's index: blocks of
 * prefix-compressed entries, an index block of the blocks, and a footer that says where the index is.
 */
const magic = 0xdb4775248b80fb57n;
const footerSize = 48;
const trailerSize = 5;

/** Keys share prefixes, so a hostile file can mean far more key bytes than it has: no more than this are made. */
const maxKeyBytes = 2 ** 28;

const remedy = 'the checkpoint is damaged: copy or export it again';
const latin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** All entries of a table in order, by key (one character a byte). Throws `UserError` on damage, checksums included. */
export function readTable(bytes: Uint8Array, file: string): Map<string, Uint8Array> {
  const footer = bytes.subarray(Math.max(0, bytes.length - footerSize));
  const view = new DataView(footer.buffer, footer.byteOffset, footer.byteLength);
  if (footer.length < footerSize || view.getBigUint64(footerSize - 8, true) !== magic)
    throw new UserError('is not the index of a checkpoint (TensorBundle)', { file }, remedy);
  const reader = byteReader(footer, file);
  // The index of filters, of which checkpoints have none; read for its checksum.
  readBlock(bytes, reader.varint(), reader.varint(), file);
  const budget = { keyBytes: maxKeyBytes };
  const entries = new Map<string, Uint8Array>();
  for (const [, handle] of blockEntries(readBlock(bytes, reader.varint(), reader.varint(), file), budget, file)) {
    const at = byteReader(handle, file);
    for (const [key, value] of blockEntries(readBlock(bytes, at.varint(), at.varint(), file), budget, file))
      entries.set(key, value);
  }
  return entries;
}

function readBlock(bytes: Uint8Array, offset: number, size: number, file: string): Uint8Array {
  if (offset + size + trailerSize > bytes.length) throw new UserError('a block lies beyond the end', { file }, remedy);
  const stored = bytes.subarray(offset, offset + size);
  const trailer = new DataView(bytes.buffer, bytes.byteOffset + offset + size, trailerSize);
  if (maskCrc(crc32c(bytes.subarray(offset, offset + size + 1))) !== trailer.getUint32(1, true))
    throw new UserError(`the checksum of the block at byte ${offset} is wrong`, { file }, remedy);
  const kind = trailer.getUint8(0);
  if (kind > 1)
    throw new UserError(`the block at byte ${offset} has the unknown compression ${kind}`, { file }, remedy);
  try {
    return kind === 1 ? uncompressSnappy(stored) : stored;
  } catch (error) {
    throw new UserError((error as UserError).what, { file }, remedy, { cause: error });
  }
}

/** The entries of a block: (shared, unshared, value size) as varints, the rest of the key, the value. */
function* blockEntries(
  block: Uint8Array,
  budget: { keyBytes: number },
  file: string,
): Generator<[key: string, value: Uint8Array]> {
  const short = block.length < 4;
  const restarts = short ? 0 : new DataView(block.buffer, block.byteOffset).getUint32(block.length - 4, true);
  const end = block.length - 4 - restarts * 4;
  if (short || end < 0) throw new UserError('a block is too short', { file }, remedy);
  const reader = byteReader(block.subarray(0, end), file);
  let key = '';
  while (!reader.done()) {
    const shared = reader.varint();
    const unshared = reader.varint();
    const size = reader.varint();
    if (shared > key.length) throw new UserError('a key is damaged', { file }, remedy);
    budget.keyBytes -= shared + unshared;
    if (budget.keyBytes < 0) throw new UserError('has more keys than any checkpoint', { file }, remedy);
    key = key.slice(0, shared) + latin1(reader.take(unshared));
    yield [key, reader.take(size)];
  }
}

/** Reads varints and bytes in turn. Throws `UserError` at the end. */
export function byteReader(bytes: Uint8Array, file: string) {
  let at = 0;
  const short = () => new UserError('ends too early', { file }, remedy);
  return {
    done: () => at >= bytes.length,
    varint: (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const byte = bytes[at++];
        // Beyond 2^53 there is nothing to find in a file.
        if (byte === undefined || scale > 2 ** 46) throw short();
        value += (byte & 127) * scale;
        if (byte < 128) return value;
      }
    },
    take: (size: number): Uint8Array => {
      if (size > bytes.length - at) throw short();
      at += size;
      return bytes.subarray(at - size, at);
    },
  };
}
