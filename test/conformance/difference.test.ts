import { describe, expect, it } from 'vitest';
import { differenceOf } from '../../conformance/difference.ts';
import { derivedAttrs } from '../../conformance/ops/derive.ts';
import { stringTensor, tensorOf } from '../../src/base/tensor.ts';

const floats = (...values: number[]) => tensorOf('float32', values);
const exact = { relative: 0, absolute: 0 };

describe('comparison with TensorFlow', () => {
  it('takes NaN for NaN and 0 for −0, nothing else', () => {
    expect(differenceOf(floats(Number.NaN, 0), floats(Number.NaN, -0), exact).problem).toBeUndefined();
    expect(differenceOf(floats(Number.NaN), floats(1), { relative: 1, absolute: 1 }).problem).toContain('NaN');
    expect(differenceOf(floats(1), floats(Number.POSITIVE_INFINITY), exact).problem).toContain('Infinity');
  });

  it('judges floats by their own size and by the largest', () => {
    const theirs = floats(1000, 1e-3);
    expect(differenceOf(floats(1000, 1.1e-3), theirs, { relative: 1e-5, absolute: 1e-6 }).problem).toBeUndefined();
    expect(differenceOf(floats(1000, 1.1e-3), theirs, { relative: 1e-5, absolute: 1e-8 }).problem).toContain('1 of 2');
  });

  it('wants integers equal, or so many steps apart in so many places', () => {
    const [ours, theirs] = [tensorOf('quint8', [1, 2, 3]), tensorOf('quint8', [1, 2, 4])];
    expect(differenceOf(ours, theirs, { relative: 1, absolute: 1 }).problem).toContain('[2] 3');
    expect(differenceOf(ours, theirs, { ...exact, steps: { largest: 1, share: 0.3 } })).toMatchObject({
      problem: undefined,
      different: 1,
      largest: 1,
    });
    const two = differenceOf(tensorOf('quint8', [1, 1, 3]), theirs, { ...exact, steps: { largest: 1, share: 0.3 } });
    expect(two.problem).toContain('2 of 3 codes differ');
  });

  it('tells types, shapes and strings apart', () => {
    expect(differenceOf(floats(1), tensorOf('int32', [1]), exact).problem).toContain('TensorFlow gives int32');
    expect(differenceOf(floats(1, 2), tensorOf('float32', [1, 2], [2, 1]), exact).problem).toContain('[2,1]');
    expect(differenceOf(stringTensor(['a']), stringTensor(['b']), exact).problem).toContain('"b"');
  });
});

describe('attributes that follow from inputs', () => {
  it('are types, counts and lists of types', () => {
    const [x, n] = [floats(1, 2), tensorOf('int32', [0], [])];
    expect(derivedAttrs('ConcatV2', [x, x, x, n], {})).toEqual({
      N: { int: 3 },
      T: { type: 'float32' },
      Tidx: { type: 'int32' },
    });
    expect(derivedAttrs('IdentityN', [x, n], {})).toEqual({ T: { list: { types: ['float32', 'int32'] } } });
    expect(derivedAttrs('Cast', [n], { DstT: { type: 'bool' } })).toEqual({
      SrcT: { type: 'int32' },
      DstT: { type: 'bool' },
    });
  });
});
