import type { Tensor } from '../src/base/tensor.ts';
import { signalToNoise } from './sqnr.ts';

/** An output of a quantized model: octet's, TensorFlow's, and fp32's. */
export type WholeOutput = { readonly ours: Tensor; readonly theirs: Tensor; readonly exact: Tensor };

/** How near a quantized model's output is to TensorFlow's, and TensorFlow's to fp32, in dB. */
export type Nearness = { readonly decibels: number; readonly noise: number; readonly problem: string | undefined };

/** As near as float32 sums in another order leave codes that are the same. */
const same = 60;

/**
 * Whole int8 models cannot be compared code by code: where a sum is half-way between two codes, the last bit of a float
 * decides, and one step there moves codes behind it. Each is another rounding of the same numbers, so octet and TensorFlow
 * may be as far apart as two independent roundings: 3 dB more than TensorFlow is from fp32. (The strict comparison is the
 * one op by op.)
 */
export function nearness({ ours, theirs, exact }: WholeOutput): Nearness | undefined {
  if (ours.dtype !== 'float32' || theirs.dtype !== 'float32' || exact.dtype !== 'float32') return undefined;
  if (ours.data.length !== theirs.data.length)
    return { decibels: 0, noise: 0, problem: `${ours.data.length} elements, TensorFlow ${theirs.data.length}` };
  const decibels = signalToNoise(theirs.data, ours.data);
  const noise = signalToNoise(exact.data, theirs.data);
  const isNear = decibels >= Math.min(same, noise - 3);
  const problem = isNear
    ? undefined
    : `octet is ${decibels.toFixed(1)} dB from TensorFlow, which is ${noise.toFixed(1)} dB from fp32`;
  return { decibels, noise, problem };
}
