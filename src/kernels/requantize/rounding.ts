import type { DType } from '../../base/dtype.ts';
import { readAttr } from '../../graph/attr.ts';
import type { Graph, Node } from '../../graph/graph.ts';
import { clamp, rne } from './contract.ts';

/**
 * How the sums of convolutions become codes: with one rounding (contract.ts), or with the several of TensorFlow 2.21 (oneDNN),
 * which give another code a few times in a million and take an operation more for each sum.
 */
export type Rounding = 'contract' | 'tensorflow';

const attribute = '_octet_rounding';

export const roundsAsTensorFlow = (node: Node): boolean =>
  readAttr(node, attribute, 'string', 'contract' satisfies Rounding) === ('tensorflow' satisfies Rounding);

/** The graph with convolutions that round like this, whatever runs them. */
export function withRounding(graph: Graph, rounding: Rounding): Graph {
  const rounded = (node: Node): Node =>
    /^(_Fused)?Quantized(Depthwise)?Conv2D/.test(node.op)
      ? { ...node, attrs: new Map(node.attrs).set(attribute, { string: rounding }) }
      : node;
  return rounding === 'contract' ? graph : graph.with([...graph.nodes.values()].map(rounded));
}

/** What codes of a type stand for: the value of one, and that of the largest, `steps` of them. */
export type Codes = { readonly dtype: DType; readonly scale: number };

/** float32 factors of TensorFlow's roundings, one a channel or one for all. */
export type RealScales = {
  /** What a step of each channel's sums stands for. */
  readonly sums: Float32Array;
  /** What each channel's bias stands for. */
  readonly biases: Float32Array;
  /** Codes in one. */
  readonly back: number;
};

const f32 = Math.fround;

/**
 * s = f32(f32(max_x/n_x)·f32(max_w/127)), f32(b·f32(1/f32(f32(n_x·127)/f32(max_x·max_w)))) for a bias b in steps of the sums,
 * and 1/f32(max_y/n_y), with n = 255 or 127 codes: found by comparing each possible order of operations with TensorFlow over 50
 * million codes of convolutions, depthwise ones and residual sums; these give all of them. `weights` are scales, one a
 * channel; a bias in float32 (`isReal`) is what it is.
 */
export function realScales(
  input: Codes,
  weights: readonly number[],
  output: Codes,
  bias?: { readonly values: ArrayLike<number>; readonly isReal: boolean },
): RealScales {
  const [inputSteps, outputSteps] = [stepsOf(input.dtype), stepsOf(output.dtype)];
  const maxInput = f32(input.scale * inputSteps);
  const limits = weights.map((scale) => f32(scale * 127));
  const biases = Float32Array.from(limits, (limit, c) => {
    const value = bias?.values[c] ?? 0;
    return bias?.isReal ? value : f32(value) * f32(1 / f32(f32(inputSteps * 127) / f32(maxInput * limit)));
  });
  return {
    sums: Float32Array.from(limits, (limit) => f32(maxInput / inputSteps) * f32(limit / 127)),
    biases,
    back: f32(1 / f32(f32(output.scale * outputSteps) / outputSteps)),
  };
}

const stepsOf = (dtype: DType): number => (dtype === 'quint8' ? 255 : 127);

/** y = clamp(rne(f32(f32(f32(f32(acc)·s) + b)·back))). */
export const requantizeReal = (
  acc: number,
  scale: number,
  bias: number,
  back: number,
  low: number,
  high: number,
): number => clamp(rne(f32(realOf(acc, scale, bias) * back)), low, high);

/**
 * The same with `z·s_z` added to the real value, product and sum rounded once. In float64 they are exact unless they are
 * 2^20 apart, and then too far from a tie to matter.
 */
export const requantizeRealSum = (
  acc: number,
  scale: number,
  bias: number,
  addend: number,
  back: number,
  low: number,
  high: number,
): number => clamp(rne(f32(f32(addend + realOf(acc, scale, bias)) * back)), low, high);

const realOf = (acc: number, scale: number, bias: number): number => f32(f32(f32(acc) * scale) + bias);
