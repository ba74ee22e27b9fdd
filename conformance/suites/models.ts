import { invariant } from '../../src/base/errors.ts';
import { numbersOf, type Tensor, tensorOf } from '../../src/base/tensor.ts';
import { argmax } from '../../src/data/metrics/classification.ts';
import type { Model } from '../../src/graph/model.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import type { Stages } from '../../src/quantize/quantize.ts';
import { nothingShared } from '../../src/quantize/shared.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { sameDetections } from '../detections.ts';
import { differenceOf, type Tolerance } from '../difference.ts';
import { loadReal, type RealModel, realModels } from '../models.ts';
import { nearness } from '../near.ts';
import { opByOp } from '../op-by-op.ts';
import { stagesOf } from '../pipeline.ts';
import { openInTensorFlow } from '../run-model.ts';
import { type Case, failed, type Outcome, passed, type Suite, skipped } from '../suite.ts';
import type { TensorFlow } from '../tensorflow.ts';

/** Whole models, fp32 and quantized, against TensorFlow. */
export const models: Suite = {
  about: 'Whole models, fp32 and quantized, against TensorFlow',
  groups: () => realModels().map(({ name }) => name),
  slowest: ['human centernet', 'ssd_mobilenet_v1_coco_loop', 'human blazeface', 'googlenet', 'ssd_mobilenet_v1_coco'],
  cases: async () => realModels().flatMap(casesOf),
};

/** Samples that calibrate, and how many of them are compared. */
const calibrating = 2;
const compared = 2;

const fp32: Tolerance = { relative: 1e-4, absolute: 1e-4, why: 'many layers of sums in another order' };

const names = [
  'as loaded',
  'a',
  'b, op by op',
  'b',
  'c, op by op',
  'c',
  'c per tensor, op by op',
  'c per tensor',
] as const;

function casesOf(real: RealModel): readonly Case[] {
  const { missing } = real;
  if (missing !== undefined)
    return names.map((name) => ({ name: `${real.name}/${name}`, run: async () => skipped(missing) }));
  let prepared: Promise<Prepared> | undefined;
  const get = () => (prepared ??= prepare(real));
  const run: Readonly<Record<(typeof names)[number], (tf: TensorFlow, p: Prepared) => Promise<Outcome>>> = {
    'as loaded': async (tf, { loaded, runs }) => sameOutputs(tf, loaded, runs, real),
    a: async (tf, { stages, runs }) => sameOutputs(tf, stages.a, runs, real),
    'b, op by op': async (tf, { stages, runs }) => sameOps(tf, stages.b, runs, 1),
    b: async (tf, { stages, runs }) => nearOutputs(tf, stages.b, stages.a, runs, real),
    'c, op by op': async (tf, { stages, runs }) => sameOps(tf, stages.c, runs, compared),
    c: async (tf, { stages, runs }) => nearOutputs(tf, stages.c, stages.a, runs, real),
    'c per tensor, op by op': async (tf, { perTensor, runs }) => sameOps(tf, await perTensor(), runs, 1),
    'c per tensor': async (tf, { perTensor, stages, runs }) => {
      const outcome = await nearOutputs(tf, await perTensor(), stages.a, runs, real, 1);
      prepared = undefined; // the last case: what the model holds is let go
      return outcome;
    },
  };
  return names.map((name) => ({ name: `${real.name}/${name}`, run: async (tf) => run[name](tf, await get()) }));
}

type Prepared = {
  readonly loaded: Model;
  readonly stages: Stages;
  readonly perTensor: () => Promise<Model>;
  readonly runs: Runs;
};

async function prepare(real: RealModel): Promise<Prepared> {
  const loaded = await loadReal(real);
  const feeds: Feeds[] = [];
  for await (const sample of (await real.data(loaded)).samples({ limit: calibrating })) feeds.push(sample.feeds);
  invariant(feeds.length > 0, `no samples for ${real.name}`);
  const shared = nothingShared();
  let perTensor: Promise<Model> | undefined;
  return {
    loaded,
    stages: await stagesOf(loaded, feeds, true, shared),
    perTensor: () => (perTensor ??= stagesOf(loaded, feeds, false, shared).then(({ c }) => c)),
    runs: runsOver(feeds.slice(0, compared)),
  };
}

/** The samples, with octet's outputs of them: each model runs once a sample, as that is what takes the time. */
type Runs = {
  readonly feeds: readonly Feeds[];
  readonly outputs: (model: Model, sample: number) => Promise<readonly Tensor[]>;
  readonly note: (model: Model, sample: number, outputs: readonly Tensor[]) => void;
};

function runsOver(feeds: readonly Feeds[]): Runs {
  const known = new Map<Model, Map<number, readonly Tensor[]>>();
  const of = (model: Model) => known.get(model) ?? known.set(model, new Map()).get(model)!;
  const run = async (model: Model, sample: number) => {
    const runner = await openReference(
      model,
      model.outputs.map((end) => end.value),
    );
    const outputs = runner.runSync(feeds[sample]!);
    runner.dispose();
    of(model).set(sample, outputs);
    return outputs;
  };
  return {
    feeds,
    outputs: async (model, sample) => of(model).get(sample) ?? run(model, sample),
    note: (model, sample, outputs) => void of(model).set(sample, outputs),
  };
}

/** fp32: every output of every sample within the tolerance. */
async function sameOutputs(
  tf: TensorFlow,
  model: Model,
  { feeds, outputs }: Runs,
  { candidates, unfused }: RealModel,
): Promise<Outcome> {
  await using opened = await openInTensorFlow(tf, model, { grappler: unfused === undefined });
  let worst = 0;
  for (const [sample, feed] of feeds.entries()) {
    const [ours, theirs] = [await outputs(model, sample), await opened.run(feed)];
    for (const [i, { key }] of model.outputs.entries()) {
      const of = (one: Tensor) => (key === candidates?.key ? likely(one, candidates.least) : one);
      const { problem, largest } = differenceOf(of(ours[i]!), of(theirs.get(key)!), fp32);
      if (problem !== undefined) return failed(`sample ${sample}, ${key}: ${problem}`);
      worst = Math.max(worst, largest);
    }
  }
  const how = unfused === undefined ? '' : ` (${unfused})`;
  return passed(`${feeds.length} samples, at most ${worst.toExponential(1)} apart${how}`);
}

/** The rows of candidates with a score of at least `least`. */
function likely(t: Tensor, least: number): Tensor {
  const data = t.data as Float32Array;
  const rows = Array.from({ length: data.length / 6 }, (_, i) => [...data.subarray(6 * i, 6 * i + 6)]);
  const kept = rows.filter((row) => row[4]! >= least);
  return tensorOf('float32', kept.flat(), [kept.length, 6]);
}

/** int8: as near as another rounding is, and a classifier's class is the same. */
async function nearOutputs(
  tf: TensorFlow,
  model: Model,
  fp32Model: Model,
  { feeds, outputs }: Runs,
  { isClassifier = false, candidates }: RealModel,
  count = feeds.length,
): Promise<Outcome> {
  await using opened = await openInTensorFlow(tf, model);
  const keys = model.outputs.map(({ key }) => key);
  const isDetector = keys.includes('detection_boxes');
  let [detections, least, noise] = [0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
  for (const [sample, feed] of feeds.slice(0, count).entries()) {
    const results = await opened.run(feed);
    const theirs = keys.map((key) => results.get(key)!);
    const [ours, exact] = [await outputs(model, sample), await outputs(fp32Model, sample)];
    if (isDetector) {
      const found = sameDetections(keys, ours, theirs);
      if (typeof found === 'string') return failed(`sample ${sample}: ${found}`);
      detections += found;
      continue;
    }
    for (const [i, key] of keys.entries()) {
      if (key === candidates?.key) continue;
      const near = nearness({ ours: ours[i]!, theirs: theirs[i]!, exact: exact[i]! });
      if (near === undefined) continue;
      if (near.problem !== undefined) return failed(`sample ${sample}, ${key}: ${near.problem}`);
      if (isClassifier && argmax(numbersOf(ours[i]!)) !== argmax(numbersOf(theirs[i]!)))
        return failed(`sample ${sample}, ${key}: another class`);
      if (near.decibels - near.noise < least - noise || least === Number.POSITIVE_INFINITY)
        [least, noise] = [near.decibels, near.noise];
    }
  }
  if (isDetector) return passed(`${count} samples, ${detections} sure detections found again`);
  const distance =
    least === Number.POSITIVE_INFINITY
      ? 'equal'
      : `${least.toFixed(1)} dB from TensorFlow, which is ${noise.toFixed(1)} dB from fp32`;
  return passed(`${count} samples${isClassifier ? ', same class' : ''}, ${distance}`);
}

/** Codes equal in at least 99.999 %, and never more than one step apart. */
const share = 1e-5;

async function sameOps(tf: TensorFlow, model: Model, { feeds, note }: Runs, count: number): Promise<Outcome> {
  let [nodes, elements, different] = [0, 0, 0];
  const problems: string[] = [];
  const byOp = new Map<string, number>();
  for (const [sample, feed] of feeds.slice(0, count).entries()) {
    const { ops, outputs } = await opByOp(tf, model, feed);
    note(model, sample, outputs);
    for (const result of ops) {
      if (result.problem !== undefined) problems.push(`${result.node.name} (${result.node.op}): ${result.problem}`);
      nodes++;
      if (result.form.output === 'float32') continue;
      elements += result.elements;
      different += result.different;
      if (result.different > 0) byOp.set(result.node.op, (byOp.get(result.node.op) ?? 0) + result.different);
    }
  }
  if (nodes === 0) return skipped('nothing of it is quantized');
  const where = [...byOp].sort((a, b) => b[1] - a[1]).map(([op, count]) => `${count} of ${op}`);
  const rate = `${different} of ${elements} codes differ (${((100 * different) / elements).toFixed(5)} %) over ${nodes} ops${where.length === 0 ? '' : `: ${where.join(', ')}`}`;
  if (problems.length > 0)
    return failed(`${problems.length} ops: ${problems.slice(0, 3).join('; ').slice(0, 600)}; ${rate}`);
  return different > share * elements ? failed(rate) : passed(rate);
}
