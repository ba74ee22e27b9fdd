import { describe, expect, it } from 'vitest';
import { scalar, tensorOf } from '../../src/base/tensor.ts';
import { type AttrInputs, ints, type } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import { conv, counting, optimized, T } from './support.ts';

const pad = (b: Builder, x: Value, name: string, paddings: readonly number[]): Value =>
  b.node('Pad', name, [x, b.constant(`${name}/paddings`, tensorOf('int32', paddings, [paddings.length / 2, 2]))], {
    ...T,
    Tpaddings: type('int32'),
  });

const fuse = (paddings: readonly number[], attrs: AttrInputs = {}, size: number | null = null) => {
  const b = builder();
  const x = b.input('x', 'float32', [null, size, size, 1]);
  conv(b, pad(b, x, 'pad', paddings), 'y', counting([3, 3, 1, 1]), attrs);
  return optimized(b.graph(), ['y'], ['fuse-pad']);
};

describe('fuse-pad-conv', () => {
  it('moves the zeros into a strided convolution', () => {
    expect(
      fuse([0, 0, 1, 2, 3, 4, 0, 0], { strides: ints([1, 2, 2, 1]) }).text,
    ).toBe(`x = Placeholder() {shape: [?,?,?,1]}
y/w = float32[3,3,1,1] {1 2 3 4 5 6 …}
y = Conv2D(x, y/w) {explicit_paddings: [0, 0, 1, 2, 3, 4, 0, 0], padding: "EXPLICIT", strides: [1, 2, 2, 1]}
`);
  });

  it('says SAME where that is what the zeros are', () => {
    expect(fuse([0, 0, 1, 1, 1, 1, 0, 0]).text).toContain(
      'y = Conv2D(x, y/w) {padding: "SAME", strides: [1, 1, 1, 1]}',
    );
    expect(fuse([0, 0, 2, 2, 2, 2, 0, 0], { dilations: ints([1, 2, 2, 1]) }).text).toContain('padding: "SAME"');
  });

  it('adds to explicit paddings, and to those of SAME where the size is known', () => {
    const explicit = { padding: 'EXPLICIT', explicit_paddings: ints([0, 0, 1, 0, 0, 1, 0, 0]) };
    expect(fuse([0, 0, 1, 1, 1, 1, 0, 0], explicit).text).toContain('explicit_paddings: [0, 0, 2, 1, 1, 2, 0, 0]');
    // 4 + 2 zeros = 6, stride 2: SAME pads one behind.
    const strided = { padding: 'SAME', strides: ints([1, 2, 2, 1]) };
    expect(fuse([0, 0, 1, 1, 1, 1, 0, 0], strided, 4).text).toContain('explicit_paddings: [0, 0, 1, 2, 1, 2, 0, 0]');
  });

  it('leaves SAME of unknown size, and padded channels', () => {
    expect(fuse([0, 0, 1, 1, 1, 1, 0, 0], { padding: 'SAME' }).rules).toEqual([]);
    const b = builder();
    const x = b.input('x', 'float32', [1, 4, 4, 1]);
    conv(b, pad(b, x, 'pad', [0, 0, 0, 0, 0, 0, 0, 1]), 'y', counting([3, 3, 2, 1]));
    expect(optimized(b.graph(), ['y'], ['fuse-pad']).rules).toEqual([]);
  });

  it('leaves a PadV2 of ones, and takes one of zeros', () => {
    const build = (filler: number) => {
      const b = builder();
      const x = b.input('x', 'float32', [1, 4, 4, 1]);
      const paddings = b.constant('paddings', tensorOf('int32', [0, 0, 1, 1, 1, 1, 0, 0], [4, 2]));
      const attrs = { ...T, Tpaddings: type('int32') };
      const padded = b.node('PadV2', 'pad', [x, paddings, b.constant('filler', scalar('float32', filler))], attrs);
      conv(b, padded, 'y', counting([3, 3, 1, 1]));
      return optimized(b.graph(), ['y'], ['fuse-pad']).rules;
    };
    expect(build(1)).toEqual([]);
    expect(build(0)).toEqual(['fuse-pad-conv']);
  });

  it('says SAME of a strided convolution where the size is known to make it so', () => {
    // Keras pads (0, 1) before strided convolutions of even sizes, which is what SAME does.
    const strided = { strides: ints([1, 2, 2, 1]) };
    expect(fuse([0, 0, 0, 1, 0, 1, 0, 0], strided, 8).text).toContain('padding: "SAME"');
    expect(fuse([0, 0, 0, 1, 0, 1, 0, 0], strided, 7).text).toContain('padding: "EXPLICIT"');
  });

  it('serves several readers of one Pad, and leaves it for a pooling', () => {
    const b = builder();
    const x = b.input('x', 'float32', [1, 4, 4, 1]);
    const padded = pad(b, x, 'pad', [0, 0, 1, 1, 1, 1, 0, 0]);
    conv(b, padded, 'y', counting([3, 3, 1, 1]));
    conv(b, padded, 'z', counting([3, 3, 1, 1]), { strides: ints([1, 2, 2, 1]) });
    b.node('MaxPool', 'p', [padded], {
      ...T,
      ksize: ints([1, 3, 3, 1]),
      strides: ints([1, 2, 2, 1]),
      padding: 'VALID',
    });
    const { text } = optimized(b.graph(), ['y', 'z', 'p'], ['fuse-pad']);
    expect(text).toContain('y = Conv2D(x, y/w)');
    expect(text).toContain('z = Conv2D(x, z/w)');
    expect(text).toContain('p = MaxPool(pad)');
  });

  it('gives a depthwise convolution SAME padding, never explicit', () => {
    const depthwise = (stride: number) => {
      const b = builder();
      const x = b.input('x', 'float32', [1, 4, 4, 1]);
      const padded = pad(b, x, 'pad', [0, 0, 1, 1, 1, 1, 0, 0]);
      const attrs = { ...T, strides: ints([1, stride, stride, 1]), padding: 'VALID' };
      b.node('DepthwiseConv2dNative', 'y', [padded, b.constant('w', counting([3, 3, 1, 1]))], attrs);
      return optimized(b.graph(), ['y'], ['fuse-pad']).text;
    };
    expect(depthwise(1)).toContain('y = DepthwiseConv2dNative(x, w) {padding: "SAME"');
    expect(depthwise(2)).toContain('y = DepthwiseConv2dNative(pad, w) {padding: "VALID"');
  });
});

describe('merge-pads', () => {
  it('adds the zeros of two, and drops one that pads nothing', () => {
    const b = builder();
    const x = b.input('x', 'float32', [1, 4, 4, 1]);
    const twice = pad(b, pad(b, x, 'a', [0, 0, 1, 2, 0, 0, 0, 0]), 'b', [0, 0, 1, 1, 0, 3, 0, 0]);
    b.node('Relu', 'y', [pad(b, twice, 'c', [0, 0, 0, 0, 0, 0, 0, 0])], T);
    expect(optimized(b.graph(), ['y'], ['fuse-pad']).text).toBe(`x = Placeholder() {shape: [1,4,4,1]}
b/paddings_1 = int32[4,2] {0 0 2 3 0 3 …}
b = Pad(x, b/paddings_1) {Tpaddings: int32}
y = Relu(b)
`);
  });
});
