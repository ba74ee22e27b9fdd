import { describe, expect, it } from 'vitest';
import { scalar, tensorOf } from '../../src/base/tensor.ts';
import { ints, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import { conv, counting, optimized, T, vec } from './support.ts';

const turn = (b: Builder, x: Value, name: string, perm: readonly number[]): Value =>
  b.node('Transpose', name, [x, b.constant(`${name}/perm`, tensorOf('int32', perm))], { ...T, Tperm: type('int32') });

describe('transpose', () => {
  it('cancels two that undo each other, and makes one of two others', () => {
    const b = builder();
    const x = b.input('x', 'float32', [1, 2, 3]);
    b.node('Relu', 'same', [turn(b, turn(b, x, 'a', [1, 2, 0]), 'b', [2, 0, 1])], T);
    b.node('Relu', 'other', [turn(b, turn(b, x, 'c', [1, 2, 0]), 'd', [1, 2, 0])], T);
    const { text } = optimized(b.graph(), ['same', 'other'], ['transpose']);
    expect(text).toContain('same = Relu(x)');
    expect(text).toContain('d/merged/perm = int32[3] {2 0 1}');
    expect(text).toContain('other = Relu(d)');
  });

  it('turns a network from NCHW to NHWC: one transpose at each end', () => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 3, 8, 8]);
    const nchw = { data_format: 'NCHW' };
    const c = conv(b, x, 'c', counting([3, 3, 3, 4]), { ...nchw, strides: ints([1, 1, 2, 2]), padding: 'SAME' });
    const biased = b.node('BiasAdd', 'biased', [c, b.constant('bias', vec(1, 2, 3, 4))], { ...T, ...nchw });
    const relu = b.node('Relu', 'relu', [biased], T);
    const scaled = b.node('Mul', 'scaled', [relu, b.constant('s', { ...vec(1, 2, 3, 4), shape: [4, 1, 1] })], T);
    const sum = b.node('AddV2', 'sum', [scaled, relu], T);
    const joined = b.node('ConcatV2', 'joined', [sum, relu, b.constant('axis', scalar('int32', 1))], {
      ...T,
      N: { int: 2 },
      Tidx: type('int32'),
    });
    const window = { ksize: ints([1, 1, 3, 2]), strides: ints([1, 1, 2, 1]), padding: 'VALID' };
    b.node('MaxPool', 'y', [joined], { ...T, ...nchw, ...window });
    expect(optimized(b.graph(), ['y'], ['transpose', 'common-subexpressions']).text).toMatchInlineSnapshot(`
      "x = Placeholder() {shape: [?,3,8,8]}
      c/w = float32[3,3,3,4] {1 2 3 4 5 6 …}
      bias = float32[4] {1 2 3 4}
      c/nhwc/perm = int32[4] {0 2 3 1}
      c/nhwc = Transpose(x, c/nhwc/perm) {Tperm: int32}
      c/in_nhwc = Conv2D(c/nhwc, c/w) {data_format: "NHWC", padding: "SAME", strides: [1, 2, 2, 1]}
      biased/in_nhwc = BiasAdd(c/in_nhwc, bias) {data_format: "NHWC"}
      relu/in_nhwc = Relu(biased/in_nhwc)
      scaled/nhwc_1 = float32[1,1,1,4] {1 2 3 4}
      scaled/in_nhwc = Mul(relu/in_nhwc, scaled/nhwc_1)
      sum/in_nhwc = AddV2(scaled/in_nhwc, relu/in_nhwc)
      joined/nhwc = int32[] {3}
      joined/in_nhwc = ConcatV2(sum/in_nhwc, relu/in_nhwc, joined/nhwc) {N: 2, Tidx: int32}
      y/in_nhwc = MaxPool(joined/in_nhwc) {data_format: "NHWC", ksize: [1, 3, 2, 1], padding: "VALID", strides: [1, 2, 1, 1]}
      y/nchw/perm = int32[4] {0 3 1 2}
      y = Transpose(y/in_nhwc, y/nchw/perm) {Tperm: int32}
      "
    `);
  });

  it('leaves no transpose before a mean over the picture', () => {
    const b = builder();
    const x = b.input('x', 'float32', [null, 3, 8, 8]);
    const c = conv(b, x, 'c', counting([3, 3, 3, 4]), { data_format: 'NCHW' });
    b.node('Mean', 'y', [c, b.constant('axes', tensorOf('int32', [2, 3]))], { ...T, Tidx: type('int32') });
    const { text } = optimized(b.graph(), ['y'], ['transpose']);
    expect(text.match(/ = Transpose/g)).toHaveLength(1);
    expect(text).toContain('y/axes = int32[2] {1 2}');
  });

  it('leaves NHWC as it is', () => {
    const b = builder();
    conv(b, b.input('x', 'float32', [1, 4, 4, 1]), 'y', counting([1, 1, 1, 1]));
    expect(optimized(b.graph(), ['y'], ['transpose']).rules).toEqual([]);
  });

  it('leaves paddings that are none to those who refuse them', () => {
    for (const paddings of [
      tensorOf('int32', [], [0]),
      tensorOf('int32', [1]),
      tensorOf('int32', [1, 1, 1, 1], [2, 2]),
    ]) {
      const b = builder();
      const x = b.input('x', 'float32', [1, 4, 5, 3]);
      b.node('Pad', 'y', [turn(b, x, 't', [0, 3, 1, 2]), b.constant('paddings', paddings)], {
        ...T,
        Tpaddings: type('int32'),
      });
      expect(optimized(b.graph(), ['y'], ['transpose']).text).toContain('y = Pad(t, paddings)');
    }
  });
});
