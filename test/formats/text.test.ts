import { create, toBinary } from '@bufbuild/protobuf';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { readGraphText } from '../../src/formats/index.ts';
import { GraphDefSchema } from '../../src/formats/proto/gen/octet/tensorflow/graph_pb.ts';
import { TensorProtoSchema } from '../../src/formats/proto/gen/octet/tensorflow/tensor_pb.ts';
import { parseText } from '../../src/formats/text/parse.ts';
import { printText } from '../../src/formats/text/print.ts';

const tensor = (text: string) => parseText(TensorProtoSchema, text, 't.pbtxt');

describe('reading', () => {
  test('comments, both kinds of brackets, lists, separators, enums by name and number', () => {
    const text = `
      # a comment
      dtype: DT_FLOAT   # another
      tensor_shape < dim { size: 2 }, dim: < size: -1; name: 'n' > >
      float_val: [1, 2.5, -3e-2f, .5, inf, -inf, nan]
      int_val: 0x10 int_val: 017; int_val: -5,
      bool_val: [true, f, 1]
      int64_val: []`;
    const read = tensor(text);
    expect(read.dtype).toBe(1);
    expect(read.tensorShape?.dim.map(({ size, name }) => [size, name])).toEqual([
      [2n, ''],
      [-1n, 'n'],
    ]);
    expect(read.floatVal).toEqual([1, 2.5, Math.fround(-0.03), 0.5, Infinity, -Infinity, Number.NaN].map(Math.fround));
    expect(read.intVal).toEqual([16, 15, -5]);
    expect(read.boolVal).toEqual([true, false, true]);
    expect(read.int64Val).toEqual([]);
    expect(tensor('dtype: 9').dtype).toBe(9);
  });

  test('quoted text: escapes, both quotes, parts side by side', () => {
    const [first] = tensor(String.raw`string_val: "\n\t\"\\\377\x41\u00e9" 'b"' "c"`).stringVal;
    expect([...first!]).toEqual([10, 9, 34, 92, 255, 0x41, 0xc3, 0xa9, 0x62, 34, 0x63]);
  });

  test.each([
    ['an unknown field', 'dtype: 1\nwhat: 1', /t\.pbtxt: line 2: TensorProto has no field 'what'/],
    ['an unknown enum value', 'dtype: DT_NONE', /line 1: DataType has no value 'DT_NONE'/],
    ['a number that does not fit', 'int_val: 3000000000', /3000000000 does not fit/],
    ['a fraction for a whole number', 'int_val: 1.5', /whole number/],
    ['text for a number', 'float_val: "1"', /expected a number/],
    ['a number for text', 'string_val: 1', /quoted text/],
    ['no colon', 'dtype DT_FLOAT', /expected ':'/],
    ['a message that does not end', 'tensor_shape { dim {', /expected a field/],
    ['brackets that do not match', 'tensor_shape { >', /expected a field/],
    ['a list that does not end', 'float_val: [1, 2', /does not end/],
    ['text that does not end', 'string_val: "abc', /unexpected/],
    ['text over a line', 'string_val: "a\nb"', /unexpected/],
    ['an unknown escape', String.raw`string_val: "\q"`, /unknown escape/],
  ])('%s is refused with its line', (_, text, message) => {
    expect(() => tensor(text)).toThrow(UserError);
    expect(() => tensor(text)).toThrow(message);
  });

  test('nesting without end is refused', () => {
    const text = `node { attr { value { ${'func { attr { value { '.repeat(500)}`;
    expect(() => readGraphText(text)).toThrow(/nested too deep/);
  });
});

describe('printing and reading', () => {
  const value = fc.record({
    dtype: fc.integer({ min: 0, max: 130 }),
    floatVal: fc.array(fc.float()),
    doubleVal: fc.array(fc.double()),
    intVal: fc.array(fc.integer()),
    int64Val: fc.array(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })),
    uint64Val: fc.array(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
    boolVal: fc.array(fc.boolean()),
    stringVal: fc.array(fc.uint8Array()),
    tensorContent: fc.uint8Array(),
  });

  test('give the same message', () => {
    fc.assert(
      fc.property(value, fc.string({ unit: 'binary' }), (init, name) => {
        const message = create(TensorProtoSchema, {
          ...init,
          tensorShape: { dim: [{ size: -1n, name }], unknownRank: true },
        });
        const back = tensor(printText(TensorProtoSchema, message));
        // As bytes, in which NaN equals itself.
        expect(toBinary(TensorProtoSchema, back)).toEqual(toBinary(TensorProtoSchema, message));
      }),
      { numRuns: 300 },
    );
  });

  test('any text gives a graph or a UserError', () => {
    const pieces = fc.constantFrom(
      'node',
      'attr',
      '{',
      '}',
      '<',
      '>',
      ':',
      '[',
      ']',
      ',',
      '"a"',
      '"\\x"',
      '1',
      '-',
      'inf',
      'key',
      'value',
      'tensor',
      'i',
      '#',
      '\n',
      'op',
      'DT_FLOAT',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 40 }), (parts) => {
        try {
          parseText(GraphDefSchema, parts.join(' '));
        } catch (error) {
          expect(error).toBeInstanceOf(UserError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
