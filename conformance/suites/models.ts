import { invariant } from '../../src/base/errors.ts';
import { type Tensor, tensorOf } from '../../src/base/tensor.ts';
import type { Model } from '../../src/graph/model.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import type { Stages } from '../../src/quantize/quantize.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { differenceOf, type Tolerance } from '../difference.ts';
import { loadReal, type RealModel, realModels } from '../models.ts';
import { opByOp } from '../op-by-op.ts';
import { stagesOf } from '../pipeline.ts';
import { openInTensorFlow } from '../run-model.ts';
import { signalToNoise } from '../sqnr.ts';
import { type Case, failed, type Outcome, passed, type Suite, skipped } from '../suite.ts';
import type { TensorFlow } from '../tensorflow.ts';

/** Whole models, fp32 and quantized, against TensorFlow. */
export const models: Suite = {
  about: 'Whole models, fp32 and quantized, against TensorFlow',
  cases: async () => realModels().flatMap(casesOf),
};

/** Samples that calibrate, and how many of them are compared. */
const calibrating = 2;
const compared = 2;

const fp32: Tolerance = { relative: 1e-4, absolute: 1e-4, why: 'many layers of sums in another order' };

type Prepared = { readonly loaded: Model; readonly stages: Stages; readonly feeds: readonly Feeds[] };

function casesOf(real: RealModel): readonly Case[] {
  const names = ['as loaded', 'a', 'b', 'c', 'b, op by op', 'c, op by op', 'c per tensor, op by op'] as const;
  const { missing } = real;
  if (missing !== undefined)
    return names.map((name) => ({ name: `${real.name}/${name}`, run: async () => skipped(missing) }));
  let prepared: Promise<Prepared> | undefined;
  const get = () => (prepared ??= prepare(real));
  const of = (name: (typeof names)[number], run: (tf: TensorFlow, p: Prepared) => Promise<Outcome>): Case => ({
    name: `${real.name}/${name}`,
    run: async (tf) => run(tf, await get()),
  });
  return [
    of('as loaded', async (tf, { loaded, feeds }) => sameOutputs(tf, loaded, feeds, real)),
    of('a', async (tf, { stages, feeds }) => sameOutputs(tf, stages.a, feeds, real)),
    of('b', async (tf, { stages, feeds }) => nearOutputs(tf, stages.b, stages.a, feeds, real)),
    of('c', async (tf, { stages, feeds }) => nearOutputs(tf, stages.c, stages.a, feeds, real)),
    of('b, op by op', async (tf, { stages, feeds }) => sameOps(tf, stages.b, feeds.slice(0, 1))),
    of('c, op by op', async (tf, { stages, feeds }) => sameOps(tf, stages.c, feeds)),
    of('c per tensor, op by op', async (tf, { loaded, feeds }) => {
      const { c } = await stagesOf(loaded, feeds.slice(0, 1), false);
      const outcome = await sameOps(tf, c, feeds.slice(0, 1));
      prepared = undefined;
      return outcome;
    }),
  ];
}

async function prepare(real: RealModel): Promise<Prepared> {
  const loaded = await loadReal(real);
  const feeds: Feeds[] = [];
  for await (const sample of (await real.data(loaded)).samples({ limit: calibrating })) feeds.push(sample.feeds);
  invariant(feeds.length > 0, `no samples for ${real.name}`);
  return { loaded, stages: await stagesOf(loaded, feeds, true), feeds: feeds.slice(0, compared) };
}

async function inOctet(model: Model, all: readonly Feeds[]): Promise<readonly (readonly Tensor[])[]> {
  const runner = await openReference(
    model,
    model.outputs.map((end) => end.value),
  );
  const outputs = all.map((feeds) => runner.runSync(feeds));
  runner.dispose();
  return outputs;
}

async function inTensorFlow(
  tf: TensorFlow,
  model: Model,
  all: readonly Feeds[],
  grappler = true,
): Promise<readonly (readonly Tensor[])[]> {
  await using opened = await openInTensorFlow(tf, model, { grappler });
  const outputs: Tensor[][] = [];
  for (const feeds of all) {
    const results = await opened.run(feeds);
    outputs.push(model.outputs.map(({ key }) => results.get(key)!));
  }
  return outputs;
}

/** fp32: every output of every sample within the tolerance. */
async function sameOutputs(
  tf: TensorFlow,
  model: Model,
  feeds: readonly Feeds[],
  { candidates, unfused }: RealModel,
): Promise<Outcome> {
  const ours = await inOctet(model, feeds);
  const theirs = await inTensorFlow(tf, model, feeds, unfused === undefined);
  let worst = 0;
  for (const [sample, outputs] of ours.entries())
    for (const [i, t] of outputs.entries()) {
      const of = (one: Tensor) => (model.outputs[i]!.key === candidates?.key ? likely(one, candidates.least) : one);
      const { problem, largest } = differenceOf(of(t), of(theirs[sample]![i]!), fp32);
      if (problem !== undefined) return failed(`sample ${sample}, ${model.outputs[i]!.key}: ${problem}`);
      worst = Math.max(worst, largest);
    }
  return passed(
    `${feeds.length} samples, at most ${worst.toExponential(1)} apart${unfused === undefined ? '' : ` (${unfused})`}`,
  );
}

/** The rows of candidates with a score of at least `least`. */
function likely(t: Tensor, least: number): Tensor {
  const data = t.data as Float32Array;
  const rows = Array.from({ length: data.length / 6 }, (_, i) => [...data.subarray(6 * i, 6 * i + 6)]);
  const kept = rows.filter((row) => row[4]! >= least);
  return tensorOf('float32', kept.flat(), [kept.length, 6]);
}

/**
 * int8: one code one step apart moves what follows, so a whole model's outputs are only near (the strict test is the one op
 * by op): about as near to TensorFlow's as those are to fp32, or nearer than `nearEnough`. A classifier's class is the same.
 */
async function nearOutputs(
  tf: TensorFlow,
  model: Model,
  fp32Model: Model,
  feeds: readonly Feeds[],
  { isClassifier = false, candidates }: RealModel,
): Promise<Outcome> {
  const [ours, theirs] = [await inOctet(model, feeds), await inTensorFlow(tf, model, feeds)];
  const exact = await inOctet(fp32Model, feeds);
  let least = Number.POSITIVE_INFINITY;
  const keys = model.outputs.map(({ key }) => key);
  if (keys.includes('detection_boxes')) return sameDetections(keys, ours, theirs);
  for (const [sample, outputs] of ours.entries())
    for (const [i, t] of outputs.entries()) {
      const other = theirs[sample]![i]!;
      if (t.dtype !== 'float32' || other.dtype !== 'float32') continue;
      const { key } = model.outputs[i]!;
      if (key === candidates?.key) continue;
      if (t.data.length !== other.data.length)
        return failed(`sample ${sample}, ${key}: ${t.data.length} elements, TensorFlow ${other.data.length}`);
      const sqnr = signalToNoise(other.data, t.data);
      const noise = signalToNoise(exact[sample]![i]!.data as Float32Array, other.data);
      const distance = differenceOf(t, other, fp32).largest;
      if (!(sqnr >= Math.min(nearEnough.decibels, noise - 10) || distance <= nearEnough.distance))
        return failed(
          `sample ${sample}, ${key}: octet is ${sqnr.toFixed(1)} dB from TensorFlow, which is ${noise.toFixed(1)} from fp32`,
        );
      if (isClassifier && argMax(t.data) !== argMax(other.data))
        return failed(`sample ${sample}, ${key}: another class`);
      least = Math.min(least, sqnr);
    }
  return passed(
    `${feeds.length} samples, ${least === Number.POSITIVE_INFINITY ? 'equal' : `${least.toFixed(1)} dB apart`}`,
  );
}

/** Detections are listed by score, so nearly equal ones change places: those TensorFlow is sure of must be among octet's. */
function sameDetections(keys: readonly string[], ours: Outputs, theirs: Outputs): Outcome {
  let found = 0;
  for (const [sample, outputs] of theirs.entries()) {
    const [a, b] = [detectionsOf(keys, outputs), detectionsOf(keys, ours[sample]!)];
    for (const one of a.filter(({ score }) => score >= sure)) {
      const again = b.some((other) => other.category === one.category && overlap(one.box, other.box) >= 0.75);
      if (!again)
        return failed(`sample ${sample}: octet misses category ${one.category}, score ${one.score.toFixed(2)}`);
      found++;
    }
  }
  return passed(`${theirs.length} samples, ${found} detections above ${sure} found again`);
}

type Outputs = readonly (readonly Tensor[])[];
type Detection = { readonly box: ArrayLike<number>; readonly score: number; readonly category: number };
const sure = 0.4;

function detectionsOf(keys: readonly string[], outputs: readonly Tensor[]): readonly Detection[] {
  const data = (key: string) => outputs[keys.indexOf(key)]!.data as Float32Array;
  const [boxes, classes] = [data('detection_boxes'), data('detection_classes')];
  return Array.from(data('detection_scores'), (score, i) => ({
    score,
    category: classes[i]!,
    box: boxes.subarray(4 * i, 4 * i + 4),
  }));
}

/** Intersection over union of [top, left, bottom, right]. */
function overlap(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const area = (top: number, left: number, bottom: number, right: number) =>
    Math.max(0, bottom - top) * Math.max(0, right - left);
  const whole = (box: ArrayLike<number>) => area(box[0]!, box[1]!, box[2]!, box[3]!);
  const both = area(Math.max(a[0]!, b[0]!), Math.max(a[1]!, b[1]!), Math.min(a[2]!, b[2]!), Math.min(a[3]!, b[3]!));
  return both / (whole(a) + whole(b) - both);
}

const nearEnough = { decibels: 20, distance: 1e-3 };
const argMax = (data: Float32Array): number => data.reduce((best, x, i) => (x > data[best]! ? i : best), 0);

/** Codes equal in at least 99.999 %, and never more than one step apart. */
const share = 1e-5;

async function sameOps(tf: TensorFlow, model: Model, feeds: readonly Feeds[]): Promise<Outcome> {
  let [nodes, elements, different] = [0, 0, 0];
  const problems: string[] = [];
  const byOp = new Map<string, number>();
  for (const sample of feeds)
    for (const result of await opByOp(tf, model, sample)) {
      if (result.problem !== undefined) problems.push(`${result.node.name} (${result.node.op}): ${result.problem}`);
      nodes++;
      if (result.form.output === 'float32') continue;
      elements += result.elements;
      different += result.different;
      if (result.different > 0) byOp.set(result.node.op, (byOp.get(result.node.op) ?? 0) + result.different);
    }
  if (nodes === 0) return skipped('nothing of it is quantized');
  const where = [...byOp].sort((a, b) => b[1] - a[1]).map(([op, count]) => `${count} of ${op}`);
  const rate = `${different} of ${elements} codes differ (${((100 * different) / elements).toFixed(5)} %) over ${nodes} ops${where.length === 0 ? '' : `: ${where.join(', ')}`}`;
  if (problems.length > 0)
    return failed(`${problems.length} ops: ${problems.slice(0, 3).join('; ').slice(0, 600)}; ${rate}`);
  return different > share * elements ? failed(rate) : passed(rate);
}
