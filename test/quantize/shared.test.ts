import { expect, it } from 'vitest';
import { quantize } from '../../src/api/quantize.ts';
import { datasetOf } from '../../src/data/dataset.ts';
import { writeGraphDef } from '../../src/formats/index.ts';
import { nothingShared } from '../../src/quantize/shared.ts';
import { normalInput, smallModel } from '../support/small-models.ts';

const model = smallModel([null, 8, 8, 4], (l) => {
  const x = l.unary('Relu6', 'first', l.batchNorm('first/norm', l.conv('first/conv', l.input, [4, 8]), 8));
  const y = l.unary('Relu', 'depth', l.depthwise('depth/conv', x, 8));
  const z = l.bias('point/bias', l.conv('point/conv', y, [8, 8], { size: 1 }), 8);
  const sum = l.unary('Relu', 'sum', l.add('add', x, z));
  const last = l.unary('Relu', 'last', l.conv('last/conv', l.pool('MaxPool', 'pool', sum), [8, 8]));
  return l.matmul('head', l.mean('features', last), [8, 5]);
});

function countedData() {
  const counted = { loads: 0 };
  const data = datasetOf(async function* () {
    for (let i = 0; i < 20; i++)
      yield {
        name: `sample ${i}`,
        load: async () => {
          counted.loads++;
          return new Map([['x', normalInput([1, 8, 8, 4], 1 + i)]]);
        },
      };
  }, 20);
  return { counted, data };
}

it('quantizations that share what they have in common give what they give alone', async () => {
  const shared = nothingShared();
  const { counted, data } = countedData();
  const corrected: number[] = [];
  for (const excludeNodes of [[], ['last/conv'], ['first/conv'], ['depth/conv', 'head'], ['point/conv'], []]) {
    const before = shared.corrections.size;
    const together = await quantize(model, { calibration: data, excludeNodes, shared });
    const alone = await quantize(model, { calibration: countedData().data, excludeNodes });
    expect(writeGraphDef(together.graph)).toEqual(writeGraphDef(alone.graph));
    expect(together.ranges).toEqual(alone.ranges);
    corrected.push(shared.corrections.size - before);
  }
  // All five layers; then none of those before `last/conv`, which reads what all others depend on.
  expect(corrected[0]).toBe(5);
  expect(corrected[1]).toBeLessThanOrEqual(1);
  expect(corrected.at(-1)).toBe(0);
  // The second and third time nothing new had to be seen.
  expect(counted.loads).toBeLessThan(3 * 40);
});

it('nothing is loaded where all values were seen', async () => {
  const shared = nothingShared();
  const { counted, data } = countedData();
  await quantize(model, { calibration: data, shared });
  const before = counted.loads;
  const again = await quantize(model, { calibration: data, excludeNodes: ['head'], shared });
  expect(counted.loads).toBe(before);
  expect(again.warnings).toEqual([]);
});
