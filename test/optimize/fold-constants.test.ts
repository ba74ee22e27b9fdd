import { describe, expect, it } from 'vitest';
import { scalar, tensorOf } from '../../src/base/tensor.ts';
import { int, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import { type Value, value } from '../../src/graph/graph.ts';
import { optimized, T, vec } from './support.ts';

const I = type('int32');
const fold = (b: Builder, ...outputs: string[]) => optimized(b.graph(), outputs, ['fold-constants']);

describe('fold-constants', () => {
  it('computes what depends on constants alone, several outputs too', () => {
    const b = builder();
    const x = b.input('x', 'float32', [2]);
    const halves = b.node(
      'Split',
      'halves',
      [b.constant('axis', scalar('int32', 0)), b.constant('c', vec(1, 2, 3, 4))],
      {
        ...T,
        num_split: int(2),
      },
    );
    const sum = b.node('AddV2', 'sum', [halves, value(halves.node, 1)], T);
    b.node('Mul', 'y', [x, sum], T);
    expect(fold(b, 'y').text).toBe('x = Placeholder() {shape: [2]}\nsum = float32[2] {4 6}\ny = Mul(x, sum)\n');
  });

  it('leaves a result that is large while what it is made of is small', () => {
    const b = builder();
    const dims = b.constant('dims', tensorOf('int32', [1024, 1024]));
    const fill = b.node('Fill', 'fill', [dims, b.constant('v', scalar('float32', 1))], { ...T, index_type: I });
    b.node('Relu', 'y', [fill], T);
    expect(fold(b, 'y').rules).toEqual([]);
  });

  it('leaves random numbers', () => {
    const b = builder();
    const shape = b.constant('shape', tensorOf('int32', [2]));
    b.node('RandomUniform', 'r', [shape], { dtype: type('float32'), T: I });
    expect(fold(b, 'r').rules).toEqual([]);
  });

  it('leaves what the op refuses to the run, which names the node', () => {
    const b = builder();
    const table = b.constant('table', vec(1, 2));
    const row = b.constant('row', tensorOf('int32', [7]));
    const at = b.constant('at', scalar('int32', 0));
    b.node('GatherV2', 'y', [table, row, at], { Tparams: type('float32'), Tindices: I, Taxis: I });
    expect(fold(b, 'y').rules).toEqual([]);
  });

  it('takes sizes from the types', () => {
    const b = builder();
    const x = b.input('x', 'float32', [3, 5]);
    b.node('Size', 'y', [x], { ...T, out_type: I });
    expect(fold(b, 'y').text).toContain('y = int32[] {15}');
  });
});

/** Shape → StridedSlice [0] → Pack(·, …): what Keras writes for a Reshape that keeps the batch. */
function batchOf(b: Builder, x: Value): Value {
  const shape = b.node('Shape', 'shape', [x], { ...T, out_type: I });
  const [zero, one] = [b.constant('zero', tensorOf('int32', [0])), b.constant('one', tensorOf('int32', [1]))];
  return b.node('StridedSlice', 'batch', [shape, zero, one, one], { T: I, Index: I, shrink_axis_mask: int(1) });
}

describe('constant-reshape', () => {
  const build = (shape: readonly (number | null)[], second: (b: Builder, x: Value) => Value) => {
    const b = builder();
    const x = b.input('x', 'float32', shape);
    const packed = b.node('Pack', 'packed', [batchOf(b, x), second(b, x)], { T: I, N: int(2) });
    b.node('Reshape', 'y', [x, packed], { ...T, Tshape: I });
    return optimized(b.graph(), ['y'], ['reshape']).text;
  };

  it('writes −1 for the batch', () => {
    expect(build([null, 2, 3], (b) => b.constant('six', scalar('int32', 6)))).toBe(
      'x = Placeholder() {shape: [?,2,3]}\ny/shape = int32[2] {-1 6}\ny = Reshape(x, y/shape) {Tshape: int32}\n',
    );
  });

  it('leaves two sizes that only the run knows', () => {
    expect(build([null, null, 3], (b) => b.constant('open', scalar('int32', -1)))).toContain('y = Reshape(x, packed)');
  });
});

describe('reshape', () => {
  const build = (from: readonly (number | null)[], ...to: readonly (readonly number[])[]) => {
    const b = builder();
    let v: Value = b.input('x', 'float32', from);
    for (const [i, dims] of to.entries())
      v = b.node('Reshape', `r${i}`, [v, b.constant(`s${i}`, tensorOf('int32', dims))], { ...T, Tshape: I });
    b.node('Relu', 'y', [v], T);
    return optimized(b.graph(), ['y'], ['reshape']).text;
  };

  it('drops one to the shape that is there already', () => {
    expect(build([null, 6], [-1, 6])).toBe('x = Placeholder() {shape: [?,6]}\ny = Relu(x)\n');
    expect(build([2, 3], [2, 3])).toBe('x = Placeholder() {shape: [2,3]}\ny = Relu(x)\n');
  });

  it('makes one of two', () => {
    expect(build([null, 2, 3], [-1, 3, 2], [-1, 6])).toContain('r1 = Reshape(x, ');
  });

  it('leaves one that changes the shape, or may', () => {
    expect(build([null, 6], [-1, 3])).toContain('r0 = Reshape(x, s0)');
    expect(build([null, null], [-1, 6])).toContain('r0 = Reshape(x, s0)');
  });

  it('merges Squeeze and ExpandDims', () => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 1, 1, 8]);
    const squeezed = b.node('Squeeze', 'squeezed', [x], { ...T, squeeze_dims: { list: { ints: [1, 2] } } });
    const wide = b.node('ExpandDims', 'wide', [squeezed, b.constant('axis', scalar('int32', 1))], { ...T, Tdim: I });
    b.node('Relu', 'y', [wide], T);
    expect(optimized(b.graph(), ['y'], ['reshape']).text).toContain('wide = Reshape(x, wide/shape)');
  });
});
