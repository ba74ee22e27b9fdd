import { describe, expect, it } from 'vitest';
import { scalar, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { builder } from '../../src/graph/builder.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import { conv, counting, optimized, T, vec } from './support.ts';

const wide = (...values: number[]) => tensorOf('float32', values, [1, 1, 1, values.length]);

const add = (op: OpName, c: Tensor, first = false) => {
  const b = builder();
  const k = b.constant('c', c);
  const x = conv(b, b.input('x', 'float32', [null, 4, 4, 1]), 'conv', counting([1, 1, 1, 2]));
  b.node(op, 'y', first ? [k, x] : [x, k], T);
  return optimized(b.graph(), ['y'], ['bias']).text;
};

describe('add-to-bias-add', () => {
  it.each([
    ['AddV2', vec(1, 2), false, '{1 2}'],
    ['Add', wide(1, 2), true, '{1 2}'],
    ['AddV2', scalar('float32', 3), false, '{3 3}'],
    ['Sub', vec(1, 2), false, '{-1 -2}'],
    ['BiasAddV1', vec(1, 2), false, '{1 2}'],
  ] as const)('makes a BiasAdd of %s', (op, c, first, bias) => {
    const text = add(op, c, first);
    expect(text).toContain(`y/bias = float32[2] ${bias}`);
    expect(text).toContain('y = BiasAdd(conv, y/bias)');
  });

  it('leaves what differs along a row, and what is subtracted from', () => {
    expect(add('AddV2', tensorOf('float32', [1, 2, 3, 4], [4, 1]))).toContain('y = AddV2(conv, c)');
    expect(add('Sub', vec(1, 2), true)).toContain('y = Sub(c, conv)');
  });

  it('leaves a sum that no convolution makes', () => {
    const b = builder();
    b.node('AddV2', 'y', [b.input('x', 'float32', [null, 2]), b.constant('c', vec(1, 2))], T);
    expect(optimized(b.graph(), ['y'], ['bias']).rules).toEqual([]);
  });
});

describe('merge-biases', () => {
  it('makes one of two', () => {
    const b = builder();
    const x = conv(b, b.input('x', 'float32', [null, 4, 4, 1]), 'conv', counting([1, 1, 1, 2]));
    const once = b.node('BiasAdd', 'once', [x, b.constant('a', vec(1, 2))], T);
    b.node('AddV2', 'y', [once, b.constant('b', vec(10, 20))], T);
    expect(optimized(b.graph(), ['y'], ['bias']).text).toContain('y/bias = float32[2] {11 22}');
  });

  it('leaves a first sum that others read', () => {
    const b = builder();
    const x = conv(b, b.input('x', 'float32', [null, 4, 4, 1]), 'conv', counting([1, 1, 1, 2]));
    const once = b.node('BiasAdd', 'once', [x, b.constant('a', vec(1, 2))], T);
    b.node('BiasAdd', 'y', [once, b.constant('b', vec(10, 20))], T);
    b.node('Relu', 'z', [once], T);
    expect(optimized(b.graph(), ['y', 'z'], ['bias']).rules).toEqual([]);
  });
});
