import { describe, expect, it } from 'vitest';
import type { DType } from '../../src/base/dtype.ts';
import type { Layer, Layers, Val, ValueId } from '../../src/compile/layer.ts';
import { legalize } from '../../src/compile/legalize.ts';
import { attrs } from '../../src/graph/attr.ts';

const node = { name: 'n', op: 'Op', inputs: [], controls: [], attrs: attrs({}) };
const kernel = (inputs: readonly ValueId[], output: ValueId, overwrites?: number): Layer => ({
  kind: 'kernel',
  node,
  operands: inputs.map((id) => ({ id })),
  inputs,
  output,
  halos: [],
  overwrites,
  choose: () => ({ whyNot: 'never asked' }),
});
const vals = (...dtypes: readonly DType[]): readonly Val[] => dtypes.map((dtype) => ({ dtype, shape: [1, 4, 4, 8] }));

/** 0 → 1 → 2, and 3 = f(2) + 1, 4 = f(3). */
const residual: Layers = {
  values: vals('quint8', 'quint8', 'quint8', 'quint8', 'quint8'),
  layers: [kernel([0], 1), kernel([1], 2), kernel([2, 1], 3, 1), kernel([3], 4)],
  inputs: [0],
  outputs: [{ id: 4 }],
};
const placeOf = (layers: Layers, id: ValueId): ValueId | undefined =>
  legalize(layers, new Set()).parents.get(id)?.value;

describe('a sum in the place of its summand', () => {
  it('stands there where nothing reads the summand after it', () => {
    expect(placeOf(residual, 3)).toBe(1);
  });

  it('also where the types differ but not their sizes, and in a chain', () => {
    expect(placeOf({ ...residual, values: vals('quint8', 'qint8', 'quint8', 'quint8', 'quint8') }, 3)).toBe(1);
    const chain = { ...residual, values: vals(...Array<DType>(7).fill('quint8')), outputs: [{ id: 6 }] };
    const layers = [...residual.layers, kernel([4, 3], 5, 1), kernel([5], 6)];
    expect(placeOf({ ...chain, layers }, 3)).toBe(1);
    expect(placeOf({ ...chain, layers }, 5)).toBe(3);
  });

  it.each<readonly [string, Layers]>([
    ['the summand is read later', { ...residual, layers: [...residual.layers.slice(0, 3), kernel([3, 1], 4)] }],
    ['the kernel reads it in another way too', { ...residual, layers: residual.layers.with(2, kernel([1, 1], 3, 1)) }],
    ['the summand enters the program', { ...residual, inputs: [0, 1], layers: residual.layers.slice(1) }],
    ['the summand leaves the program', { ...residual, outputs: [{ id: 4 }, { id: 1 }] }],
    ['the sum leaves the program', { ...residual, layers: residual.layers.slice(0, 3), outputs: [{ id: 3 }] }],
    ['elements differ in size', { ...residual, values: vals('quint8', 'float32', 'quint8', 'quint8', 'quint8') }],
    ['the kernel does not say that it can', { ...residual, layers: residual.layers.with(2, kernel([2, 1], 3)) }],
  ])('has a place of its own where %s', (_, layers) => {
    expect(placeOf(layers, 3)).toBeUndefined();
  });

  it('has a place of its own where its kernel has to be a reference kernel', () => {
    expect(legalize(residual, new Set([3])).parents.has(3)).toBe(false);
  });
});
