import { expect, it } from 'vitest';
import { tensorOf } from '../../src/base/tensor.ts';
import { constNode, constTensor } from '../../src/graph/constant.ts';
import { digestsOf } from '../../src/graph/digest.ts';
import { smallModel } from '../support/small-models.ts';

const { graph } = smallModel([null, 8, 8, 4], (l) => {
  const x = l.unary('Relu', 'first', l.conv('first/conv', l.input, [4, 8]));
  const y = l.unary('Relu', 'second', l.conv('second/conv', x, [8, 8]));
  const z = l.unary('Relu', 'third', l.conv('third/conv', x, [8, 8]));
  return l.matmul('head', l.mean('features', l.add('sum', y, z)), [8, 5]);
});
const digests = digestsOf(graph);
const changed = (name: string, node = graph.node(name)): string[] => {
  const after = digestsOf(graph.with([...graph.nodes.values()].map((old) => (old.name === name ? node : old))));
  return [...digests].filter(([key, digest]) => after.get(key) !== digest).map(([key]) => key);
};

it('digests change behind what has changed, and nowhere else', () => {
  expect(changed('second')).toEqual([]);
  const weights = constTensor(graph.node('second/conv/weights'))!;
  const values = Array.from(weights.data as Float32Array, (x, i) => (i === 5 ? x + 1 : x));
  const other = constNode('second/conv/weights', tensorOf('float32', values, weights.shape));
  const behind = changed('second/conv/weights', other);
  expect(behind).toEqual(expect.arrayContaining(['second/conv/weights', 'second/conv', 'second', 'sum', 'features']));
  for (const name of ['first', 'third/conv', 'third']) expect(behind).not.toContain(name);
  expect(changed('third', { ...graph.node('third'), op: 'Relu6' })).toEqual(
    expect.arrayContaining(['third', 'sum', 'features']),
  );
});

it('no two nodes have the same', () => {
  expect(new Set(digests.values()).size).toBe(graph.nodes.size);
});
