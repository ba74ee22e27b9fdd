import type { OpName } from '../../src/graph/ops/index.ts';

/** Where octet does otherwise than TensorFlow on purpose. A row that no longer differs fails. */
export const deviations: readonly { readonly op: OpName; readonly name: RegExp; readonly why: string }[] = [];

/** Why a kernel has no case. */
export const neverRun: Partial<Record<OpName, string>> = {
  FusedDepthwiseConv2dNative: "the TensorFlow.js converter's: TensorFlow has no such op",
  Prelu: "the TensorFlow.js converter's: TensorFlow has no such op",
  Abort: 'ends the process',
};
