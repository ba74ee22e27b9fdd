import { create } from '@bufbuild/protobuf';
import { type DataOf, type DType, dtypeOfNumber, dtypes, isPlain } from '../../base/dtype.ts';
import { UserError } from '../../base/errors.ts';
import { formatShape, type Shape, sizeOf } from '../../base/shape.ts';
import { bytesOf, type Tensor, tensor, tensorFromBytes } from '../../base/tensor.ts';
import { type DataType, type TensorProto, TensorProtoSchema } from '../proto/gen/octet/tensorflow/tensor_pb.ts';
import { type ReadContext, spend } from './context.ts';
import { readFullShape, writeShape } from './shape.ts';

/** The repeated field of TensorProto that holds the elements of a type, where they are not in `tensor_content`. */
const fields = {
  float32: 'floatVal',
  float64: 'doubleVal',
  int32: 'intVal',
  uint8: 'intVal',
  int16: 'intVal',
  int8: 'intVal',
  string: 'stringVal',
  complex64: 'scomplexVal',
  int64: 'int64Val',
  bool: 'boolVal',
  qint8: 'intVal',
  quint8: 'intVal',
  qint32: 'intVal',
  bfloat16: 'halfVal',
  qint16: 'intVal',
  quint16: 'intVal',
  uint16: 'intVal',
  float16: 'halfVal',
  uint32: 'uint32Val',
  uint64: 'uint64Val',
  resource: undefined,
  variant: undefined,
} as const satisfies Record<DType, keyof TensorProto | undefined>;

type Element = number | bigint | boolean | Uint8Array;

/** The file's name of a type's number, for errors. */
function readDType(tf: number, { place }: ReadContext): DType {
  const dtype = dtypeOfNumber(tf);
  if (dtype === undefined) throw new UserError(`a tensor has the type ${tf}, which octet does not know`, place);
  return dtype;
}

/** Whether octet can hold tensors of this type number (it has no elements for handles and variants). */
export const holdsElements = (tf: number): boolean => {
  const dtype = dtypeOfNumber(tf);
  return dtype !== 'resource' && dtype !== 'variant';
};

/**
 * The tensor of a TensorProto: its bytes, or its typed values, of which the last stands for all that are missing (none at
 * all: zeros). Throws `UserError` on sizes that do not fit; nothing is allocated before they are checked.
 */
export function readTensor(proto: TensorProto, context: ReadContext): Tensor {
  const dtype = readDType(proto.dtype, context);
  const shape = readFullShape(proto.tensorShape, context);
  if (proto.tensorContent.length > 0 && isPlain(dtype)) return fromContent(dtype, shape, proto, context);
  if (proto.tensorContent.length > 0)
    throw new UserError(`a ${dtype} tensor is stored as plain bytes`, context.place, 'the file may be damaged');
  const field = fields[dtype];
  if (field === undefined) throw new UserError(`a tensor of type ${dtype} has no elements`, context.place);
  return fromValues(dtype, shape, proto[field] as readonly Element[], context);
}

function fromContent(dtype: DType, shape: Shape, { tensorContent }: TensorProto, { place }: ReadContext): Tensor {
  const wanted = sizeOf(shape) * dtypes[dtype].bytes;
  if (tensorContent.length !== wanted)
    throw new UserError(
      `a ${dtype} tensor of shape ${formatShape(shape)} takes ${wanted} bytes but has ${tensorContent.length}`,
      place,
      'the file may be damaged',
    );
  return tensorFromBytes(dtype, shape, tensorContent);
}

function fromValues(dtype: DType, shape: Shape, values: readonly Element[], context: ReadContext): Tensor {
  const parts = dtype === 'complex64' ? 2 : 1;
  const length = sizeOf(shape) * parts;
  if (values.length % parts !== 0) throw new UserError('a complex tensor has half a number', context.place);
  const given = Math.min(values.length, length);
  // A string's element is a reference, 8 bytes.
  spend(context, (length - given) * (dtypes[dtype].bytes || 8));
  if (dtype === 'string') {
    const last = (values[given - 1] ?? new Uint8Array(0)) as Uint8Array;
    const data = new Array<Uint8Array>(length).fill(last);
    for (let i = 0; i < given; i++) data[i] = values[i] as Uint8Array;
    return tensor(dtype, shape, data);
  }
  const data = new (dtypes[dtype].array as new (length: number) => Float32Array)(length);
  // A typed array converts: integers wrap, true is 1, bigint arrays take bigints.
  for (let i = 0; i < given; i++) data[i] = values[i] as number;
  const last = data.subarray(given - parts, given);
  if (parts === 1 && given > 0) data.fill(last[0]!, given);
  else for (let i = given; i < length && given > 0; i++) data[i] = last[i % parts]!;
  return tensor(dtype, shape, data as unknown as DataOf<typeof dtype>);
}

/** A tensor as TensorFlow writes it: one value where all elements are equal, else its bytes (strings one by one). */
export function writeTensor(t: Tensor): TensorProto {
  const proto = create(TensorProtoSchema, {
    dtype: dtypes[t.dtype].tf as DataType,
    tensorShape: writeShape(t.shape),
  });
  const field = fields[t.dtype];
  if (field === undefined) throw new UserError(`a tensor of type ${t.dtype} can't be written`);
  const length = sizeOf(t.shape);
  if (length === 0) return proto;
  const parts = t.dtype === 'complex64' ? 2 : 1;
  if (t.dtype === 'string') proto.stringVal = allEqualStrings(t.data) ? [t.data[0]!] : [...t.data];
  else if (allEqual(bytesOf(t), dtypes[t.dtype].bytes)) {
    const first = Array.from((t.data as Float32Array).subarray(0, parts)) as Element[];
    (proto as unknown as Record<string, readonly Element[]>)[field] = t.dtype === 'bool' ? first.map(Boolean) : first;
  } else proto.tensorContent = bytesOf(t);
  return proto;
}

function allEqual(bytes: Uint8Array, size: number): boolean {
  for (let i = size; i < bytes.length; i++) if (bytes[i] !== bytes[i - size]) return false;
  return true;
}

const allEqualStrings = (values: readonly Uint8Array[]): boolean =>
  values.every((v) => v.length === values[0]!.length && v.every((byte, i) => byte === values[0]![i]));
