import { describe, expect, it } from 'vitest';
import { tensorOf } from '../../src/base/tensor.ts';
import { int, type } from '../../src/graph/attr.ts';
import { builder } from '../../src/graph/builder.ts';
import { optimized, T, vec } from './support.ts';

const pass = ['common-subexpressions'];

describe('common-subexpressions', () => {
  it('computes the same once, constants by their contents', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    const one = b.node('Mul', 'one', [x, b.constant('a', vec(1, 2))], T);
    const two = b.node('Mul', 'two', [x, b.constant('b', vec(1, 2))], T);
    b.node('AddV2', 'y', [one, two], T);
    expect(optimized(b.graph(), ['y'], pass).text).toBe(
      'x = Placeholder() {shape: [2]}\na = float32[2] {1 2}\none = Mul(x, a)\ny = AddV2(one, one)\n',
    );
  });

  it('leaves different constants, attributes and random numbers', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    const shape = b.constant('shape', tensorOf('int32', [2]));
    const random = { dtype: type('float32'), T: type('int32') };
    const all = [
      b.node('Mul', 'p', [x, b.constant('a', vec(0, 2))], T),
      b.node('Mul', 'q', [x, b.constant('b', vec(-0, 2))], T),
      b.node('LeakyRelu', 'r', [x], { ...T, alpha: { float: 0.1 } }),
      b.node('LeakyRelu', 's', [x], { ...T, alpha: { float: 0.2 } }),
      b.node('RandomUniform', 'u', [shape], random),
      b.node('RandomUniform', 'v', [shape], random),
    ];
    b.node('AddN', 'y', all, { ...T, N: int(all.length) });
    expect(optimized(b.graph(), ['y'], pass).rules).toEqual([]);
  });

  it('leaves an output its own node', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    b.node('Relu', 'w', [x], T);
    b.node('Relu', 'z', [x], T);
    expect(optimized(b.graph(), ['w', 'z'], pass).rules).toEqual([]);
  });
});
