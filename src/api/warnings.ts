import { median } from '../base/statistics.ts';
import type { Tensor } from '../base/tensor.ts';
import { constTensor } from '../graph/constant.ts';
import { type Graph, type Node, parseValue, type Value } from '../graph/graph.ts';
import { inferTypes } from '../graph/infer.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds, OpenRunner } from '../graph/runner.ts';
import { codedRanges, saturatedShare } from '../quantize/coverage.ts';
import { quantizableOps } from '../quantize/eligible.ts';
import { floatResultBehind } from '../quantize/float-result.ts';
import { layersOf } from '../quantize/layers.ts';
import type { Observations } from '../quantize/observe.ts';
import { magnitudesOf, percentileOf } from '../quantize/observers/magnitudes.ts';
import type { Range } from '../quantize/ranges.ts';
import type { Answers } from './answers.ts';
import { macsOf } from './inspect.ts';

/** Something about a model or its calibration that a person should look at. */
export type Warning = { readonly kind: WarningKind; readonly node?: string; readonly text: string };

/** A warning as a line of text. */
export const describeWarning = ({ kind, node, text }: Warning): string =>
  `warning (${kind}): ${node === undefined ? '' : `${node} `}${text}`;

/** What the warnings are found from. */
export type Evidence = {
  /** Figure 1a and 1c. */
  readonly fp32: Model;
  readonly int8: Model;
  readonly seen: Observations;
  /** The ranges there were after so many samples: a quarter to a half of them. */
  readonly early: { readonly samples: number; readonly ranges: ReadonlyMap<string, Range> };
  /** How the data differs from what the first batch norm was trained on, where there is one. */
  readonly drift?: Drift | undefined;
  /** What the fp32 model makes of the data, where it classifies and the classes are known. */
  readonly answers?: Answers | undefined;
};

/** `shift`: how many standard deviations the mean is off; `spread`: the ratio of standard deviations. Medians over channels. */
export type Drift = { readonly node: string; readonly shift: number; readonly spread: number };

const limits = {
  /** Weights of a channel this much smaller than the layer's largest do nothing. */
  deadShare: 1e-6,
  largestValue: 1e4,
  /** The largest value beside the one that 99.99 % lie below. */
  outlierRatio: 30,
  saturated: 0.01,
  tolerated: 0.05,
  fewSamples: 16,
  /** Ranges that grow by more than this between a half of the samples and all have not settled; and how many may. */
  growth: 0.25,
  unsettledShare: 0.25,
  shift: 1,
  spread: 2.5,
  /** Share of the first relu6's values at its cap: the usual is 0.001. */
  capped: 0.15,
  /** Classes that a model tells apart, beside those that there are. */
  answers: 1 / 3,
  /** Multiply-adds for each element that is converted to int8 and back: below, converting costs more than is gained. */
  macsPerElement: 24,
} as const;

const percent = (share: number): string => `${(100 * share).toPrecision(3)} %`;
const number = (x: number): string => String(Number(x.toPrecision(3)));

/** Each kind of warning with how it is found. */
const finders = {
  'dead channels': ({ fp32: { graph } }) =>
    [...graph.nodes.values()].flatMap((node) => {
      const { dead, channels } = deadChannels(graph, node);
      const text = `has no weights in ${dead} of its ${channels} output channels: they could be removed`;
      return dead === 0 ? [] : [{ node: node.name, weight: dead, text }];
    }),

  'exploding range': ({ seen }) =>
    [...seen.values].flatMap(([node, distribution]) => {
      if (distribution.runs === 0) return [];
      const largest = Math.max(-distribution.min, distribution.max);
      const usual = percentileOf(magnitudesOf(distribution, 'signed'), 0.9999);
      if (largest > limits.largestValue)
        return [{ node, weight: largest, text: `reaches ${number(largest)}: int8 has 255 steps for all of that` }];
      if (usual === 0 || largest / usual < limits.outlierRatio) return [];
      const text = `reaches ${number(largest)}, but 99.99 % lie within ${number(usual)}: a few values stretch its range`;
      return [{ node, weight: largest / usual, text }];
    }),

  saturation: ({ seen, int8 }) =>
    [...codedRanges(int8.graph)].flatMap(([node, range]) => {
      const distribution = seen.values.get(node);
      const share = distribution === undefined ? 0 : saturatedShare(distribution, widened(range));
      const text = `has ${percent(share)} of its values well beyond the range of int8 (${number(range.min)} to ${number(range.max)}): try --method minmax`;
      return share > limits.saturated ? [{ node, weight: share, text }] : [];
    }),

  'few samples': ({ seen, early }) => {
    if (seen.samples < limits.fewSamples)
      return [{ weight: 1, text: `calibrated with ${seen.samples} samples; 100 are better` }];
    const moving = [...early.ranges].filter(([key, before]) => hasGrown(before, seen.values.get(key)));
    const text = `the ranges of ${moving.length} of ${early.ranges.size} values grew by more than ${percent(limits.growth)} after the first ${early.samples} of ${seen.samples} samples: more would help`;
    return moving.length > limits.unsettledShare * early.ranges.size ? [{ weight: 1, text }] : [];
  },

  // One kind of evidence will do: they have the same cause.
  preprocessing: (evidence) => [driftFound, capFound, answersFound].flatMap((find) => find(evidence) ?? []).slice(0, 1),

  'slower in int8': ({ fp32, int8 }) => isolatedLayers(fp32, int8),
} satisfies Readonly<Record<string, Finder>>;

export type WarningKind = keyof typeof finders;
type Found = { readonly node?: string; readonly weight: number; readonly text: string };
type Finder = (evidence: Evidence) => readonly Found[];

const remedy = 'check scale, mean and channel order of the recipe';

function driftFound({ drift }: Evidence): Found | undefined {
  if (drift === undefined) return undefined;
  const { node, shift, spread } = drift;
  const isFar = shift > limits.shift || spread > limits.spread || spread < 1 / limits.spread;
  const text = `sees data ${number(shift)} standard deviations off, ${number(spread)} times as wide as what it was trained on: ${remedy}`;
  return isFar ? { node, weight: 1, text } : undefined;
}

/** The first relu6 of a model tells of data that is too large, also where its batch norm is folded. */
function capFound({ fp32: { graph }, seen }: Evidence): Found | undefined {
  const first = graph.order().find(({ name, op }) => op === 'Relu6' && seen.values.has(name));
  if (first === undefined) return undefined;
  const share = saturatedShare(seen.values.get(first.name)!, { min: -1, max: belowCap });
  const text = `has ${percent(share)} of its values at its cap of 6, as if the data were too large: ${remedy}`;
  return share > limits.capped ? { node: first.name, weight: 1, text } : undefined;
}

const belowCap = 5.99;

function answersFound({ answers }: Evidence): Found | undefined {
  if (answers === undefined || answers.classes > answers.labels * limits.answers) return undefined;
  const { samples, labels, classes } = answers;
  return {
    weight: 1,
    text: `the fp32 model sees ${classes === 1 ? 'one class' : `${classes} classes`} in ${samples} samples of ${labels} classes: ${remedy}`,
  };
}

/** So many of one kind are listed, the worst first. */
const shown = 5;

/** What to look at, kind by kind. */
export function findWarnings(evidence: Evidence): readonly Warning[] {
  return (Object.entries(finders) as [WarningKind, Finder][]).flatMap(([kind, find]): Warning[] => {
    const found = [...find(evidence)].sort((x, y) => y.weight - x.weight);
    const listed = found.slice(0, shown).map(({ node, text }) => ({ kind, ...(node !== undefined && { node }), text }));
    const rest = found.length - listed.length;
    return rest > 0 ? [...listed, { kind, text: `and ${rest} more like these` }] : listed;
  });
}

/** Cutting off a little of the largest values is what methods other than min/max do on purpose. */
const widened = ({ min, max }: Range): Range => ({
  min: min * (1 + limits.tolerated),
  max: max * (1 + limits.tolerated),
});

function deadChannels(graph: Graph, node: Node): { dead: number; channels: number } {
  const from = node.inputs[1] && graph.nodes.get(node.inputs[1].node);
  const weights = from && constTensor(from);
  if (!(quantizableOps as readonly string[]).includes(node.op) || weights?.dtype !== 'float32')
    return { dead: 0, channels: 0 };
  const channels = weights.shape.slice(node.op === 'DepthwiseConv2dNative' ? -2 : -1).reduce((a, b) => a * b, 1);
  const largest = new Float32Array(channels);
  for (const [i, w] of weights.data.entries()) largest[i % channels] = Math.max(largest[i % channels]!, Math.abs(w));
  const floor = largest.reduce((a, b) => Math.max(a, b), 0) * limits.deadShare;
  return { dead: largest.filter((x) => x <= floor).length, channels };
}

function hasGrown(before: Range, after: Range | undefined): boolean {
  const span = before.max - before.min;
  return after !== undefined && after.max - after.min > span * (1 + limits.growth);
}

/** Layers that are int8 between fp32 neighbours, and have too little to compute to make up for the conversions. */
function isolatedLayers(fp32: Model, int8: Model): readonly Found[] {
  const { graph } = int8;
  const types = inferTypes({ node: (name) => fp32.graph.nodes.get(name), library: fp32.graph.library });
  const elements = (v: Value) =>
    types
      .of(v)
      .shape?.slice(1)
      .reduce<number>((n, size) => n * (size ?? 1), 1);
  // Of the codes: their range is read by plain arithmetic too.
  const readers = (name: string): readonly Node[] =>
    graph
      .consumers(name)
      .filter(({ node, input }) => node.inputs[input]!.port === 0)
      .flatMap(({ node }) => (node.op.startsWith('Requantize') ? readers(node.name) : [node]));
  return layersOf(graph).flatMap(({ node, origin, key }) => {
    const layer = fp32.graph.nodes.get(origin);
    const comesFromFp32 = graph.node(node.inputs[0]!.node).op === 'QuantizeV2';
    const all = readers(node.name);
    const isFloat = floatResultBehind(graph, node) !== undefined;
    const leaves = isFloat ? !isQuantizedAgain(graph, parseValue(key).node) : all.every((r) => r.op === 'Dequantize');
    if (layer === undefined || !comesFromFp32 || all.length === 0 || !leaves) return [];
    const converted = (elements(layer.inputs[0]!) ?? 0) + (elements(parseValue(key)) ?? 0);
    const each = converted === 0 ? Number.POSITIVE_INFINITY : macsOf(layer, fp32.graph, types) / converted;
    const text = `is int8 between fp32 neighbours with ${number(each)} multiply-adds for each element that is converted: fp32 is faster (--exclude-node)`;
    return each < limits.macsPerElement ? [{ node: origin, weight: 1 / each, text }] : [];
  });
}

/** Whether a float32 value becomes codes at once, or behind a residual add. */
const isQuantizedAgain = (graph: Graph, name: string): boolean =>
  graph
    .consumers(name)
    .some(
      ({ node: { op, name: reader } }) => op === 'QuantizeV2' || (op === 'AddV2' && isQuantizedAgain(graph, reader)),
    );

const norms = ['FusedBatchNorm', 'FusedBatchNormV2', 'FusedBatchNormV3'];
const driftSamples = 8;

/**
 * How far the data is from what the first batch norm behind an input was trained on: it knows the mean and variance of what
 * it saw. `model` is as it was loaded, with its batch norms. Undefined where there is none.
 */
export async function measureDrift(
  model: Model,
  samples: AsyncIterable<Feeds>,
  openRunner: OpenRunner,
): Promise<Drift | undefined> {
  const norm = firstNorm(model);
  if (norm === undefined) return undefined;
  const [x, , , mean, variance] = norm.inputs.map((input) => constTensor(model.graph.node(input.node)) ?? input);
  const trained = [mean, variance].map((t) => (t as Tensor<'float32'>).data);
  const runner = await openRunner(model, [x as Value]);
  const channels = trained[0]!.length;
  const sums = { x: new Float64Array(channels), squares: new Float64Array(channels), rows: 0 };
  try {
    let count = 0;
    for await (const feeds of samples) {
      if (count++ >= driftSamples) break;
      const [found] = (await runner.run(feeds)) as [Tensor<'float32'>];
      for (const [i, v] of found.data.entries()) {
        sums.x[i % channels]! += v;
        sums.squares[i % channels]! += v * v;
      }
      sums.rows += found.data.length / channels;
    }
  } finally {
    runner.dispose();
  }
  if (sums.rows === 0) return undefined;
  const rows = Array.from(sums.x, (sum, c) => {
    const average = sum / sums.rows;
    const deviation = Math.sqrt(Math.max(0, sums.squares[c]! / sums.rows - average ** 2));
    const usual = Math.sqrt(trained[1]![c]!);
    return { shift: Math.abs(average - trained[0]![c]!) / usual, spread: deviation / usual };
  }).filter(({ shift, spread }) => Number.isFinite(shift) && Number.isFinite(spread));
  if (rows.length === 0) return undefined;
  return { node: norm.name, shift: median(rows.map((r) => r.shift)), spread: median(rows.map((r) => r.spread)) };
}

/** The nearest batch norm behind the inputs, with constant statistics, NHWC, in inference. */
function firstNorm({ graph, inputs }: Model): Node | undefined {
  const seen = new Set<string>();
  const queue = inputs.map((input) => input.value.node);
  for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
    for (const { node, input } of graph.consumers(name)) {
      if (seen.has(node.name)) continue;
      seen.add(node.name);
      const statistics = node.inputs.slice(3, 5).map((v) => constTensor(graph.node(v.node)));
      const isKnown = statistics.length === 2 && statistics.every((t) => t?.dtype === 'float32' && t.data.length > 0);
      const format = node.attrs.get('data_format');
      const isNhwc = format === undefined || ('string' in format && format.string === 'NHWC');
      if (norms.includes(node.op) && input === 0) return isKnown && isNhwc ? node : undefined;
      queue.push(node.name);
    }
  }
  return undefined;
}

/** Takes in what calibration sees: all of it, and the ranges there were early on. */
export function rangeWatch() {
  let seen: Observations = { samples: 0, values: new Map() };
  /** The ranges after 1, 2, 4 … samples: the number there will be need not be known. */
  let before: { samples: number; ranges: ReadonlyMap<string, Range> }[] = [];
  return {
    save: async (now: Observations): Promise<void> => {
      seen = now;
      if ((now.samples & (now.samples - 1)) !== 0) return;
      const ranges = new Map(Array.from(now.values, ([key, { min, max }]) => [key, { min, max }]));
      before = [...before.slice(-1), { samples: now.samples, ranges }];
    },
    found: (): Pick<Evidence, 'seen' | 'early'> => ({
      seen,
      early: before.findLast(({ samples }) => samples <= seen.samples / 2) ?? { samples: 0, ranges: new Map() },
    }),
  };
}
