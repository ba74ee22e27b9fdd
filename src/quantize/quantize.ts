import { silent } from '../base/progress.ts';
import type { Tensor } from '../base/tensor.ts';
import { digestsOf } from '../graph/digest.ts';
import type { Node } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import { optimize } from '../optimize/index.ts';
import { autoRanges, bytesOfFeeds, mostTried, rangesOfBest, triedBytes } from './auto-ranges.ts';
import { defaultMethod, neverNegative, observedKeys } from './calibrate.ts';
import { chooseRanges } from './choose-ranges.ts';
import { type CorrectOptions, correctLayers } from './correct/correct.ts';
import { type ChannelMeans, channelMeans } from './correct/means.ts';
import { spareLayers } from './correct/spare.ts';
import type { Rounding } from './correct/weights.ts';
import { type AbsorbOptions, absorbHighBiases } from './equalize/absorb.ts';
import { equalize } from './equalize/equalize.ts';
import type { Equalization } from './equalize/scales.ts';
import { freezeRanges } from './freeze.ts';
import { fuseGraph } from './fuse.ts';
import { elementsASample, type ObserveOptions } from './observe.ts';
import type { AnyMethod } from './observers/methods.ts';
import type { QuantizeOptions } from './options.ts';
import { quantizeGraph } from './quantize-graph.ts';
import type { Ranges } from './ranges.ts';
import { observeShared, type Shared } from './shared.ts';
import { sitesOf } from './sites.ts';
import { chooseWeights } from './weight-limits.ts';

/** The stages of figure 1: (a) optimized fp32, (b) quantized on the ranges of each run, (c) calibrated and fused. */
export type Stages = { readonly a: Model; readonly b: Model; readonly c: Model; readonly ranges: Ranges };

/** The steps that make up for what rounding does. */
export type Corrections = {
  /** How channels are scaled against each other before anything is rounded. */
  readonly equalization: Equalization;
  /** Whether biases that only shift a channel are moved behind the next layer, so that its range is smaller. */
  readonly absorption: boolean;
  /** Limits of weights by the least squared error instead of their largest magnitude. */
  readonly weights: boolean;
  /** Biases by how far the means of each layer's channels are off, on so many samples at most; 0 leaves them. */
  readonly biasSamples: number;
  /** Which layers' weights are rounded by what their inputs are like, on the same samples. */
  readonly rounding: Rounding;
  /** Whether residual sums stay in float32: they are rounded where layers read them, and what is added to them is not. */
  readonly floatSums: boolean;
  /** By how many dB the noise of rounding is to fall by leaving the layers in fp32 that bring most of it for what they cost. */
  readonly spared: number;
};

/** Sets of corrections by the time they take: one pass over the samples, about twice that, several times that. */
export const efforts = {
  low: {
    equalization: 'none',
    absorption: false,
    weights: true,
    biasSamples: 0,
    rounding: 'none',
    floatSums: false,
    spared: 0,
  },
  default: {
    equalization: 'balanced',
    absorption: false,
    weights: true,
    biasSamples: 32,
    rounding: 'depthwise',
    floatSums: false,
    spared: 0,
  },
  high: {
    equalization: 'balanced',
    absorption: false,
    weights: true,
    biasSamples: 100,
    rounding: 'all',
    floatSums: true,
    spared: 2.5,
  },
} as const satisfies Readonly<Record<string, Corrections>>;

export type Effort = keyof typeof efforts;
export const effortNames = Object.keys(efforts) as Effort[];

export type PipelineOptions = QuantizeOptions &
  Omit<ObserveOptions, 'visit'> & {
    readonly samples: AsyncIterable<Feeds>;
    /** `mse` unless it is said; of a small model, whichever of `mse` and `relative` changes the outputs less. */
    readonly method?: AnyMethod;
    readonly effort?: Effort;
    /** Steps that are to be other than those of `effort`. */
    readonly corrections?: Partial<Corrections>;
    /** What is kept of earlier quantizations of the same model on the same samples, and for later ones. */
    readonly shared?: Shared;
    /** Computes a node of constants, for constant folding. */
    readonly evaluate: (node: Node, inputs: readonly Tensor[]) => readonly Tensor[] | undefined;
  };

/** Elements of values in a sample that are so few that quantizing takes a moment: a network of a table's rows. */
const quickElements = 2 ** 16;
/** What is tried by default there, where no method is asked for, and how much of the samples is kept for that. */
const quickMethods = [defaultMethod, 'relative'] as const;
const quickBytes = 2 ** 21;
/** Samples that channels are scaled and shifted by. */
const preparedSamples = 32;

/** The whole pipeline: optimize → calibrate → quantize → correct → fuse. */
export async function quantizeModel(model: Model, options: PipelineOptions): Promise<Stages> {
  const { method, effort = 'default' } = options;
  const corrections = { ...efforts[effort], ...options.corrections };
  const { head, samples } = peekable(options.samples);
  const feeds = () => head(preparedSamples);
  const a = await prepared(optimize(model, { evaluate: options.evaluate }), corrections, { ...options, feeds });
  const bytes = method === undefined ? quickBytes : method === 'auto' ? triedBytes : 0;
  const tried = options.shared?.tried ?? (await head(mostTried, bytes));
  if (options.shared && bytes > 0) options.shared.tried = tried;
  const observed = await observeShared(
    a,
    observedKeys(a, { ...options, floatSums: corrections.floatSums }),
    samples,
    corrections.biasSamples,
    options,
  );
  const { means } = observed;
  const whole: QuantizeOptions = {
    ...options,
    floatSums: corrections.floatSums,
    isNonNegative: neverNegative(observed.seen),
    ...(corrections.weights && { weights: chooseWeights(a, options) }),
  };
  const { chosen, seen } =
    corrections.spared > 0
      ? await spareLayers(a, whole, {
          ...options,
          ...observed,
          spared: corrections.spared,
          noise: options.shared?.noise,
          finish: (b, ranges) => finish(b, ranges, options),
        })
      : { chosen: whole, seen: observed.seen };
  const rounded = quantizeGraph(a, chosen);
  const part: Uncorrected = { a, rounded, chosen, means: corrections.biasSamples > 0 ? means : channelMeans(0) };
  const correct = (ranges: Ranges, how = {}) =>
    corrected(part, ranges, { ...options, rounding: corrections.rounding, known: options.shared?.corrections, ...how });
  // Ranges that cut off much make corrections worse: where these take next to no time, they are tried too.
  const isQuick = elementsASample(seen) < quickElements;
  const int8 = async (ranges: Ranges): Promise<Model> =>
    isQuick ? (await correct(ranges, { known: undefined, progress: silent })).c : finish(rounded, ranges, options);
  const trial = { progress: silent, ...options, feeds: tried, int8 };
  const sites = sitesOf(rounded.graph);
  if (method === 'auto') return correct(await autoRanges(a, seen, sites, trial));
  if (method === undefined && isQuick) return correct(await rangesOfBest(a, seen, sites, quickMethods, trial));
  return correct(chooseRanges(seen, sites, method ?? defaultMethod, options.methods));
}

type Uncorrected = {
  readonly a: Model;
  readonly rounded: Model;
  /** How `rounded` was made from `a`. */
  readonly chosen: QuantizeOptions;
  readonly means: ChannelMeans;
};

/** The model with these ranges, layer by layer corrected for what they do. */
async function corrected(
  { a, rounded, chosen, means }: Uncorrected,
  ranges: Ranges,
  options: CorrectOptions & Pick<PipelineOptions, 'evaluate'>,
): Promise<Stages> {
  const { biases, weights } = await correctLayers(a, finish(rounded, ranges, options), means, options);
  const b = quantizeGraph(a, { ...chosen, biases, weights: new Map([...(chosen.weights ?? []), ...weights]) });
  return { a, b, c: finish(b, ranges, options), ranges };
}

/** The fp32 model with its channels scaled and shifted for rounding. */
async function prepared(
  model: Model,
  { equalization: how, absorption }: Corrections,
  { shared, ...options }: AbsorbOptions & Pick<PipelineOptions, 'shared'>,
): Promise<Model> {
  const digests = digestsOf(model.graph);
  const key = JSON.stringify([how, absorption, model.outputs.map(({ value }) => digests.get(value.node))]);
  const known = shared?.prepared.get(key);
  if (known !== undefined) return known;
  const scaled = await equalize(model, { ...options, how });
  const result = absorption ? await absorbHighBiases(scaled, options) : scaled;
  shared?.prepared.set(key, result);
  return result;
}

/** A way to the first samples, so many and so many bytes at most, and all of them, whether that was gone or not. */
function peekable(source: AsyncIterable<Feeds>) {
  let rest: AsyncIterator<Feeds> | undefined;
  const first: Feeds[] = [];
  const head = async (count: number, bytes = Number.POSITIVE_INFINITY): Promise<readonly Feeds[]> => {
    rest ??= source[Symbol.asyncIterator]();
    let left = bytes;
    let i = 0;
    for (; i < count && left > 0; i++) {
      if (i === first.length) {
        const next = await rest.next();
        if (next.done) break;
        first.push(next.value);
      }
      left -= bytesOfFeeds(first[i]!);
    }
    return first.slice(0, i);
  };
  async function* samples() {
    yield* first;
    const iterator = rest;
    yield* iterator === undefined ? source : { [Symbol.asyncIterator]: () => iterator };
  }
  return { head, samples: samples() };
}

/** Figure 1b → 1c: freezes the ranges, folds what has become constant, fuses. */
export function finish(b: Model, ranges: Ranges, { evaluate }: Pick<PipelineOptions, 'evaluate'>): Model {
  return fuseGraph(optimize(freezeRanges(b, ranges), { passes: ['fold-constants'], evaluate }));
}
