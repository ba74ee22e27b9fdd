import { setImmediate } from 'node:timers/promises';
import { UserError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import { concatFeeds } from '../data/batch.ts';
import { randomDataset } from '../data/sources/random.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import type { BackendName, Fallback } from '../runtime/backends.ts';
import { openHost } from '../runtime/native/host/host.ts';
import { measurePeak, type Peak } from '../runtime/native/peak.ts';
import { type ProfileRow, profile } from '../runtime/native/profile.ts';
import { type CompileOptions, compile, type Session } from '../runtime/session.ts';
import type { QuantizeOptions } from './quantize.ts';

export type BenchmarkOptions = Pick<CompileOptions, 'backend' | 'threads' | 'isa' | 'signal'> & {
  /** Samples in a run: 1 by default. */
  readonly batch?: number;
  /** How many timed runs; until `seconds` are over where it is not given. */
  readonly runs?: number;
  /** How long to measure each model: 3 by default. */
  readonly seconds?: number;
  /** What to run on instead of noise: `batch` samples of the models' inputs. */
  readonly feeds?: Feeds;
};

/** Times of single runs, in milliseconds. */
export type Latency = {
  readonly median: number;
  readonly p90: number;
  readonly p99: number;
  readonly min: number;
  readonly max: number;
};

export type BenchmarkResult = {
  readonly name: string;
  readonly backend: BackendName;
  /** Better backends that were tried, and why they were not taken. */
  readonly fallbacks: readonly Fallback[];
  readonly batch: number;
  readonly runs: number;
  readonly latency: Latency;
  /** Samples a second: the batch over the median. */
  readonly throughput: number;
  readonly compileMs: number;
  /** The first run, which may compile for the batch's shape. */
  readonly firstRunMs: number;
  /** The whole process's resident memory after the runs, other models and the model's own tensors included. */
  /** Of the whole process; undefined where the system does not tell (no /proc). */
  readonly residentBytes?: number;
};

/** Quantization without the steps that take time to regain accuracy: the same graph, whose speed is the same. */
export const forSpeed: Pick<QuantizeOptions, 'method' | 'corrections'> = {
  method: 'minmax',
  corrections: { weights: false, biasSamples: 0, rounding: 'none' },
};

type Subject = { readonly name: string; readonly model: Model };
type Runner = {
  readonly subject: Subject;
  readonly session: Session;
  readonly feeds: Feeds;
  readonly compileMs: number;
  readonly firstRunMs: number;
  readonly times: number[];
};

const warmUps = 2;
const minimumRuns = 5;

/**
 * Times models on noise. They take turns, run by run, so that what else the machine does meanwhile strikes all alike. Throws
 * `UserError` where a model has no random inputs or can't take the batch, and the signal's reason when it is aborted.
 */
export async function benchmark(
  subjects: readonly Subject[],
  { batch = 1, runs, seconds = 3, feeds, ...options }: BenchmarkOptions = {},
): Promise<readonly BenchmarkResult[]> {
  const runners: Runner[] = [];
  try {
    for (const subject of subjects)
      runners.push(await open(subject, feeds ?? (await noise(subject.model, batch)), options));
    for (let i = 0; i < warmUps; i++) for (const runner of runners) await timed(runner, options.signal);
    const end = performance.now() + 1000 * seconds * runners.length;
    const isOver = (done: number) =>
      runs === undefined ? done >= minimumRuns && performance.now() > end : done >= runs;
    for (let done = 0; !isOver(done); done++)
      for (const runner of runners) runner.times.push(await timed(runner, options.signal));
    return runners.map((runner) => ({ ...resultOf(runner, batch), ...residentMemory() }));
  } finally {
    for (const { session } of runners) session.dispose();
  }
}

async function open(subject: Subject, feeds: Feeds, options: CompileOptions): Promise<Runner> {
  const begin = performance.now();
  const session = await compile(subject.model, options);
  const compiled = performance.now();
  await session.run(feeds);
  const firstRunMs = performance.now() - compiled;
  return { subject, session, feeds, compileMs: compiled - begin, firstRunMs, times: [] };
}

async function timed({ session, feeds }: Runner, signal: AbortSignal | undefined): Promise<number> {
  const begin = performance.now();
  await session.run(feeds, signal === undefined ? {} : { signal });
  return performance.now() - begin;
}

/** How many different samples a batch is made of: more would cost time and tell nothing. */
const distinct = 4;

/** A batch of noise. Throws `UserError` where an input's shape is fixed to another batch. */
async function noise(model: Model, batch: number): Promise<Feeds> {
  const samples: Feeds[] = [];
  for await (const { feeds } of randomDataset(model).samples({ limit: Math.min(batch, distinct) })) samples.push(feeds);
  const first = samples[0]!;
  const fixed = model.inputs.find(({ shape }) => shape === null || shape[0] !== null);
  if (fixed === undefined)
    return concatFeeds(
      Array.from({ length: batch }, (_, i) => samples[i % samples.length]!),
      'noise',
    );
  if (batch !== 1 && first.get(fixed.key)!.shape[0] !== batch)
    throw new UserError(
      `the input '${fixed.key}' has the shape ${formatShape(fixed.shape)}: it takes no batch of ${batch}`,
      {},
      'leave the batch out',
    );
  return first;
}

function residentMemory(): Pick<BenchmarkResult, 'residentBytes'> {
  try {
    return { residentBytes: process.memoryUsage.rss() };
  } catch {
    return {};
  }
}

function resultOf({ subject, session, times, compileMs, firstRunMs }: Runner, batch: number) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!;
  const latency = { median: at(0.5), p90: at(0.9), p99: at(0.99), min: at(0), max: at(1) };
  return {
    name: subject.name,
    backend: session.backend,
    fallbacks: session.fallbacks,
    batch,
    runs: times.length,
    latency,
    throughput: (1000 * batch) / latency.median,
    compileMs,
    firstRunMs,
  };
}

/** What a model's time goes into, beside what the processor could do in it. */
export type ModelProfile = {
  readonly processor: string;
  readonly isa: string;
  readonly threads: number;
  /** Of one core, measured in the same run; the higher of before and after. */
  readonly peak: Peak;
  readonly rows: readonly (ProfileRow & {
    readonly gmacsPerSecond: number;
    /** The part of the limit of all threads; undefined where nothing is multiplied. */
    readonly share: number | undefined;
  })[];
};

/** Measuring keeps the event loop from its work: a Ctrl-C is only seen in between. */
async function eventsOf(signal: AbortSignal | undefined): Promise<void> {
  await setImmediate();
  signal?.throwIfAborted();
}

export type ProfileModelOptions = Pick<CompileOptions, 'threads' | 'isa' | 'signal'> & {
  /** What to run on; noise by default. What takes its time by the data, such as suppressing boxes, wants real ones. */
  readonly feeds?: Feeds;
};

/**
 * Times a model step by step, one sample at a time, on one thread by default: what a step costs is clearest there. Throws
 * `UserError` where this machine can't run generated code, and the signal's reason when that is aborted meanwhile.
 */
export async function profileModel(
  model: Model,
  { threads = 1, isa, feeds, signal }: ProfileModelOptions = {},
): Promise<ModelProfile> {
  const host = await openHost();
  if ('unavailable' in host) throw new UserError(host.unavailable);
  const chosen = host.isa(isa);
  const before = measurePeak(host, chosen);
  await eventsOf(signal);
  const rows = await profile(model, feeds ?? (await noise(model, 1)), { threads, isa: chosen });
  await eventsOf(signal);
  const after = measurePeak(host, chosen);
  const peak = {
    int8: Math.max(before.int8, after.int8),
    float32: Math.max(before.float32, after.float32),
  };
  return {
    processor: host.cpu.brand,
    isa: chosen,
    threads,
    peak,
    rows: rows.map((row) => {
      const gmacsPerSecond = row.macs / row.ms / 1e6;
      const limit = threads * (/\bf32\b/.test(row.kernel) ? peak.float32 : peak.int8);
      return { ...row, gmacsPerSecond, share: row.macs === 0 ? undefined : gmacsPerSecond / limit };
    }),
  };
}
