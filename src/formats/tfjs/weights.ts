import type { DType } from '../../base/dtype.ts';
import { dtypes } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { inside, readBytes } from '../../base/files.ts';
import { fromFloat16 } from '../../base/half.ts';
import { type Shape, sizeOf } from '../../base/shape.ts';
import { bytesOf, maxElements, stringTensor, type Tensor, tensor, tensorFromBytes } from '../../base/tensor.ts';
import { isRecord } from './json.ts';

/** How a weight is stored: in another type, from which it is computed as `stored · scale + min`. */
type Quantization = { readonly dtype: 'float16' | 'uint8' | 'uint16'; readonly scale: number; readonly min: number };
type Weight = {
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: StoredType;
  readonly quantization?: Quantization;
};

const storedTypes = ['float32', 'int32', 'bool', 'string', 'complex64'] as const satisfies readonly DType[];
type StoredType = (typeof storedTypes)[number];
const storedBytes = { float16: 2, uint8: 1, uint16: 2 } as const;

const remedy = 'the model is damaged or incomplete: download or convert it again';

/**
 * All weights of a TensorFlow.js model by name: `manifest` is its `weightsManifest`, groups of weights laid end to end over
 * the files that the group names. Throws `UserError` naming file and weight where they do not fit, or where a file would lie
 * outside of `folder`.
 */
export async function readWeights(
  manifest: unknown,
  folder: string,
  file: string,
): Promise<ReadonlyMap<string, Tensor>> {
  if (!Array.isArray(manifest)) throw new UserError('has no weightsManifest', { file }, remedy);
  const weights = new Map<string, Tensor>();
  const read = new Set<string>();
  for (const group of manifest) {
    if (!isRecord(group) || !Array.isArray(group.paths) || !Array.isArray(group.weights))
      throw new UserError('a group of the weightsManifest has no paths or weights', { file }, remedy);
    const shards: Uint8Array[] = [];
    for (const path of group.paths) {
      const shard = inside(folder, String(path));
      if (read.has(shard)) throw new UserError(`names the weight file '${path}' twice`, { file }, remedy);
      read.add(shard);
      shards.push(await readBytes(shard));
    }
    const bytes = new Uint8Array(Buffer.concat(shards));
    let at = 0;
    for (const entry of group.weights) {
      const weight = parseWeight(entry, file);
      const { tensor: value, end } = readWeight(weight, bytes, at, file);
      weights.set(weight.name, value);
      at = end;
    }
    if (at !== bytes.length)
      throw new UserError(
        `the weights take ${at} bytes; ${group.paths.join(', ')} have ${bytes.length}`,
        { file },
        remedy,
      );
  }
  return weights;
}

function parseWeight(entry: unknown, file: string): Weight {
  if (!isRecord(entry) || typeof entry.name !== 'string') throw new UserError('a weight has no name', { file }, remedy);
  const place = { file, node: entry.name };
  const { shape, dtype } = entry;
  const isDim = (dim: unknown) => Number.isInteger(dim) && (dim as number) >= 0;
  if (!Array.isArray(shape) || !shape.every(isDim) || !(sizeOf(shape) <= maxElements))
    throw new UserError('the weight has no possible shape', place, remedy);
  const stored = storedTypes.find((name) => name === dtype);
  if (stored === undefined) throw new UserError(`the weight has the type '${dtype}', which octet does not read`, place);
  if (entry.quantization === undefined) return { name: entry.name, shape, dtype: stored };
  if (!isRecord(entry.quantization)) throw new UserError('the quantization of the weight is no object', place, remedy);
  return { name: entry.name, shape, dtype: stored, quantization: parseQuantization(entry.quantization, stored, place) };
}

function parseQuantization(
  { dtype, scale = 1, min = 0 }: Readonly<Record<string, unknown>>,
  stored: StoredType,
  place: { file: string; node: string },
): Quantization {
  const known = dtype === 'float16' || dtype === 'uint8' || dtype === 'uint16';
  if (!known || typeof scale !== 'number' || typeof min !== 'number' || (stored !== 'float32' && stored !== 'int32'))
    throw new UserError(`the weight is quantized as ${String(dtype)}, which octet does not read`, place);
  return { dtype, scale, min };
}

function readWeight(weight: Weight, all: Uint8Array, at: number, file: string): { tensor: Tensor; end: number } {
  const { name, shape, dtype, quantization } = weight;
  const place = { file, node: name };
  if (dtype === 'string') return readStrings(shape, all, at, place);
  const size = quantization === undefined ? dtypes[dtype].bytes : storedBytes[quantization.dtype];
  const end = at + sizeOf(shape) * size;
  if (end > all.length) throw new UserError('the files end before the weight does', place, remedy);
  const bytes = all.subarray(at, end);
  if (quantization === undefined) return { tensor: tensorFromBytes(dtype, shape, bytes), end };
  return { tensor: dequantized(dtype, quantization, shape, bytes), end };
}

/** TensorFlow.js computes in double precision, then rounds to float32, or to the nearest integer. */
function dequantized(
  dtype: StoredType,
  { dtype: from, scale, min }: Quantization,
  shape: Shape,
  bytes: Uint8Array,
): Tensor {
  const count = sizeOf(shape);
  const stored = from === 'uint8' ? bytes : new Uint16Array(new Uint8Array(bytes).buffer);
  const value = (i: number) => (from === 'float16' ? fromFloat16(stored[i]!) : stored[i]! * scale + min);
  if (dtype === 'int32')
    return tensor(
      'int32',
      shape,
      Int32Array.from({ length: count }, (_, i) => Math.round(value(i))),
    );
  const data = new Float32Array(count);
  for (let i = 0; i < count; i++) data[i] = value(i);
  return tensor('float32', shape, data);
}

/** Each string: its length in four bytes, then its bytes. */
function readStrings(shape: Shape, all: Uint8Array, start: number, place: { file: string; node: string }) {
  const view = new DataView(all.buffer, all.byteOffset, all.byteLength);
  const count = sizeOf(shape);
  if (count * 4 > all.length - start) throw new UserError('the files end before the weight does', place, remedy);
  const values: Uint8Array[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    const length = at + 4 <= all.length ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
    if (at + 4 + length > all.length) throw new UserError('the files end before the weight does', place, remedy);
    values.push(all.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return { tensor: stringTensor(values, shape), end: at };
}

/** The weight in the type that its Const had before the converter made int64 int32 and float64 float32. */
export function promoted(t: Tensor, dtype: DType): Tensor | undefined {
  if (t.dtype === dtype) return t;
  if (t.dtype === 'int32' && dtype === 'int64') return tensor(dtype, t.shape, BigInt64Array.from(t.data, BigInt));
  if (t.dtype === 'float32' && dtype === 'float64') return tensor(dtype, t.shape, Float64Array.from(t.data));
  if (t.dtype === 'int32' && (dtype === 'uint8' || dtype === 'int8' || dtype === 'int16' || dtype === 'uint16'))
    return { ...t, dtype, data: new dtypes[dtype].array(t.data) } as Tensor;
  if (t.dtype === 'bool' && dtype === 'uint8') return tensorFromBytes('uint8', t.shape, bytesOf(t));
  return undefined;
}
