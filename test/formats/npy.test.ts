import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DType } from '../../src/base/dtype.ts';
import { UserError } from '../../src/base/errors.ts';
import {
  equalTensors,
  numbersOf,
  stringTensor,
  type Tensor,
  tensor,
  tensorOf,
  textAt,
  zeros,
} from '../../src/base/tensor.ts';
import { readNpy, writeNpy } from '../../src/formats/npy.ts';

type Golden = { readonly name: string; readonly npy: string; readonly shape: number[]; readonly values: number[] };
const goldens: Golden[] = JSON.parse(
  readFileSync(new URL('../data/fixtures/numpy.golden.json', import.meta.url), 'utf8'),
);
const golden = (name: string): Uint8Array => Buffer.from(goldens.find((g) => g.name === name)!.npy, 'base64');

/** float16 bits of the multiples of 1/8 that the fixture holds. */
const half = (bits: number): number => (bits === 0 ? 0 : 2 ** ((bits >> 10) - 15) * (1 + (bits & 1023) / 1024));

const header = (text: string, body: Uint8Array = new Uint8Array(0)): Uint8Array => {
  const padded = `${text}\n`;
  const bytes = Uint8Array.of(0x93, ...Buffer.from('NUMPY'), 1, 0, padded.length & 255, padded.length >> 8);
  return Buffer.concat([bytes, Buffer.from(padded), body]);
};

describe('readNpy reads what NumPy writes', () => {
  const kinds: [string, DType][] = [
    ['<f4', 'float32'],
    ['>f4', 'float32'],
    ['<f8', 'float64'],
    ['<f2', 'float16'],
    ['int64', 'int64'],
    ['>i8', 'int64'],
    ['uint16', 'uint16'],
    ['bool', 'bool'],
    ['fortran', 'int32'],
    ['scalar', 'float32'],
    ['empty', 'uint8'],
  ];
  test.each(kinds)('%s', (name, dtype) => {
    const read = readNpy(golden(name));
    const { shape, values } = goldens.find((g) => g.name === name)!;
    expect(read.dtype).toBe(dtype);
    expect(read.shape).toEqual(shape);
    expect(dtype === 'float16' ? numbersOf(read).map(half) : numbersOf(read)).toEqual(values);
  });

  test('complex64 as pairs', () => {
    const read = readNpy(golden('complex64')) as Tensor<'complex64'>;
    expect(read.shape).toEqual([2, 3, 4]);
    expect(Array.from(read.data.slice(4, 8))).toEqual([2, 2, 3, 3]);
  });

  test('bytes (column-major) and text', () => {
    const bytes = readNpy(golden('bytes')) as Tensor<'string'>;
    expect(bytes.shape).toEqual([2, 2]);
    expect([0, 1, 2, 3].map((i) => textAt(bytes, i))).toEqual(['a', 'bcd', '', '\0x']);
    const text = readNpy(golden('text')) as Tensor<'string'>;
    expect([0, 1, 2].map((i) => textAt(text, i))).toEqual(['hé', '😀', '']);
  });
});

describe('writeNpy', () => {
  test('writes the bytes that NumPy writes', () => {
    for (const name of ['<f4', 'int64', '<f8', '<f2', 'scalar', 'empty', 'complex64'])
      expect(Buffer.from(writeNpy(readNpy(golden(name)))).equals(golden(name)), name).toBe(true);
  });

  test('read again it is the same', () => {
    const shapes = fc.array(fc.nat(4), { maxLength: 4 });
    const dtypes = fc.constantFrom<DType[]>(
      'float32',
      'int8',
      'uint8',
      'int16',
      'uint32',
      'uint64',
      'bfloat16',
      'bool',
    );
    fc.assert(
      fc.property(shapes, dtypes, (shape, dtype) => {
        const t = zeros(dtype, shape);
        (t.data as Uint8Array).forEach((_, i) => {
          (t.data as unknown as (number | bigint)[])[i] = dtype === 'uint64' ? BigInt(i % 2) : i % 2;
        });
        expect(equalTensors(readNpy(writeNpy(t)), t)).toBe(true);
      }),
    );
  });

  test('quantized types as plain integers, strings as S', () => {
    expect(readNpy(writeNpy(tensor('qint8', [2], Int8Array.of(-1, 2)))).dtype).toBe('int8');
    const strings = stringTensor(['a', '', 'xyz']);
    expect(equalTensors(readNpy(writeNpy(strings)), strings)).toBe(true);
    expect(() => writeNpy(stringTensor(['a\0']))).toThrow(/zero byte/);
  });
});

describe('readNpy refuses', () => {
  const whole = writeNpy(tensorOf('float32', [1, 2, 3]));
  const cases: [string, Uint8Array, RegExp][] = [
    ['an object array', golden('object'), /type '\|O'/],
    ['other bytes', Buffer.from('not an array at all'), /does not begin/],
    ['a file that is cut short', whole.subarray(0, whole.length - 1), /cut short: \[3\] of <f4 needs 12 bytes, 11/],
    ['a header that is cut short', whole.subarray(0, 40), /header is cut short/],
    ['an unknown version', Uint8Array.from(whole, (b, i) => (i === 6 ? 9 : b)), /version 9/],
    [
      'a shape too large',
      header("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999, 99999999)}"),
      /too large/,
    ],
    ['a shape of no size', header("{'descr': '|S0', 'fortran_order': False, 'shape': (2000000000,)}"), /type '\|S0'/],
    ['a negative size', header("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}"), /not a \.npy/],
    ['records', header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}"), /record/],
    [
      'a character that is none',
      header("{'descr': '<U1', 'fortran_order': False, 'shape': (1,)}", Uint8Array.of(0, 0, 17, 0)),
      /character/,
    ],
  ];
  test.each(cases)('%s', (_, bytes, message) => {
    expect(() => readNpy(bytes, { file: 'x.npy' })).toThrow(UserError);
    expect(() => readNpy(bytes, { file: 'x.npy' })).toThrow(message);
    expect(() => readNpy(bytes, { file: 'x.npy' })).toThrow(/x\.npy/);
  });

  test('nothing but UserErrors comes of damaged files', () => {
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, byte) => {
        const damaged = Uint8Array.from(whole, (b, i) => (i === at ? byte : b));
        try {
          readNpy(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
    );
  });
});
