import { UserError } from '../../base/errors.ts';
import { broadcastShapes, sameShape } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { opAttr } from '../../graph/signature.ts';
import { broadcastView, materialize, view } from '../array/view.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { type Activation, activations } from './functions.ts';

const pointwise =
  (f: Activation, alphaOf: (node: Node) => number = () => 0): ReferenceKernel =>
  ([x], node) => {
    const alpha = alphaOf(node);
    const values = numbers(x!);
    const out = new Float64Array(values.length);
    for (let i = 0; i < out.length; i++) out[i] = f(values[i]!, alpha);
    return [tensorOfNumbers(x!.dtype, x!.shape, out)];
  };

/** TensorFlow.js's Prelu(x, alpha): alpha is broadcast to x. */
const prelu: ReferenceKernel = (inputs) => {
  const x = inputAt(inputs, 0);
  const alpha = inputAt(inputs, 1);
  if (!sameShape(broadcastShapes(x.shape, alpha.shape) ?? [Number.NaN], x.shape))
    throw new UserError(`slopes of shape [${alpha.shape}] do not fit [${x.shape}]`);
  const slopes = numbers(materialize(broadcastView(view(alpha), x.shape), alpha as Tensor));
  const values = numbers(x);
  const out = Float64Array.from(values, (v, i) => (v < 0 ? v * slopes[i]! : v));
  return [tensorOfNumbers(x.dtype, x.shape, out)];
};

/** Activations of one tensor. Sigmoid and Tanh are with the elementwise ops. */
export const activationReference = {
  Relu: pointwise(activations.Relu),
  Relu6: pointwise(activations.Relu6),
  LeakyRelu: pointwise(activations.LeakyRelu, (node) => opAttr(node, 'alpha', 'float')),
  Elu: pointwise(activations.Elu),
  Selu: pointwise(activations.Selu),
  Softplus: pointwise(activations.Softplus),
  Softsign: pointwise(activations.Softsign),
  Prelu: prelu,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
