import { describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { tensorOf } from '../../src/base/tensor.ts';
import { type Attr, type AttrInputs, attrs, type } from '../../src/graph/attr.ts';
import { constNode, constTensor } from '../../src/graph/constant.ts';
import { Graph, type Node, parseValue } from '../../src/graph/graph.ts';
import { findDefects, verify } from '../../src/graph/verify.ts';

const node = (op: string, name: string, from: readonly string[], given: AttrInputs = {}): Node => ({
  name,
  op,
  inputs: from.map(parseValue),
  controls: [],
  attrs: attrs(given),
});
const T = type('float32');
const x = node('Placeholder', 'x', [], { dtype: T });
const defects = (...nodes: readonly Node[]) =>
  findDefects(new Graph(nodes)).map(({ node: name, what }) => `${name}: ${what}`);
const constant = (value: Attr | undefined, dtype: Attr = T): Node => node('Const', 'c', [], { value, dtype });

describe('verify finds', () => {
  test('nothing in a graph as it should be', () => {
    expect(defects(x, node('Relu', 'y', ['x'], { T }), constNode('c', tensorOf('float32', [1])))).toEqual([]);
    // What octet does not know, and what a function's caller fills in, is not judged.
    expect(defects(x, node('NoSuchOp', 'y', ['x', 'x'], { T: 'float' }))).toEqual([]);
    expect(defects(x, node('Relu', 'y', ['x'], { T, extra: 'text' }))).toEqual([]);
  });

  test.each<[string, Node, string]>([
    ['a constant without value', constant(undefined), 'c: the constant has no value'],
    ['a constant whose value is no tensor', constant({ int: 3 }), "c: attribute 'value' is not of kind tensor"],
    [
      'a constant of another type than it says',
      constant({ tensor: tensorOf('int32', [1]) }),
      'c: its value is int32, while it says float32',
    ],
    [
      'an attribute of another kind',
      node('Relu', 'y', ['x'], { T: 'DT_FLOAT' }),
      "y: attribute 'T' is not of kind type",
    ],
    [
      'a list of another kind',
      node('MaxPool', 'y', ['x'], {
        T,
        ksize: { list: { floats: [1, 2] } },
        strides: { list: { ints: [1] } },
        padding: 'SAME',
      }),
      "y: attribute 'ksize' is not of kind list(int)",
    ],
    [
      'a value that is not allowed',
      node('Relu', 'y', ['x'], { T: type('string') }),
      "y: attribute 'T' is string; it can be",
    ],
    ['too many inputs', node('Relu', 'y', ['x', 'x'], { T }), 'y: has 2 inputs; Relu takes 1'],
    [
      'an input of another type',
      node('Relu', 'y', ['x'], { T: type('int32') }),
      'y: input 0 (x) is float32; int32 is wanted',
    ],
    ['an output that is not there', node('Relu', 'y', ['x:1'], { T }), "y: reads x:1, but 'x' has 1 outputs"],
  ])('%s', (_, bad, message) => {
    expect(defects(x, bad).join('\n')).toContain(message);
    expect(() => verify(new Graph([x, bad]), 'm.pb')).toThrow(UserError);
    expect(() => verify(new Graph([x, bad]), 'm.pb')).toThrow(/^m\.pb, node '/);
  });

  test('the same inside of functions', () => {
    const body = new Graph([node('Relu', 'y', ['a'], { T: 'text' }), node('_Arg', 'a', [], { T, index: { int: 0 } })]);
    const library = new Map([['f', { name: 'f', args: ['a'], results: [], body }]]);
    expect(findDefects(new Graph([x], library))[0]).toMatchObject({ node: 'f/y' });
  });
});

test('whoever reads the value of a constant without one is told whose fault that is', () => {
  expect(() => constTensor(constant(undefined))).toThrow(UserError);
  expect(() => constTensor(constant({ int: 3 }))).toThrow("node 'c' (Const): the constant has no value");
  expect(constTensor(x)).toBeUndefined();
});
