import { type Tensor, tensor } from '../../src/base/tensor.ts';
import { type Dataset, datasetOf } from '../../src/data/dataset.ts';
import { constNode, constTensor } from '../../src/graph/constant.ts';
import type { Model } from '../../src/graph/model.ts';
import { normalInput, smallModel } from '../support/small-models.ts';

export const shape = [1, 8, 8, 4] as const;
const layers = ['first', 'second', 'third', 'fourth'] as const;

/**
 * Four convolutions of 8 channels and a classifier. The weights of `coarse` have a huge value in each output channel, which
 * stretches their scale, and which makes no difference in fp32: the input channel it stands for is always zero.
 */
export function model(coarse: (typeof layers)[number] = 'third'): Model {
  const made = smallModel([null, 8, 8, 4], (l) => {
    let x = l.unary('Relu', 'first', l.conv('first/conv', l.input, [4, 8]));
    for (const name of layers.slice(1)) x = l.unary('Relu', name, l.conv(`${name}/conv`, x, [8, 8]));
    return l.matmul('head', l.mean('features', x), [8, 5]);
  });
  const before = layers[layers.indexOf(coarse) - 1];
  const changes: Readonly<Record<string, (x: number, i: number) => number>> = {
    [`${coarse}/conv/weights`]: (x, i) => (i < 8 ? 40 : x),
    [`${before}/conv/weights`]: (x, i) => (i % 8 === 0 ? 0 : x),
  };
  const nodes = Array.from(made.graph.nodes.values(), (node) => {
    const change = changes[node.name];
    const { data, shape: size } = (constTensor(node) ?? {}) as Tensor<'float32'>;
    return change === undefined ? node : constNode(node.name, tensor('float32', size, data.map(change)));
  });
  return { ...made, graph: made.graph.with(nodes) };
}

export const dataset = (count: number, firstSeed = 1): Dataset =>
  datasetOf(async function* () {
    for (let i = 0; i < count; i++)
      yield { name: `sample ${i}`, load: async () => new Map([['x', normalInput(shape, firstSeed + i)]]) };
  }, count);
