import type { Buffer } from '../../native-kernel.ts';
import type { Expr } from './expr.ts';

/** Float32 values known when the code is made, broadcast to the output's shape: each axis is 1 or the output's. */
export type Constants = { readonly values: Float32Array; readonly shape: Buffer['shape'] };

/**
 * Computes each element of the output from an element of each input: a buffer whose axes are 1 (repeated) or the output's,
 * or constants. Integers become float32; results for u8 and s8 must be in their range (NaN aside) and are rounded half to even.
 */
export type PointwiseSpec = {
  readonly what: string;
  readonly inputs: readonly (Buffer | Constants)[];
  readonly output: Buffer;
  readonly compute: Expr;
};

export const isBuffer = (input: Buffer | Constants): input is Buffer => 'offset' in input;
