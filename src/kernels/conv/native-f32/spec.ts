import type { Buffer } from '../../native-kernel.ts';
import type { ConvSpec } from '../native/spec.ts';

/**
 * A float32 convolution: as `ConvSpec`, but `y = min(max(Σ x·w + bias + summand, low), high)` in float32, whose products and
 * sums may be rounded together. What lies outside of the picture is read from the halo, which must hold zeros.
 */
export type RealConvSpec = Pick<ConvSpec, 'kernel' | 'stride' | 'dilation' | 'padding' | 'groups'> & {
  /** f32, n × h × w × c. */
  readonly input: Buffer;
  /** f32. */
  readonly output: Buffer;
  /** HWIO: [kernel.h][kernel.w][input.c / groups][output.c]. */
  readonly weights: Float32Array;
  readonly bias?: Float32Array;
  /** f32, of the output's shape; the output may lie where it lies. */
  readonly summand?: Buffer;
  readonly low?: number;
  readonly high?: number;
};

/**
 * The same as the generator of int8 convolutions sees it: a float32 in the place of four bytes, so that each channel of the
 * input is four. The weights are packed apart.
 */
export function asBytes(spec: RealConvSpec): ConvSpec {
  const { input, output, kernel, stride, dilation, padding, groups, summand, low, high } = spec;
  return {
    input: { ...input, type: 'u8', shape: { ...input.shape, c: 4 * input.shape.c } },
    output,
    kernel,
    stride,
    dilation,
    padding,
    groups,
    weights: new Int8Array(0),
    result: { kind: 'real', low, high, summand: summand && { buffer: summand } },
  };
}
