import type { OpName } from '../../src/graph/ops/index.ts';

/** Where octet does otherwise than TensorFlow on purpose. A row that no longer differs fails. */
export const deviations: readonly { readonly op: OpName; readonly name: RegExp; readonly why: string }[] = [
  { op: 'Conv2D', name: /^no picture$/, why: "of an empty batch TensorFlow's oneDNN kernel returns the input's shape" },
  {
    op: 'QuantizeV2',
    name: /^quint8 SCALED .* narrow -4.1..0$/,
    why: 'the range is empty, its least code stands for a subnormal number, which TensorFlow flushes to zero',
  },
];
