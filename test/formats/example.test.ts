import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { stringTensor, type Tensor, tensor } from '../../src/base/tensor.ts';
import { decodeExample, encodeExample } from '../../src/formats/example.ts';

const [, records]: [string, string[]] = JSON.parse(
  readFileSync(new URL('../data/fixtures/tfrecord.golden.json', import.meta.url), 'utf8'),
);
const serialized = new Uint8Array(Buffer.from(records[3]!, 'base64'));

test('reads what TensorFlow serializes', () => {
  const example = decodeExample(serialized);
  expect([...example.keys()].sort()).toEqual(['bytes', 'float', 'int64']);
  expect(example.get('bytes')).toEqual(stringTensor(['ab', Uint8Array.of(0, 255)]));
  expect(example.get('float')).toEqual(tensor('float32', [2], Float32Array.of(1.5, -2.25)));
  expect(example.get('int64')).toEqual(tensor('int64', [2], BigInt64Array.of(-1n, 2n ** 40n)));
});

test('what is written is read again, names of all kinds included', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }))), (all) => {
      const features = new Map<string, Tensor>([
        ...Object.entries(all).map(([key, v]) => [key, tensor('int64', [v.length], BigInt64Array.from(v))] as const),
        ['__proto__', tensor('float32', [1], Float32Array.of(2))],
      ]);
      expect(new Map(decodeExample(encodeExample(features)))).toEqual(features);
    }),
  );
});

test('int32 and bool become int64; other types are refused', () => {
  const read = decodeExample(encodeExample([['a', tensor('int32', [1], Int32Array.of(-3))]]));
  expect(read.get('a')).toEqual(tensor('int64', [1], BigInt64Array.of(-3n)));
  expect(() => encodeExample([['a', tensor('qint8', [1], Int8Array.of(1))]])).toThrow(UserError);
});

test('bytes that are no example are refused with the file', () => {
  expect(() => decodeExample(serialized.subarray(0, 20), { file: 'x record 3' })).toThrow(
    /x record 3: is not a tf\.Example/,
  );
});
