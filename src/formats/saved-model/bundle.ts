import { type FileHandle, open } from 'node:fs/promises';
import { type DType, dtypeOfNumber, dtypes, isPlain } from '../../base/dtype.ts';
import { messageOf, UserError } from '../../base/errors.ts';
import { readBytes } from '../../base/files.ts';
import { formatShape, type Shape, sameShape, sizeOf, stridesOf } from '../../base/shape.ts';
import { bytesOf, type Tensor, tensor, tensorFromBytes, zeros } from '../../base/tensor.ts';
import { crc32c, maskCrc } from '../crc32c.ts';
import { readContext } from '../graph-def/context.ts';
import { readFullShape } from '../graph-def/shape.ts';
import { decodeMessage } from '../proto/decode.ts';
import {
  type BundleEntryProto,
  BundleEntryProtoSchema,
  BundleHeaderProto_Endianness,
  BundleHeaderProtoSchema,
} from '../proto/gen/octet/tensorflow/tensor_bundle_pb.ts';
import { parseSlice, type Slice, type StoredSlice, sliceKey } from './slices.ts';
import { byteReader, readTable } from './table.ts';

/** A checkpoint: named tensors in an index file and one or more shards of data (TensorFlow's TensorBundle). */
export type Bundle = {
  readonly has: (key: string) => boolean;
  readonly keys: () => string[];
  /**
   * The tensor under `key`, or the slice of it that RestoreV2's specification names. Throws `UserError` naming file and
   * tensor where it is absent, its shard is missing or too short, or its checksum is wrong.
   */
  readonly read: (key: string, slice?: string) => Promise<Tensor>;
};

const remedy = 'the checkpoint is damaged or incomplete: copy or export it again';

/** Opens the checkpoint whose files start with `prefix` (`…/variables/variables`); data are read as they are asked for. */
export async function openBundle(prefix: string): Promise<Bundle> {
  const file = `${prefix}.index`;
  const table = readTable(await readBytes(file), file);
  const header = decodeMessage(BundleHeaderProtoSchema, table.get('') ?? new Uint8Array(0), file);
  if (header.endianness !== BundleHeaderProto_Endianness.LITTLE)
    throw new UserError('the checkpoint is big-endian, which octet does not read', { file });
  if (header.numShards < 1 || header.numShards > 99_999)
    throw new UserError(`the checkpoint says it has ${header.numShards} shards`, { file }, remedy);
  table.delete('');
  const source: Source = { prefix, file, table, shards: header.numShards };
  return {
    // Keys are bytes: names in UTF-8 and coded slices.
    has: (key) => table.has(binary(key)),
    keys: () =>
      [...table.keys()].filter((key) => !key.startsWith('\0')).map((key) => Buffer.from(key, 'latin1').toString()),
    read: (key, slice = '') => readEntry(source, binary(key), key, slice),
  };
}

type Source = { prefix: string; file: string; table: ReadonlyMap<string, Uint8Array>; shards: number };
const binary = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

async function readEntry(source: Source, key: string, name: string, slice: string): Promise<Tensor> {
  const bytes = source.table.get(key);
  const place = { file: source.file, node: name };
  if (bytes === undefined) throw new UserError('the checkpoint has no such tensor', place, remedy);
  const entry = decodeMessage(BundleEntryProtoSchema, bytes, source.file);
  const dtype = dtypeOfNumber(entry.dtype);
  if (dtype === undefined) throw new UserError(`has the type ${entry.dtype}, which octet does not know`, place);
  const shape = readFullShape(entry.shape, { ...readContext(0), place });
  const whole =
    entry.slices.length > 0
      ? await joinSlices(source, entry, key, name, { dtype, shape })
      : await readWhole(source, entry, name, { dtype, shape });
  const wanted = parseSlice(slice);
  if (wanted === undefined) return whole;
  if (!sameShape(wanted.shape, shape))
    throw new UserError(
      `has shape ${formatShape(shape)}; the graph wants a part of ${formatShape(wanted.shape)}`,
      place,
    );
  return cut(whole, wanted.slice);
}

type Kind = { readonly dtype: DType; readonly shape: Shape };

async function readWhole(
  source: Source,
  entry: BundleEntryProto,
  name: string,
  { dtype, shape }: Kind,
): Promise<Tensor> {
  const number = (n: number) => String(n).padStart(5, '0');
  const file = `${source.prefix}.data-${number(entry.shardId)}-of-${number(source.shards)}`;
  const bytes = await readRange(file, entry.offset, entry.size, name);
  if (dtype === 'string') return readStrings(bytes, shape, entry.crc32c, { file, node: name });
  if (!isPlain(dtype)) throw new UserError(`is a ${dtype}, which has no elements`, { file, node: name });
  if (bytes.length !== sizeOf(shape) * dtypes[dtype].bytes)
    throw new UserError(
      `has ${bytes.length} bytes; ${dtype} ${formatShape(shape)} takes others`,
      { file, node: name },
      remedy,
    );
  checkCrc(maskCrc(crc32c(bytes)), entry.crc32c, { file, node: name });
  return tensorFromBytes(dtype, shape, bytes);
}

function checkCrc(found: number, wanted: number, place: { file: string; node: string }): void {
  if (found !== wanted) throw new UserError("the tensor's checksum is wrong", place, remedy);
}

/** The bytes [offset, offset + size) of a file; sizes are checked against the file before memory is taken. */
async function readRange(file: string, offset: bigint, size: bigint, name: string): Promise<Uint8Array> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(file);
    const { size: has } = await handle.stat();
    if (offset < 0n || size < 0n || offset + size > BigInt(has))
      throw new UserError(`ends at byte ${has}, before the tensor does`, { file, node: name }, remedy);
    const bytes = new Uint8Array(Number(size));
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await handle.read(bytes, done, bytes.length - done, Number(offset) + done);
      if (bytesRead === 0) throw new UserError('ends too early', { file, node: name }, remedy);
      done += bytesRead;
    }
    return bytes;
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`can't be read: ${messageOf(error)}`, { file, node: name }, remedy, { cause: error });
  } finally {
    await handle?.close();
  }
}

/** Lengths as varints, a checksum of them, then the strings; the tensor's checksum covers all three. */
function readStrings(bytes: Uint8Array, shape: Shape, wanted: number, place: { file: string; node: string }): Tensor {
  const count = sizeOf(shape);
  if (count > bytes.length) throw new UserError('has fewer bytes than strings', place, remedy);
  const reader = byteReader(bytes, place.file);
  const lengths = Array.from({ length: count }, () => reader.varint());
  let crc = 0;
  for (const length of lengths) {
    const wide = length > 0xffff_ffff;
    const word = new DataView(new ArrayBuffer(wide ? 8 : 4));
    if (wide) word.setBigUint64(0, BigInt(length), true);
    else word.setUint32(0, length, true);
    crc = crc32c(new Uint8Array(word.buffer), crc);
  }
  const stored = reader.take(4);
  checkCrc(maskCrc(crc), new DataView(stored.buffer, stored.byteOffset).getUint32(0, true), place);
  crc = crc32c(stored, crc);
  const data = lengths.map((length) => {
    const text = reader.take(length);
    crc = crc32c(text, crc);
    return text;
  });
  checkCrc(maskCrc(crc), wanted, place);
  return tensor('string', shape, data);
}

/** A partitioned variable: its parts, each an entry of its own, put together. */
async function joinSlices(
  source: Source,
  entry: BundleEntryProto,
  key: string,
  name: string,
  { dtype, shape }: Kind,
): Promise<Tensor> {
  const place = { file: source.file, node: name };
  if (!isPlain(dtype)) throw new UserError(`is a partitioned ${dtype} tensor, which octet does not read`, place);
  const stored = entry.slices.map(({ extent }): StoredSlice => {
    if (extent.length !== shape.length) throw new UserError('a slice has another rank', place, remedy);
    return extent.map(({ start, hasLength: { case: given, value } }) => ({
      start: Number(start),
      length: given === undefined ? undefined : Number(value),
    }));
  });
  const slices = stored.map((slice) =>
    slice.map(({ start, length }, axis) => ({ start, length: length ?? shape[axis]! })),
  );
  const inside = slices.every((s) =>
    s.every(({ start, length }, i) => start >= 0 && length >= 0 && start + length <= shape[i]!),
  );
  const covered = slices.reduce((sum, slice) => sum + sizeOf(slice.map((s) => s.length)), 0);
  if (!inside || covered !== sizeOf(shape)) throw new UserError('the slices do not make up the tensor', place, remedy);
  const parts: Tensor[] = [];
  for (const slice of stored) parts.push(await readEntry(source, sliceKey(key, slice), name, ''));
  const whole = zeros(dtype, shape);
  for (const [i, slice] of slices.entries()) {
    const part = parts[i]!;
    if (
      part.dtype !== dtype ||
      !sameShape(
        part.shape,
        slice.map((s) => s.length),
      )
    )
      throw new UserError('a slice has another shape than the index says', place, remedy);
    eachRow(shape, slice, dtypes[dtype].bytes, (inWhole, inPart, length) =>
      bytesOf(whole).set(bytesOf(part).subarray(inPart, inPart + length), inWhole),
    );
  }
  return whole;
}

function cut(whole: Tensor, slice: Slice): Tensor {
  const part = zeros(
    whole.dtype,
    slice.map((s) => s.length),
  );
  eachRow(whole.shape, slice, dtypes[whole.dtype].bytes, (inWhole, inPart, length) =>
    bytesOf(part).set(bytesOf(whole).subarray(inWhole, inWhole + length), inPart),
  );
  return part;
}

/** Calls with the byte offsets, in the whole and in the part, of each run along the last axis, and its bytes. */
function eachRow(
  shape: Shape,
  slice: Slice,
  bytes: number,
  copy: (inWhole: number, inPart: number, length: number) => void,
): void {
  const strides = stridesOf(shape);
  const last = slice.at(-1) ?? { start: 0, length: 1 };
  const rows = slice.slice(0, -1);
  const count = sizeOf(rows.map((axis) => axis.length));
  for (let row = 0; row < count; row++) {
    let offset = last.start;
    for (let axis = rows.length - 1, rest = row; axis >= 0; axis--) {
      const { start, length } = rows[axis]!;
      offset += (start + (rest % length)) * strides[axis]!;
      rest = Math.floor(rest / length);
    }
    copy(offset * bytes, row * last.length * bytes, last.length * bytes);
  }
}
