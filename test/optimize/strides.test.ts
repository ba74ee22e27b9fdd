import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { numberFlag } from '../../src/base/flags.ts';
import { rng } from '../../src/base/rng.ts';
import { type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { ints } from '../../src/graph/attr.ts';
import { type Builder, builder } from '../../src/graph/builder.ts';
import type { Value } from '../../src/graph/graph.ts';
import { conv, counting, modelOf, optimized, run, T } from './support.ts';

const SAME = { padding: 'SAME' };
const strided = (h: number, w = h) => ({ strides: ints([1, h, w, 1]) });
const pointwise = counting([1, 1, 2, 2]);

/** The last block of a stage of ResNet (v1) and the two convolutions of stride 2 that read it, of a picture `size` large. */
function block(size: number | null): { b: Builder; sum: Value; outputs: string[] } {
  const b = builder();
  const x = b.input('x', 'float32', [null, size, size, 2]);
  const before = b.node('Relu', 'before', [x], T);
  const wide = conv(
    b,
    b.node('Relu', 'narrow', [conv(b, before, 'a', pointwise)], T),
    'b',
    counting([3, 3, 2, 2]),
    SAME,
  );
  const last = conv(b, b.node('Relu', 'middle', [wide], T), 'c', pointwise);
  const bias = b.node('BiasAdd', 'bias', [last, b.constant('bias/b', tensorOf('float32', [1, -2]))], T);
  const sum = b.node('Relu', 'sum', [b.node('AddV2', 'add', [before, bias], T)], T);
  conv(b, sum, 'y', pointwise, strided(2));
  conv(b, sum, 'z', counting([1, 1, 2, 3]), { ...strided(2), ...SAME });
  return { b, sum, outputs: ['y', 'z'] };
}

const move = ({ b, outputs }: Pick<ReturnType<typeof block>, 'b' | 'outputs'>) =>
  optimized(b.graph(), outputs, ['move-strides']);

describe('move-strides', () => {
  it("computes only the pixels of a ResNet's stage that the next one reads", () => {
    const { text, rules } = move(block(8));
    expect(rules).toEqual(['move-strides']);
    expect(text).toContain(
      'before/strided = MaxPool(before) {ksize: [1, 1, 1, 1], padding: "VALID", strides: [1, 2, 2, 1]}',
    );
    expect(text).toContain('a = Conv2D(before, a/w) {padding: "VALID", strides: [1, 1, 1, 1]}');
    expect(text).toContain(
      'b = Conv2D(narrow, b/w) {explicit_paddings: [0, 0, 1, 1, 1, 1, 0, 0], padding: "EXPLICIT", strides: [1, 2, 2, 1]}',
    );
    expect(text).toContain('c = Conv2D(middle, c/w) {padding: "VALID", strides: [1, 1, 1, 1]}');
    expect(text).toContain('add = AddV2(before/strided, bias)');
    expect(text).toContain('y = Conv2D(sum, y/w) {padding: "VALID", strides: [1, 1, 1, 1]}');
    expect(text).toContain('z = Conv2D(sum, z/w) {padding: "SAME", strides: [1, 1, 1, 1]}');
  });

  it('says SAME where that pads the same, and VALID where nothing is padded', () => {
    expect(move(block(7)).text).toContain('b = Conv2D(narrow, b/w) {padding: "SAME", strides: [1, 2, 2, 1]}');
    const valid = builder();
    const x = valid.input('x', 'float32', [1, 7, 7, 2]);
    conv(valid, conv(valid, x, 'b', counting([3, 3, 2, 2])), 'y', pointwise, strided(2));
    expect(move({ b: valid, outputs: ['y'] }).text).toContain(
      'b = Conv2D(x, b/w) {padding: "VALID", strides: [1, 2, 2, 1]}',
    );
  });

  it('needs sizes for a sum, which may broadcast, but not for a chain', () => {
    expect(move(block(null)).rules).toEqual([]);
    const b = builder();
    const x = b.input('x', 'float32', [1, null, null, 2]);
    conv(b, b.node('Relu', 'relu', [conv(b, x, 'b', counting([3, 3, 2, 2]), SAME)], T), 'y', pointwise, strided(3, 2));
    expect(move({ b, outputs: ['y'] }).text).toContain(
      'explicit_paddings: [0, 0, 1, 1, 1, 1, 0, 0], padding: "EXPLICIT", strides: [1, 3, 2, 1]',
    );
  });

  it('leaves what somebody else reads, in whole or by other strides', () => {
    const whole = block(8);
    expect(move({ b: whole.b, outputs: ['y', 'z', 'sum'] }).rules).toEqual([]);
    expect(move({ b: whole.b, outputs: ['y', 'z', 'add'] }).rules).toEqual([]);
    const inner = block(8);
    // Of c only a copy of the pixels is wanted; what makes it is computed in whole for the model's output.
    expect(move({ b: inner.b, outputs: ['y', 'z', 'c'] }).rules).toEqual([]);
    const readers: readonly [string, Tensor, object][] = [
      ['3×3', counting([3, 3, 2, 2]), { ...strided(2), ...SAME }],
      ['stride 1', pointwise, {}],
      ['stride 3', pointwise, strided(3)],
      ['padded', pointwise, { ...strided(2), padding: 'EXPLICIT', explicit_paddings: ints([0, 0, 1, 1, 1, 1, 0, 0]) }],
    ];
    for (const [what, weights, attrs] of readers) {
      const { b, sum } = block(8);
      conv(b, sum, 'w', weights, attrs as never);
      expect(move({ b, outputs: ['y', 'z', 'w'] }).rules, what).toEqual([]);
    }
  });

  it('does nothing where no convolution becomes smaller', () => {
    const b = builder();
    const x = b.input('x', 'float32', [1, 8, 8, 2]);
    conv(b, b.node('Relu', 'relu', [x], T), 'y', pointwise, strided(2));
    expect(move({ b, outputs: ['y'] }).rules).toEqual([]);
  });

  const shape = fc.record({
    kernel: fc.integer({ min: 1, max: 4 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    padding: fc.constantFrom('SAME', 'VALID', 'EXPLICIT'),
    h: fc.integer({ min: 7, max: 13 }),
    w: fc.integer({ min: 7, max: 13 }),
    step: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 3 })),
    zeros: fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 4, maxLength: 4 }),
    hasSum: fc.boolean(),
  });

  it('gives what the graph gave', async () => {
    await fc.assert(
      fc.asyncProperty(shape, async ({ kernel, stride, dilation, padding, h, w, step, zeros, hasSum }) => {
        const b = builder();
        const x = b.input('x', 'float32', [null, h, w, 2]);
        const numbers = rng(1);
        const random = (dims: readonly number[]): Tensor =>
          tensorOf(
            'float32',
            Array.from({ length: dims.reduce((a, c) => a * c) }, () => numbers.normal()),
            dims,
          );
        const first = conv(b, x, 'first', random([kernel, kernel, 2, 3]), {
          ...strided(stride),
          dilations: ints([1, dilation, dilation, 1]),
          padding,
          ...(padding === 'EXPLICIT' ? { explicit_paddings: ints([0, 0, ...zeros, 0, 0]) } : {}),
        });
        const relu = b.node('Relu', 'relu', [first], T);
        const sum = hasSum ? b.node('AddV2', 'sum', [relu, b.constant('c', random([1, 1, 3]))], T) : relu;
        conv(b, sum, 'y', random([1, 1, 3, 2]), strided(...step));
        const before = modelOf(b.graph(), ['y']);
        const { model: after, rules } = optimized(before.graph, ['y'], ['move-strides']);
        expect(rules).toEqual(['move-strides']);
        const feeds = new Map([['x', random([2, h, w, 2])]]);
        expect(await run(after, feeds)).toEqual(await run(before, feeds));
      }),
      { seed: numberFlag('OCTET_SEED', 1), numRuns: 300 },
    );
  });
});
