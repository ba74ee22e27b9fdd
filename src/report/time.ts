import { benchmark, type ModelProfile, profileModel } from '../api/benchmark.ts';
import { fitter } from '../data/batch.ts';
import type { Dataset } from '../data/dataset.ts';
import { parseValue } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { Feeds } from '../graph/runner.ts';
import { keyOf } from '../quantize/coverage.ts';
import { layersOf } from '../quantize/layers.ts';
import type { BackendName } from '../runtime/backends.ts';
import { short } from './short.ts';
import type { ReportData, StepFamily, StepTime, TimeData } from './types.ts';

type Measured = { readonly model: Model; readonly reference?: Model | undefined };
type Settings = {
  /** Where the sample comes from that is run; noise where there is none. */
  readonly data?: Dataset | undefined;
  readonly backend?: BackendName | 'auto' | undefined;
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
};

/** The first sample, as a model takes it. */
async function sampleOf(data: Dataset | undefined, model: Model): Promise<{ feeds?: Feeds }> {
  if (data === undefined) return {};
  const adapt = fitter(model);
  for await (const { feeds } of data.samples({ limit: 1 })) return { feeds: adapt(feeds) };
  return {};
}

/** Seconds of runs that each model gets. */
const seconds = 1.5;

/** Milliseconds a sample, the two models taking turns. Throws `UserError` where there is nothing that they could run on. */
export async function measureSpeed(
  { model, reference }: Measured,
  { data, backend, threads, signal }: Settings,
): Promise<NonNullable<ReportData['speed']>> {
  const subjects = [{ name: 'model', model }, ...(reference ? [{ name: 'reference', model: reference }] : [])];
  const [own, other] = await benchmark(subjects, {
    seconds,
    ...(await sampleOf(data, model)),
    ...(backend && { backend }),
    ...(threads && { threads }),
    ...(signal && { signal }),
  });
  return {
    model: short(own!.latency.median),
    ...(other && { reference: short(other.latency.median) }),
    backend: own!.backend,
    runs: own!.runs,
  };
}

/**
 * Where the time goes: the steps of both models on one thread, each alone. Throws `UserError` where this machine can't run
 * generated code, or there is nothing to run on.
 */
export async function measureTime({ model, reference }: Measured, { data, signal }: Settings): Promise<TimeData> {
  const sample = { ...(await sampleOf(data, model)), ...(signal && { signal }) };
  const own = await profileModel(model, sample);
  const other = reference && (await profileModel(reference, sample));
  const layers = reference && nodesOfLayers(model, reference);
  return {
    machine: `${own.processor}, ${own.isa}, one thread`,
    ...(other && { reference: other.rows.map((row) => stepOf(row, layers?.get(row.node) ?? row.node)) }),
    model: own.rows.map((row) => stepOf(row, keyIn(model, row.node))),
  };
}

const keyIn = ({ graph }: Model, node: string): string =>
  graph.nodes.has(node) ? keyOf(graph, { node, port: 0 }) : node;

/** The fp32 nodes that one int8 op does the work of, from the product to its activation, with the value they end in. */
function nodesOfLayers(model: Model, { graph }: Model): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const { origin, key } of layersOf(model.graph)) {
    const path: string[] = [];
    let node = graph.nodes.get(parseValue(key).node);
    while (node !== undefined && node.name !== origin && path.length < longestLayer) {
      path.push(node.name);
      node = node.inputs[0] && graph.nodes.get(node.inputs[0].node);
    }
    if (node?.name === origin) for (const name of [...path, origin]) found.set(name, key);
  }
  return found;
}

/** Product, bias, sum and activation, with room for what lies between. */
const longestLayer = 8;

const stepOf = (row: ModelProfile['rows'][number], key: string): StepTime => ({
  node: row.node,
  key,
  family: familyOf(row),
  kernel: row.kernel,
  ms: short(row.ms),
  ...(row.share !== undefined && { share: short(row.share) }),
});

/** What a step does, by its kernel's first word; the rest are few and small. */
const families: Readonly<Record<string, StepFamily>> = {
  conv: 'convolution',
  depthwise: 'depthwise',
  pool: 'pooling',
  reference: 'reference kernel',
};

function familyOf({ op, kernel }: { readonly op: string; readonly kernel: string }): StepFamily {
  if (op === 'QuantizeV2' && kernel.startsWith('pointwise')) return 'conversion';
  if (op === 'Dequantize') return 'conversion';
  if (op.includes('MatMul')) return 'matmul';
  return families[kernel.split(' ')[0]!] ?? 'other';
}
