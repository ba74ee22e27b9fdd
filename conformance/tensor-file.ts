import { type DType, isDType, isPlain } from '../src/base/dtype.ts';
import { InternalError } from '../src/base/errors.ts';
import { bytesOf, stringTensor, type Tensor, tensorFromBytes } from '../src/base/tensor.ts';

/**
 * Tensors on their way to and from server.py. A file is the length of its header (uint32, little-endian), the header as
 * JSON, then each tensor's bytes one after another: plain elements as they lie in memory (quantized types as their codes,
 * float16 and bfloat16 as their bits), strings as their lengths (uint32 each) and then their bytes.
 */
type Entry = {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: number;
};

export function encodeTensors(tensors: ReadonlyMap<string, Tensor>): Uint8Array {
  const blobs = [...tensors.values()].map(blobOf);
  const entries = [...tensors].map(
    ([name, { dtype, shape }], i): Entry => ({ name, dtype, shape, bytes: blobs[i]!.byteLength }),
  );
  const header = Buffer.from(JSON.stringify(entries));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.byteLength);
  return Buffer.concat([length, header, ...blobs]);
}

export function decodeTensors(file: Uint8Array): Map<string, Tensor> {
  const buffer = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  let at = 4 + buffer.readUInt32LE(0);
  const entries = JSON.parse(buffer.toString('utf8', 4, at)) as readonly Entry[];
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, bytes } of entries) {
    if (!isDType(dtype))
      throw new InternalError(`TensorFlow returned '${name}' as ${dtype}, which octet has no type for`);
    tensors.set(name, tensorOfBlob(dtype, shape, buffer.subarray(at, at + bytes)));
    at += bytes;
  }
  return tensors;
}

function blobOf(t: Tensor): Uint8Array {
  if (t.dtype !== 'string') {
    if (!isPlain(t.dtype)) throw new InternalError(`a ${t.dtype} tensor can't be fed to TensorFlow`);
    return bytesOf(t);
  }
  return Buffer.concat([new Uint8Array(Uint32Array.from(t.data, (s) => s.byteLength).buffer), ...t.data]);
}

function tensorOfBlob(dtype: DType, shape: readonly number[], blob: Buffer): Tensor {
  if (dtype !== 'string') return tensorFromBytes(dtype, shape, blob);
  const count = shape.reduce((a, b) => a * b, 1);
  let at = 4 * count;
  const strings = Array.from({ length: count }, (_, i) => {
    const length = blob.readUInt32LE(4 * i);
    at += length;
    return new Uint8Array(blob.subarray(at - length, at));
  });
  return stringTensor(strings, shape);
}
