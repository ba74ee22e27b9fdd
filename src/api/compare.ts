import { UserError } from '../base/errors.ts';
import { type Progress, silent } from '../base/progress.ts';
import { sizeOf } from '../base/shape.ts';
import type { Tensor } from '../base/tensor.ts';
import { fitter } from '../data/batch.ts';
import type { Dataset } from '../data/dataset.ts';
import { attrValue } from '../graph/attr.ts';
import { type Node, parseValue, type Value, value } from '../graph/graph.ts';
import type { Model } from '../graph/model.ts';
import type { OpenRunner } from '../graph/runner.ts';
import { rangeKey } from '../quantize/int8.ts';
import { runnerOn } from './runner.ts';

/** How near a value of the second model is to the same value of the first. */
export type LayerComparison = {
  /** The value's name in the first model. */
  readonly layer: string;
  readonly op: string;
  /** 10 · log10(Σ a² / Σ (a − b)²) over all samples; infinite where they are equal. */
  readonly sqnr: number;
  readonly maxError: number;
};

export type CompareOptions = {
  readonly data: Dataset;
  readonly samples?: number;
  readonly openRunner?: OpenRunner;
  readonly progress?: Progress;
  readonly signal?: AbortSignal;
};

type Pair = {
  readonly layer: string;
  readonly op: string;
  readonly a: Value;
  readonly b: readonly Value[];
  readonly read: (tensors: readonly Tensor[]) => Float32Array;
};

/**
 * Compares two models layer by layer, in the order of the first: values of one name, and int8 values of the second with the
 * fp32 value they stand for. Throws `UserError` when nothing corresponds.
 */
export async function compare(
  first: Model,
  second: Model,
  options: CompareOptions,
): Promise<readonly LayerComparison[]> {
  const { data, samples = 16, openRunner = runnerOn(), progress = silent, signal } = options;
  const adapt = [fitter(first), fitter(second)] as const;
  const pairs = pairsOf(first, second);
  if (pairs.length === 0)
    throw new UserError('the two models have no value in common', {}, 'give a model and what was made from it');
  const a = await openRunner(
    first,
    pairs.map((pair) => pair.a),
  );
  const b = await openRunner(
    second,
    pairs.flatMap((pair) => pair.b),
  );
  const sums = pairs.map(() => ({ signal: 0, noise: 0, maxError: 0 }));
  progress.start('comparing', Math.min(samples, data.size ?? samples));
  try {
    for await (const { feeds } of data.samples({ limit: samples })) {
      signal?.throwIfAborted();
      const [ours, theirs] = [await a.run(adapt[0](feeds)), await b.run(adapt[1](feeds))];
      let at = 0;
      for (const [i, pair] of pairs.entries()) {
        accumulate(sums[i]!, ours[i]!.data as Float32Array, pair.read(theirs.slice(at, at + pair.b.length)));
        at += pair.b.length;
      }
      progress.advance();
    }
  } finally {
    progress.finish();
    a.dispose();
    b.dispose();
  }
  return pairs.map(({ layer, op }, i) => {
    const { signal, noise, maxError } = sums[i]!;
    return { layer, op, sqnr: noise === 0 ? Number.POSITIVE_INFINITY : 10 * Math.log10(signal / noise), maxError };
  });
}

function accumulate(sum: { signal: number; noise: number; maxError: number }, a: Float32Array, b: Float32Array): void {
  for (let i = 0; i < a.length; i++) {
    const error = Math.abs(a[i]! - b[i]!);
    sum.signal += a[i]! ** 2;
    sum.noise += error ** 2;
    if (error > sum.maxError) sum.maxError = error;
  }
}

function pairsOf(first: Model, second: Model): readonly Pair[] {
  const int8 = new Map<string, Node>();
  for (const node of second.graph.nodes.values()) {
    const key = node.attrs.get(rangeKey);
    const name = key && attrValue(key, 'string');
    if (name !== undefined) int8.set(name, node);
  }
  return first.graph.order().flatMap((node): Pair[] => {
    if (node.op === 'Const' || !isFloat(node)) return [];
    const layer = node.name;
    const same = second.graph.nodes.get(layer);
    const quantized = int8.get(layer);
    const base = { layer, op: node.op, a: value(layer) };
    if (quantized !== undefined)
      return [{ ...base, b: [0, 1, 2].map((port) => value(quantized.name, port)), read: dequantize }];
    if (same === undefined || same.op === 'Placeholder' || !isFloat(same)) return [];
    return [{ ...base, b: [parseValue(layer)], read: ([tensor]) => tensor!.data as Float32Array }];
  });
}

/** Whether output 0 is float32, as far as the node's own attributes say. */
function isFloat(node: Node): boolean {
  const T = node.attrs.get('T') ?? node.attrs.get('dtype') ?? node.attrs.get('Toutput');
  return T !== undefined && (attrValue(T, 'type') === 'float32' || node.op === 'Dequantize');
}

/** Codes with their range, SCALED (or MIN_FIRST where the range begins below zero and codes do not). */
function dequantize([codes, min, max]: readonly Tensor[]): Float32Array {
  const low = Number((min!.data as Float32Array)[0]);
  const high = Number((max!.data as Float32Array)[0]);
  const isSigned = codes!.dtype === 'qint8';
  const offset = isSigned ? 0 : Math.min(low, 0);
  const scale = isSigned ? high / 127 : (high - offset) / 255;
  const out = new Float32Array(sizeOf(codes!.shape));
  const data = codes!.data as Uint8Array | Int8Array;
  for (let i = 0; i < out.length; i++) out[i] = data[i]! * scale + offset;
  return out;
}
