import type { Tensor } from '../src/base/tensor.ts';
import { signalToNoise } from './sqnr.ts';

/** An output of a quantized model: octet's, TensorFlow's, and fp32's. */
export type WholeOutput = { readonly ours: Tensor; readonly theirs: Tensor; readonly exact: Tensor };

/** How near a quantized model's output is to TensorFlow's, and TensorFlow's to fp32, in dB. */
export type Nearness = { readonly decibels: number; readonly noise: number; readonly problem: string | undefined };

/** Near whatever the noise is: post-processing makes jumps of small distances, and an output of one number can be lucky. */
const near = 20;
/** Two independent roundings are 3 dB further from each other than each is from fp32; small outputs scatter about that. */
const allowance = 6;

/**
 * Whole int8 models cannot be compared code by code: where a sum is half-way between two codes, the last bit of a float
 * decides, and one step there moves codes behind it. Each is another rounding of the same numbers, so octet may be as far
 * from TensorFlow as that is from fp32, and not more than twice as far; or it is 20 dB near. (The strict comparison is the
 * one op by op.)
 */
export function nearness({ ours, theirs, exact }: WholeOutput): Nearness | undefined {
  if (ours.dtype !== 'float32' || theirs.dtype !== 'float32' || exact.dtype !== 'float32') return undefined;
  if (ours.data.length !== theirs.data.length)
    return { decibels: 0, noise: 0, problem: `${ours.data.length} elements, TensorFlow ${theirs.data.length}` };
  const decibels = signalToNoise(theirs.data, ours.data);
  const noise = signalToNoise(exact.data, theirs.data);
  const isNear = decibels >= Math.min(near, noise - allowance);
  const problem = isNear
    ? undefined
    : `octet is ${decibels.toFixed(1)} dB from TensorFlow, which is ${noise.toFixed(1)} dB from fp32`;
  return { decibels, noise, problem };
}
