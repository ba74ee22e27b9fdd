import { describe, expect, it } from 'vitest';
import { quantize } from '../../src/api/quantize.ts';
import { findWarnings, measureDrift, type WarningKind } from '../../src/api/warnings.ts';
import { type Tensor, tensor } from '../../src/base/tensor.ts';
import { type Dataset, datasetOf } from '../../src/data/dataset.ts';
import { constNode, constTensor } from '../../src/graph/constant.ts';
import type { Model } from '../../src/graph/model.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { type Layers, normalInput, smallModel } from '../support/small-models.ts';

const plain = (l: Layers) =>
  l.matmul('head', l.mean('features', l.unary('Relu', 'y', l.conv('y/conv', l.input, [4, 8]))), [8, 3]);

const data = (count: number, change: (x: number, sample: number, i: number) => number = (x) => x): Dataset =>
  datasetOf(async function* () {
    for (let n = 0; n < count; n++) {
      const x = normalInput([1, 8, 8, 4], n + 1) as Tensor<'float32'>;
      const changed = tensor(
        'float32',
        x.shape,
        x.data.map((v, i) => change(v, n, i)),
      );
      yield { name: `${n}`, load: async () => new Map([['x', changed]]) };
    }
  }, count);

/** Samples of 12 classes, or of so many: `x` of class n and channel i. */
const labelled = (x: (n: number, i: number) => number, classes = 12): Dataset =>
  datasetOf(async function* () {
    for (let n = 0; n < 100; n++) {
      const row = Float32Array.from({ length: 12 }, (_, i) => x(n % classes, i));
      yield { name: `${n}`, label: n % classes, load: async () => new Map([['x', tensor('float32', [1, 12], row)]]) };
    }
  }, 100);

/** The model with other weights in one constant. */
function withWeights(model: Model, name: string, change: (x: number, i: number) => number): Model {
  const nodes = Array.from(model.graph.nodes.values(), (node) => {
    if (node.name !== name) return node;
    const { shape, data: values } = constTensor(node) as Tensor<'float32'>;
    return constNode(name, tensor('float32', shape, values.map(change)));
  });
  return { ...model, graph: model.graph.with(nodes) };
}

const model = smallModel([null, 8, 8, 4], plain);
const normed = smallModel([null, 8, 8, 4], (l) => {
  const conv = l.conv('y/conv', l.input, [4, 8]);
  const vector = (name: string, x: number) =>
    l.builder.constant(name, tensor('float32', [8], new Float32Array(8).fill(x)));
  // Of standard normal data through weights of deviation 0.3 and 36 products: mean 0, variance 36 · 0.09.
  const [gamma, beta, mean, variance] = [vector('g', 1), vector('b', 0), vector('m', 0), vector('v', 3.24)];
  const T = { type: 'float32' } as const;
  const norm = l.builder.node('FusedBatchNormV3', 'norm', [conv, gamma, beta, mean, variance], {
    T,
    U: T,
    epsilon: { float: 0.001 },
    is_training: false,
  });
  return l.matmul('head', l.mean('features', l.unary('Relu', 'y', norm)), [8, 3]);
});
const capped = smallModel([null, 8, 8, 4], (l) =>
  l.matmul('head', l.mean('features', l.unary('Relu6', 'y', l.conv('y/conv', l.input, [4, 8]))), [8, 3]),
);
/** Sees the class whose input is largest. */
const classifier = withWeights(
  smallModel([null, 12], (l) => l.matmul('head', l.input, [12, 12])),
  'head/weights',
  (_, i) => (i % 13 === 0 ? 1 : 0),
);
const lonely = smallModel([null, 8, 8, 4], (l) =>
  l.unary('Tanh', 'end', l.depthwise('cheap', l.unary('Sigmoid', 'before', l.input), 4)),
);

type Row = {
  readonly kind: WarningKind;
  readonly model: Model;
  readonly data: Dataset;
  readonly node?: string;
  readonly text: string;
};

/** One way to get each warning. */
const rows: readonly Row[] = [
  {
    kind: 'dead channels',
    model: withWeights(model, 'y/conv/weights', (x, i) => (i % 8 < 3 ? 0 : x)),
    data: data(20),
    node: 'y/conv',
    text: 'has no weights in 3 of its 8 output channels',
  },
  {
    kind: 'exploding range',
    model,
    data: data(20, (x) => 1e5 * x),
    node: 'y',
    text: 'int8 has 255 steps for all of that',
  },
  {
    kind: 'exploding range',
    model,
    data: data(200, (x, n, i) => (n === 7 && i === 3 ? 2000 : x)),
    node: 'x',
    text: 'reaches 2000, but 99.99 % lie within',
  },
  { kind: 'few samples', model, data: data(5), text: 'calibrated with 5 samples; 100 are better' },
  {
    kind: 'few samples',
    model,
    data: data(40, (x, n) => x * (1 + n / 5)),
    text: 'grew by more than 25.0 % after the first 16 of 40 samples',
  },
  {
    kind: 'preprocessing',
    model: normed,
    data: data(20, (x) => 127 + 80 * x),
    node: 'norm',
    text: 'check scale, mean and channel order of the recipe',
  },
  {
    kind: 'preprocessing',
    model: capped,
    data: data(20, (x) => 127 + 80 * x),
    node: 'y',
    text: 'of its values at its cap of 6',
  },
  {
    kind: 'preprocessing',
    model: classifier,
    // As where pixels are divided by 255 that should not be: what all have in common is left.
    data: labelled((n, i) => (i === 3 ? 1 : 0) + (n === i ? 0.01 : 0)),
    text: 'the fp32 model sees one class in 12 samples of 12 classes',
  },
  { kind: 'slower in int8', model: lonely, data: data(20), node: 'cheap', text: 'multiply-adds for each element' },
];

describe('warnings', () => {
  for (const { kind, model: given, data: calibration, node, text } of rows)
    it(`tell of ${kind}: ${text}`, async () => {
      const { warnings } = await quantize(given, { calibration, samples: 200 });
      const found = warnings.filter((w) => w.kind === kind && (node === undefined || w.node === node));
      expect(found.map((w) => w.text).join('\n')).toContain(text);
    });

  it('tell of saturation, by the range that was frozen', async () => {
    const { stages } = await quantize(model, { calibration: data(20), method: 'minmax' });
    // Calibrated on one set, used on another four times as large.
    const other = await quantize(model, { calibration: data(20, (x) => 4 * x), method: 'minmax' });
    expect(other.warnings.filter((w) => w.kind === 'saturation')).toEqual([]);
    const { observeModel } = await import('../../src/quantize/observe.ts');
    const feeds = (async function* () {
      for await (const sample of data(20, (x) => 4 * x).samples()) yield sample.feeds;
    })();
    const seen = await observeModel(stages.a, ['x', 'y'], feeds, { openRunner: openReference });
    const early = { samples: 0, ranges: new Map() };
    const found = findWarnings({ fp32: stages.a, int8: stages.c, seen, early });
    expect(found.filter((w) => w.kind === 'saturation').map((w) => w.node)).toEqual(expect.arrayContaining(['x', 'y']));
  });

  it('do not come without a reason', async () => {
    const cases = [
      [model, data(100)],
      [normed, data(100)],
      [capped, data(100)],
      [classifier, labelled((n, i) => (n === i ? 1 : 0.2))],
      // Of one class: that it sees no other is right.
      [classifier, labelled((n, i) => (n === i ? 1 : 0.2), 1)],
    ] as const;
    for (const [each, calibration] of cases) expect((await quantize(each, { calibration })).warnings).toEqual([]);
  });
});

it('measures the drift from what a batch norm was trained on', async () => {
  const feeds = async function* (of: Dataset) {
    for await (const sample of of.samples()) yield sample.feeds;
  };
  const right = await measureDrift(normed, feeds(data(8)), openReference);
  expect(right!.shift).toBeLessThan(0.3);
  expect(right!.spread).toBeGreaterThan(0.6);
  expect(right!.spread).toBeLessThan(1.6);
  const wide = await measureDrift(normed, feeds(data(8, (x) => 10 * x)), openReference);
  expect(wide!.spread / right!.spread).toBeCloseTo(10, 3);
  expect(await measureDrift(model, feeds(data(8)), openReference)).toBeUndefined();
});
