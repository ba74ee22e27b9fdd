import { type ConvSpec, convKernels } from '../../conv/native/index.ts';
import type { Buffer, NativeKernel } from '../../native-kernel.ts';

/**
 * y[m][n] = Σ x[m][k]·w[k][n], with the results a convolution can have. A matrix of m rows is a buffer of m pictures of one
 * pixel; rows may be as far apart as `stride.n` says.
 */
export type GemmSpec = Pick<ConvSpec, 'bias' | 'result'> & {
  /** u8 or s8, m × 1 × 1 × k. */
  readonly input: Buffer;
  /** m × 1 × 1 × n. */
  readonly output: Buffer;
  /** [k][n], or [n][k] where `transposed` is set. */
  readonly weights: Int8Array;
  readonly transposed?: boolean;
};

function transpose(weights: Int8Array, rows: number, columns: number): Int8Array {
  const to = new Int8Array(weights.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) to[column * rows + row] = weights[row * columns + column]!;
  return to;
}

/** The same as a convolution of 1 × 1 over the rows. */
export function gemmAsConv({ input, output, weights, transposed, bias, result }: GemmSpec): ConvSpec {
  const one = { h: 1, w: 1 };
  return {
    input,
    output,
    kernel: one,
    stride: one,
    dilation: one,
    padding: { top: 0, left: 0 },
    groups: 1,
    weights: transposed === true ? transpose(weights, output.shape.c, input.shape.c) : weights,
    ...(bias === undefined ? {} : { bias }),
    result,
  };
}

function whyNot(spec: GemmSpec): string | undefined {
  const { input, output, weights } = spec;
  for (const { shape } of [input, output]) if (shape.h !== 1 || shape.w !== 1) return 'rows of more than one pixel';
  // Before anything is transposed by these sizes.
  if (weights.length !== input.shape.c * output.shape.c)
    return `${weights.length} weights for ${input.shape.c} × ${output.shape.c}`;
  return undefined;
}

/**
 * Matrix products with constant weights, best first. With few rows they run as fast as the weights can be read: a tile of
 * one row has its sums in one pass over a panel.
 */
export const gemmKernels: readonly NativeKernel<GemmSpec>[] = convKernels.map((conv) => ({
  name: conv.name.replace('conv', 'gemm'),
  isa: conv.isa,
  whyNot: (spec) => whyNot(spec) ?? conv.whyNot(gemmAsConv(spec)),
  pack: (spec) => conv.pack(gemmAsConv(spec)),
  step: (spec, constants) => {
    const step = conv.step(gemmAsConv(spec), constants);
    const { input, output } = spec;
    return { ...step, name: `gemm ${input.shape.n} × ${input.shape.c} × ${output.shape.c}` };
  },
}));
