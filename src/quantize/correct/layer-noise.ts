import { sizeOf } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { Model } from '../../graph/model.ts';
import type { Feeds, OpenRunner } from '../../graph/runner.ts';
import { weightsOf } from '../weights.ts';

/** What one layer costs in fp32, and what it costs in accuracy in int8. */
export type LayerNoise = {
  readonly layer: string;
  /** Of the model's outputs, where this layer alone is int8: squares summed over outputs, elements and samples. */
  readonly noise: number;
  /** What computing it takes, about: its multiplications, and ten for each element that it gives. */
  readonly cost: number;
};

export type NoiseOptions = {
  /** The model with one layer in int8, its ranges frozen. */
  readonly alone: (layer: string) => Promise<Model>;
  readonly feeds: readonly Feeds[];
  readonly openRunner: OpenRunner;
  /** Noise that was measured before, by layer; takes in what is measured here. */
  readonly known?: Map<string, LayerNoise> | undefined;
  readonly progress?: { readonly advance: () => void };
  readonly signal?: AbortSignal | undefined;
};

/** What an element that is read and written costs beside its multiplications. */
const costOfElement = 10;

/**
 * How much noise each layer brings to the outputs when it alone is int8. What shifts the mean of an output over the samples
 * does not count. Errors of single layers are almost independent, so that those of several add up: on MobileNet-v2 the sum of
 * all is within 0.4 dB of what the whole int8 model has.
 */
export async function measureNoise(
  a: Model,
  layers: readonly Node[],
  { alone, feeds, openRunner, known = new Map(), progress, signal }: NoiseOptions,
): Promise<readonly LayerNoise[]> {
  const outputs = a.outputs.map(({ value }) => value);
  const missing = layers.filter(({ name }) => !known.has(name));
  if (missing.length === 0 || feeds.length === 0) return layers.flatMap(({ name }) => known.get(name) ?? []);
  const run = async (model: Model, fetches = outputs, on = feeds): Promise<Tensor[][]> => {
    const runner = await openRunner(model, fetches);
    try {
      const results: Tensor[][] = [];
      for (const fed of on) {
        signal?.throwIfAborted();
        results.push([...(await runner.run(fed))]);
      }
      return results;
    } finally {
      runner.dispose();
    }
  };
  const exact = await run(a);
  const [given] = await run(
    a,
    missing.map(({ name }) => ({ node: name, port: 0 })),
    feeds.slice(0, 1),
  );
  for (const [i, node] of missing.entries()) {
    const elements = sizeOf(given![i]!.shape);
    const weights = weightsOf(a.graph, node);
    const channels = given![i]!.shape.at(-1) || 1;
    const cost = (sizeOf(weights.shape) / channels + costOfElement) * elements;
    known.set(node.name, { layer: node.name, noise: noiseOf(exact, await run(await alone(node.name))), cost });
    progress?.advance();
  }
  return layers.flatMap(({ name }) => known.get(name) ?? []);
}

/** Σ (e − ē)² over the elements of all float32 outputs, ē an element's mean error over the samples. */
export function noiseOf(exact: readonly (readonly Tensor[])[], found: readonly (readonly Tensor[])[]): number {
  let noise = 0;
  for (const [output, first] of (exact[0] ?? []).entries()) {
    if (first.dtype !== 'float32') continue;
    const size = first.data.length;
    const [sum, squares] = [new Float64Array(size), new Float64Array(size)];
    let samples = 0;
    for (const [sample, tensors] of exact.entries()) {
      const [x, y] = [tensors[output]!.data as Float32Array, found[sample]![output]!.data as Float32Array];
      // Outputs whose size depends on the values can't be compared.
      if (x.length !== size || y.length !== size) continue;
      samples++;
      for (let i = 0; i < size; i++) {
        const error = y[i]! - x[i]!;
        sum[i]! += error;
        squares[i]! += error * error;
      }
    }
    for (let i = 0; i < size; i++) noise += squares[i]! - (sum[i]! * sum[i]!) / Math.max(1, samples);
  }
  return noise;
}

/**
 * The layers to leave in fp32 so that the noise of all falls by so many dB: those with the most noise for what they cost,
 * at most `share` of the cost of all.
 */
export function chooseSpared(
  layers: readonly LayerNoise[],
  { gain, share }: { readonly gain: number; readonly share: number },
): readonly string[] {
  const noise = layers.reduce((sum, layer) => sum + layer.noise, 0);
  const budget = share * layers.reduce((sum, layer) => sum + layer.cost, 0);
  const wanted = noise * (1 - 10 ** (-gain / 10));
  const chosen: string[] = [];
  let [removed, spent] = [0, 0];
  for (const layer of [...layers].sort((p, q) => q.noise / q.cost - p.noise / p.cost)) {
    if (removed >= wanted) break;
    if (spent + layer.cost > budget) continue;
    chosen.push(layer.layer);
    removed += layer.noise;
    spent += layer.cost;
  }
  return chosen;
}
