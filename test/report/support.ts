import { optimize } from '../../src/api/optimize.ts';
import { quantize } from '../../src/api/quantize.ts';
import { type Dataset, datasetOf } from '../../src/data/dataset.ts';
import { buildReport } from '../../src/report/build.ts';
import type { ReportData } from '../../src/report/types.ts';
import { normalInput, smallModel } from '../support/small-models.ts';

/** What a hostile file may call a node. */
export const hostile = '</script><script>window.owned=1</script><img src=x onerror=window.owned=1>';

export const data: Dataset = datasetOf(async function* () {
  for (let i = 0; i < 20; i++)
    yield { name: `${i}`, load: async () => new Map([['x', normalInput([1, 8, 8, 4], i + 1)]]) };
}, 20);

export const model = smallModel([null, 8, 8, 4], (l) => {
  const first = l.unary('Relu', 'first', l.conv('first/conv', l.input, [4, 8]));
  const second = l.unary('Relu', hostile, l.conv('second/conv', first, [8, 8]));
  return l.matmul('head', l.mean('features', l.unary('Relu', 'third', l.conv('third/conv', second, [8, 8]))), [8, 3]);
});

/** The report of a small model with a hostile name, one layer left in fp32 on purpose. */
export async function smallReport(): Promise<ReportData> {
  const options = { excludeNodes: ['third/conv'] };
  const { stages, warnings } = await quantize(model, { calibration: data, ...options });
  return buildReport(stages.c, {
    title: `small ${hostile}`,
    reference: optimize(model),
    quantized: stages.b,
    data: { calibration: data, evaluation: data, recipe: { name: 'test', inputs: [], metric: { kind: 'topK' } } },
    warnings: [...warnings, { kind: 'few samples', node: hostile, text: hostile }],
    options,
    samples: 8,
    trials: {
      metric: 'agreement',
      reference: 1,
      floor: 0.9,
      rows: [
        { fp32: [], figure: 0.8, seconds: 1, outcome: 'too low' },
        { fp32: ['third/conv'], figure: 0.95, seconds: 1, outcome: 'best' },
      ],
    },
  });
}
