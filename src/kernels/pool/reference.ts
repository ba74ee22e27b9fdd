import { numbersOf, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { type PoolGeometry, poolGeometry, readLayout } from '../../graph/shapes/geometry.ts';
import { opAttr } from '../../graph/signature.ts';
import { channelsLast, inLayout, inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { averagePool, maxPool, maxPoolWithArgmax } from './pool.ts';

type Pooled = { readonly input: Tensor; readonly g: PoolGeometry; readonly shape: number[] };

/** The picture with its channels last, and the pooling's geometry over it. */
export function pooled(t: Tensor, node: Node, ksize?: readonly number[], strides?: readonly number[]): Pooled {
  const g = poolGeometry(t.shape, node, ksize, strides);
  return { input: channelsLast(t, readLayout(node)), g, shape: [g.batch, g.h.output, g.w.output, g.channels] };
}

const pool =
  (compute: (g: PoolGeometry, input: Tensor) => Float64Array): ReferenceKernel =>
  (inputs, node) => {
    const sizes = [1, 2].map((i) => (inputs[i] === undefined ? undefined : numbersOf(inputs[i])));
    const { input, g, shape } = pooled(inputAt(inputs, 0), node, sizes[0], sizes[1]);
    return [inLayout(tensorOfNumbers(input.dtype, shape, compute(g, input)), readLayout(node))];
  };

const max = pool((g, input) => maxPool(g, numbers(input), lowest(input)));

/** What TensorFlow starts from: the type's lowest finite value. */
const lowest = ({ dtype, data }: Tensor): number => {
  if (dtype === 'float32') return -3.4028234663852886e38;
  if (dtype === 'float64') return -Number.MAX_VALUE;
  if (data instanceof Uint8Array || data instanceof Uint16Array) return 0;
  return -(2 ** (8 * (data as Int8Array).BYTES_PER_ELEMENT - 1));
};

const argmax: ReferenceKernel = (inputs, node) => {
  const { input, g, shape } = pooled(inputAt(inputs, 0), node);
  const found = maxPoolWithArgmax(g, numbers(input), opAttr(node, 'include_batch_in_index', 'bool'));
  return [
    tensorOfNumbers(input.dtype, shape, found.max),
    tensorOfNumbers(opAttr(node, 'Targmax', 'type'), shape, found.argmax),
  ];
};

/** Pooling in floating point; averages leave the padding out. MaxPoolV2 reads ksize and strides as inputs. */
export const poolReference = {
  MaxPool: max,
  MaxPoolV2: max,
  MaxPoolWithArgmax: argmax,
  AvgPool: pool((g, input) => averagePool(g, numbers(input))),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
