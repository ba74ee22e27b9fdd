import { describe, expect, test } from 'vitest';
import { numbersOf, stringTensor, type Tensor, tensorOf, textAt } from '../../src/base/tensor.ts';
import { type AttrInputs, attrs } from '../../src/graph/attr.ts';
import type { Node } from '../../src/graph/graph.ts';
import type { OpName } from '../../src/graph/ops/index.ts';
import { arrayReference } from '../../src/kernels/array/reference.ts';
import { mathReference } from '../../src/kernels/math/reference.ts';
import { testRecorded } from './as-tensorflow.ts';

describe('array as TensorFlow computes it', () => testRecorded('array.json'));

const kernels = { ...arrayReference, ...mathReference };

function run(op: OpName & keyof typeof kernels, inputs: readonly Tensor[], given: AttrInputs = {}): readonly Tensor[] {
  const node: Node = { name: 'op', op, inputs: [], controls: [], attrs: attrs(given) };
  return kernels[op](inputs, node, { session: new Map(), run: new Map(), assets: new Map() });
}
const texts = (t: Tensor | undefined): string[] =>
  t?.dtype === 'string' ? Array.from(t.data, (_, i) => textAt(t, i)) : [];

describe('strings', () => {
  const words = stringTensor(['a', 'bb', 'ä', 'a', '', 'bb'], [2, 3]);

  test('are moved as they are', () => {
    expect(texts(run('Transpose', [words, tensorOf('int32', [1, 0])])[0])).toEqual(['a', 'a', 'bb', '', 'ä', 'bb']);
    expect(texts(run('GatherV2', [words, tensorOf('int32', [2, 0]), tensorOf('int32', [1], [])])[0])).toEqual([
      ...['ä', 'a'],
      ...['bb', 'a'],
    ]);
    expect(texts(run('Fill', [tensorOf('int32', [2]), stringTensor(['x'], [])])[0])).toEqual(['x', 'x']);
  });

  test('are told apart by their bytes', () => {
    const [values, of] = run('Unique', [{ ...words, shape: [6] }]);
    expect(texts(values)).toEqual(['a', 'bb', 'ä', '']);
    expect(numbersOf(of!)).toEqual([0, 1, 2, 0, 3, 1]);
    expect(numbersOf(run('Equal', [words, stringTensor(['bb'], [])])[0]!)).toEqual([0, 1, 0, 0, 0, 1]);
    expect(texts(run('SelectV2', [tensorOf('bool', [1, 0, 1]), words, stringTensor(['-'], [])])[0])).toEqual([
      ...['a', '-', 'ä'],
      ...['a', '-', 'bb'],
    ]);
  });
});
