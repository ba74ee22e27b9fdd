import { create, toBinary } from '@bufbuild/protobuf';
import { type DType, dtypeOfNumber, dtypes } from '../../base/dtype.ts';
import { InternalError } from '../../base/errors.ts';
import type { Attr, AttrList, Attrs, FunctionRef } from '../../graph/attr.ts';
import { decodeMessage } from '../proto/decode.ts';
import {
  type AttrEntry,
  AttrEntrySchema,
  type AttrValue,
  type AttrValue_ListValue,
  AttrValue_ListValueSchema,
  AttrValueSchema,
  type NameAttrList,
  NameAttrListSchema,
} from '../proto/gen/octet/tensorflow/graph_pb.ts';
import type { DataType } from '../proto/gen/octet/tensorflow/tensor_pb.ts';
import type { ReadContext } from './context.ts';
import { readShape, writeShape } from './shape.ts';
import { holdsElements, readTensor, writeTensor } from './tensor.ts';

// A byte order mark is part of the text: what is read is written back.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** `bytes` as text, or undefined where they are not UTF-8. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

export const readAttrs = (entries: readonly AttrEntry[], context: ReadContext): Attrs =>
  new Map(entries.map(({ key, value }) => [key, readAttrValue(value ?? create(AttrValueSchema), context)]));

export const writeAttrs = (attrs: Attrs): AttrEntry[] =>
  Array.from(attrs, ([key, attr]) => create(AttrEntrySchema, { key, value: writeAttrValue(attr) }));

/** An attribute's value; what octet has no kind for is kept `raw`. */
function readAttrValue(proto: AttrValue, context: ReadContext): Attr {
  const raw = (): Attr => ({ raw: toBinary(AttrValueSchema, proto) });
  const { case: kind, value } = proto.value;
  switch (kind) {
    case 's': {
      const string = textOf(value);
      return string === undefined ? { bytes: value } : { string };
    }
    case 'i':
      return { int: isSafe(value) ? Number(value) : value };
    case 'f':
      return { float: value };
    case 'b':
      return { bool: value };
    case 'type': {
      const type = dtypeOfNumber(value);
      return type === undefined ? raw() : { type };
    }
    case 'shape':
      return { shape: readShape(value, context) };
    case 'tensor':
      return holdsElements(value.dtype) ? { tensor: readTensor(value, context) } : raw();
    case 'func':
      return { func: readFunctionRef(value, context) };
    case 'placeholder':
      return { placeholder: value };
    case 'list': {
      const list = readList(value, context);
      return list === undefined ? raw() : { list };
    }
    default:
      return raw();
  }
}

const isSafe = (value: bigint): boolean => BigInt.asIntN(54, value) === value && Number.isSafeInteger(Number(value));

const readFunctionRef = (proto: NameAttrList, context: ReadContext): FunctionRef => ({
  name: proto.name,
  attrs: readAttrs(proto.attr, context),
});

/** Undefined where octet's lists can't say the same: of several kinds, beyond 2^53, not UTF-8, of an unknown type. */
function readList(proto: AttrValue_ListValue, context: ReadContext): AttrList | undefined {
  const strings = proto.s.map(textOf);
  const types = proto.type.map((tf) => dtypeOfNumber(tf));
  if (strings.includes(undefined) || types.includes(undefined) || !proto.i.every(isSafe)) return undefined;
  if (!proto.tensor.every((t) => holdsElements(t.dtype))) return undefined;
  const list: AttrList = {
    ...(proto.s.length > 0 && { strings: strings as string[] }),
    ...(proto.i.length > 0 && { ints: proto.i.map(Number) }),
    ...(proto.f.length > 0 && { floats: proto.f }),
    ...(proto.b.length > 0 && { bools: proto.b }),
    ...(proto.type.length > 0 && { types: types as DType[] }),
    ...(proto.shape.length > 0 && { shapes: proto.shape.map((s) => readShape(s, context)) }),
    ...(proto.tensor.length > 0 && { tensors: proto.tensor.map((t) => readTensor(t, context)) }),
    ...(proto.func.length > 0 && { funcs: proto.func.map((f) => readFunctionRef(f, context)) }),
  };
  return Object.keys(list).length > 1 ? undefined : list;
}

function writeAttrValue(attr: Attr): AttrValue {
  if ('raw' in attr) return decodeMessage(AttrValueSchema, attr.raw);
  return create(AttrValueSchema, { value: writeKind(attr) });
}

function writeKind(attr: Exclude<Attr, { raw: Uint8Array }>): AttrValue['value'] {
  if ('string' in attr) return { case: 's', value: encoder.encode(attr.string) };
  if ('bytes' in attr) return { case: 's', value: attr.bytes };
  if ('int' in attr) return { case: 'i', value: BigInt(attr.int) };
  if ('float' in attr) return { case: 'f', value: attr.float };
  if ('bool' in attr) return { case: 'b', value: attr.bool };
  if ('type' in attr) return { case: 'type', value: dtypeNumber(attr.type) };
  if ('shape' in attr) return { case: 'shape', value: writeShape(attr.shape) };
  if ('tensor' in attr) return { case: 'tensor', value: writeTensor(attr.tensor) };
  if ('func' in attr) return { case: 'func', value: writeFunctionRef(attr.func) };
  if ('placeholder' in attr) return { case: 'placeholder', value: attr.placeholder };
  if ('list' in attr) return { case: 'list', value: writeList(attr.list) };
  throw new InternalError('an attribute of no kind');
}

const dtypeNumber = (dtype: DType): DataType => dtypes[dtype].tf as DataType;

const writeFunctionRef = ({ name, attrs }: FunctionRef): NameAttrList =>
  create(NameAttrListSchema, { name, attr: writeAttrs(attrs) });

const writeList = (list: AttrList): AttrValue_ListValue =>
  create(AttrValue_ListValueSchema, {
    s: list.strings?.map((s) => encoder.encode(s)) ?? [],
    i: list.ints?.map(BigInt) ?? [],
    f: [...(list.floats ?? [])],
    b: [...(list.bools ?? [])],
    type: list.types?.map(dtypeNumber) ?? [],
    shape: list.shapes?.map(writeShape) ?? [],
    tensor: list.tensors?.map(writeTensor) ?? [],
    func: list.funcs?.map(writeFunctionRef) ?? [],
  });
