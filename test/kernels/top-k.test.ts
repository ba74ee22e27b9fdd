import { expect, it } from 'vitest';
import { rng } from '../../src/base/rng.ts';
import { scalar, tensor } from '../../src/base/tensor.ts';
import { attrs } from '../../src/graph/attr.ts';
import { topKReference } from '../../src/kernels/top-k/reference.ts';

const node = { name: 'top', op: 'TopKV2', inputs: [], controls: [], attrs: attrs({}) };

it.each([0, 1, 5, 70, 500])('TopKV2 takes the %d largest of each row, of equals the first', (k) => {
  const random = rng(k + 1);
  // Few different values, so that most have equals; the second row is sorted the wrong way round.
  const data = Float32Array.from({ length: 2 * 500 }, (_, i) => (i < 500 ? random.int(-9, 9) / 2 : i));
  const [values, indices] = topKReference.TopKV2([tensor('float32', [2, 500], data), scalar('int32', k)], node);
  const wanted = [0, 1].flatMap((row) => {
    const order = Array.from({ length: 500 }, (_, i) => i);
    const at = (i: number): number => data[500 * row + i]!;
    return order.sort((a, b) => at(b) - at(a) || a - b).slice(0, k);
  });
  expect([...(indices!.data as Int32Array)]).toEqual(wanted);
  expect([...(values!.data as Float32Array)]).toEqual(wanted.map((i, n) => data[500 * Math.floor(n / k) + i]));
  expect(values!.shape).toEqual([2, k]);
});
