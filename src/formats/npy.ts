import { type DType, dtypes, isPlain } from '../base/dtype.ts';
import { type Place, UserError } from '../base/errors.ts';
import { formatShape, type Shape, sizeOf, stridesOf } from '../base/shape.ts';
import { bytesOf, maxElements, stringTensor, type Tensor, tensorFromBytes } from '../base/tensor.ts';

/**
 * NumPy's `.npy`: magic, version, a Python dict literal, then the elements.
 * https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
 */
const magic = Uint8Array.of(0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59);

/** NumPy's kind and size for each dtype; several of TensorFlow's share one, the first named is what is read back. */
const kinds: readonly (readonly [kind: string, dtype: DType])[] = [
  ['f4', 'float32'],
  ['f8', 'float64'],
  ['f2', 'float16'],
  ['i1', 'int8'],
  ['i2', 'int16'],
  ['i4', 'int32'],
  ['i8', 'int64'],
  ['u1', 'uint8'],
  ['u2', 'uint16'],
  ['u4', 'uint32'],
  ['u8', 'uint64'],
  ['b1', 'bool'],
  ['c8', 'complex64'],
  // What NumPy writes for ml_dtypes' bfloat16: two bytes without a meaning of their own.
  ['V2', 'bfloat16'],
  ['i1', 'qint8'],
  ['u1', 'quint8'],
  ['i2', 'qint16'],
  ['u2', 'quint16'],
  ['i4', 'qint32'],
];

type Header = { readonly descr: string; readonly fortran: boolean; readonly shape: Shape; readonly dataAt: number };

const latin1 = new TextDecoder('latin1');
const utf8 = new TextEncoder();

/**
 * The array in a `.npy` file (versions 1 to 3; either byte order; Fortran order too). `S` and `U` arrays become string
 * tensors. Throws `UserError` on anything else: object arrays are pickles, which are never read.
 */
export function readNpy(bytes: Uint8Array, place: Place = {}): Tensor {
  const { descr, fortran, shape, dataAt } = readHeader(bytes, place);
  const match = /^([<>|=]?)([a-zA-Z])(\d*)$/.exec(descr);
  if (match === null) throw unreadable(descr, place);
  const [, order, kind, digits] = match as unknown as [string, string, string, string];
  const count = sizeOf(shape);
  if (!(count <= maxElements)) throw new UserError(`has the shape ${formatShape(shape)}: too large`, place);
  const text = kind === 'S' || kind === 'a' || kind === 'U';
  const dtype = kinds.find(([k]) => k === kind + digits)?.[1];
  if (text ? !(Number(digits) > 0) : dtype === undefined) throw unreadable(descr, place);
  const width = text ? Number(digits) * (kind === 'U' ? 4 : 1) : dtypes[dtype!].bytes;
  if (bytes.length - dataAt < count * width) {
    const has = bytes.length - dataAt;
    throw new UserError(
      `is cut short: ${formatShape(shape)} of ${descr} needs ${count * width} bytes, ${has} follow`,
      place,
    );
  }
  // The copy is the tensor's own, so it may be changed in place.
  const part = kind === 'c' ? width / 2 : kind === 'U' ? 4 : text ? 1 : width;
  let body = new Uint8Array(bytes.subarray(dataAt, dataAt + count * width));
  if (order === '>') swapBytes(body, part);
  if (fortran) body = toRowMajor(body, shape, width);
  return text ? textTensor(body, shape, width, kind === 'U', place) : tensorFromBytes(dtype!, shape, body);
}

const unreadable = (descr: string, place: Place): UserError =>
  new UserError(
    `holds elements of NumPy's type '${descr}', which octet doesn't read`,
    place,
    'save it as numbers, bool or bytes (S)',
  );

function readHeader(bytes: Uint8Array, place: Place): Header {
  const broken = (why: string) => new UserError(`is not a .npy file: ${why}`, place, 'write it with numpy.save');
  if (bytes.length < 10 || !magic.every((byte, i) => bytes[i] === byte)) throw broken('it does not begin as one');
  const version = bytes[6]!;
  if (version < 1 || version > 3) throw broken(`version ${version} is unknown`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) throw broken('it is cut short');
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (bytes.length - start < length) throw broken('its header is cut short');
  // NumPy itself refuses headers above 10,000 characters.
  if (length > 65_535) throw broken(`its header has ${length} bytes`);
  const header = latin1.decode(bytes.subarray(start, start + length)).trim();
  const descr = /'descr'\s*:\s*'([^']*)'/.exec(header)?.[1];
  const fortran = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  const dims = /'shape'\s*:\s*\(([\dL,\s]*)\)/.exec(header)?.[1];
  if (descr === undefined && /'descr'\s*:\s*\[/.test(header)) throw unreadable('a record', place);
  if (descr === undefined || fortran === undefined || dims === undefined)
    throw broken(`its header is ${header.slice(0, 80)}`);
  const shape = dims
    .split(',')
    .map((dim) => dim.replace('L', '').trim())
    .filter((dim) => dim !== '')
    .map(Number);
  if (shape.length > 64 || shape.some((dim) => !Number.isSafeInteger(dim)))
    throw broken(`its header says shape (${dims.slice(0, 80)})`);
  return { descr, fortran: fortran === 'True', shape, dataAt: start + length };
}

function swapBytes(bytes: Uint8Array, width: number): void {
  for (let at = 0; at < bytes.length; at += width) bytes.subarray(at, at + width).reverse();
}

/** Elements of `width` bytes that lie column-major, in row-major order. */
function toRowMajor(body: Uint8Array, shape: Shape, width: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(body.length);
  const strides = stridesOf([...shape].reverse()).reverse();
  const index = new Array<number>(shape.length).fill(0);
  let from = 0;
  for (let to = 0; to < out.length; to += width) {
    out.set(body.subarray(from * width, (from + 1) * width), to);
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= strides[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}

/** Strings of fixed width, filled up with zeros that are not part of them; `U` holds code points, kept as UTF-8. */
function textTensor(body: Uint8Array, shape: Shape, width: number, wide: boolean, place: Place): Tensor<'string'> {
  const count = sizeOf(shape);
  const view = new DataView(body.buffer, body.byteOffset, body.byteLength);
  const element = (at: number): Uint8Array => {
    if (!wide) {
      let end = width;
      while (end > 0 && body[at + end - 1] === 0) end--;
      return body.subarray(at, at + end);
    }
    let text = '';
    for (let i = 0; i < width; i += 4) {
      const point = view.getUint32(at + i, true);
      if (point > 0x10ffff) throw new UserError(`holds the character ${point}, which does not exist`, place);
      text += String.fromCodePoint(point);
    }
    return utf8.encode(text.replace(/\0+$/, ''));
  };
  return stringTensor(
    Array.from({ length: count }, (_, i) => element(i * width)),
    shape,
  );
}

/**
 * `tensor` as a `.npy` file (version 1, little-endian, row-major). Quantized types are written as plain integers,
 * bfloat16 as `V2`, strings as `S`. Throws `UserError` for handles, and for strings that end in a zero byte, which NumPy's
 * `S` can't tell from filling.
 */
export function writeNpy(tensor: Tensor, place: Place = {}): Uint8Array<ArrayBuffer> {
  const [descr, body] = tensor.dtype === 'string' ? textBody(tensor, place) : plainBody(tensor, place);
  const dims = tensor.shape.length === 1 ? `${tensor.shape[0]},` : tensor.shape.join(', ');
  const header = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${dims}), }`;
  // The elements begin at a multiple of 64 bytes; the header ends in a line feed.
  const dataAt = Math.ceil((10 + header.length + 1) / 64) * 64;
  const out = new Uint8Array(dataAt + body.length);
  out.set(magic);
  out[6] = 1;
  new DataView(out.buffer).setUint16(8, dataAt - 10, true);
  out.set(utf8.encode(`${header.padEnd(dataAt - 11)}\n`), 10);
  out.set(body, dataAt);
  return out;
}

function plainBody(tensor: Tensor, place: Place): [string, Uint8Array] {
  const kind = kinds.find(([, dtype]) => dtype === tensor.dtype)?.[0];
  if (kind === undefined || !isPlain(tensor.dtype))
    throw new UserError(`a ${tensor.dtype} tensor can't be written as .npy`, place, 'leave it out');
  return [`${dtypes[tensor.dtype].bytes === 1 ? '|' : '<'}${kind}`, bytesOf(tensor)];
}

function textBody(tensor: Tensor<'string'>, place: Place): [string, Uint8Array] {
  const width = tensor.data.reduce((most, s) => Math.max(most, s.length), 1);
  const body = new Uint8Array(width * tensor.data.length);
  tensor.data.forEach((s, i) => {
    if (s.at(-1) === 0)
      throw new UserError(`string ${i} ends in a zero byte, which .npy can't hold`, place, 'write a TFRecord');
    body.set(s, i * width);
  });
  return [`|S${width}`, body];
}
