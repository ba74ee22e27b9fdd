import { type DType, symmetricSteps } from '../../base/dtype.ts';
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

/** Codes of a type, and what one stands for. */
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

/** What a step of sums stands for. */
export const sumStep = (inputScale: number, weightScale: number): number => f32(f32(inputScale) * f32(weightScale));

/**
 * s = f32(f32(s_x)·f32(s_w)), f32(b·f32(1/f32(f32(n_x·127)/f32(max_x·max_w)))) for a bias b in steps of the sums, and
 * 1/f32(s_y), with s = max/n and n = 255 or 127 codes: found by comparing each possible order of operations with TensorFlow over 50
 * million codes of convolutions, depthwise ones and residual sums; these give all of them. `weights` are scales, one a
 * channel; a bias in float32 (`isReal`) is what it is.
 */
export function realScales(
  input: Codes,
  weights: readonly number[],
  outputScale: number,
  bias?: { readonly values: ArrayLike<number>; readonly isReal: boolean },
): RealScales {
  const inputSteps = symmetricSteps(input.dtype);
  const maxInput = f32(input.scale * inputSteps);
  const biases = Float32Array.from(weights, (scale, c) => {
    const value = bias?.values[c] ?? 0;
    if (bias?.isReal) return value;
    return f32(value) * f32(1 / f32(f32(inputSteps * 127) / f32(maxInput * f32(scale * 127))));
  });
  return {
    sums: Float32Array.from(weights, (scale) => sumStep(input.scale, scale)),
    biases,
    back: f32(1 / f32(outputScale)),
  };
}

/**
 * f32(f32(f32(acc)·s) + b), and with an addend `z·s_z` the sum of both, whose product and sum are rounded once. In float64
 * they are exact unless they are 2^20 apart, and then too far from a tie to matter.
 */
export const realOf = (acc: number, scale: number, bias: number, addend = 0): number =>
  f32(addend + f32(f32(f32(acc) * scale) + bias));

/** y = clamp(rne(f32(x·back))). */
export const codeOfReal = (x: number, back: number, low: number, high: number): number =>
  clamp(rne(f32(x * back)), low, high);
