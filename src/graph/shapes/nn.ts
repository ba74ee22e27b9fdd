import type { PartialShape } from '../../base/shape.ts';
import { numberOf } from '../../base/tensor.ts';
import type { InferContext, ShapeRule } from '../infer.ts';
import type { OpName } from '../ops/index.ts';
import { opAttr } from '../signature.ts';
import { axesOf, readLayout, readWindows } from './geometry.ts';
import { convolved, type Dim, dimOf, pooledShape } from './windows.ts';

const asInput: ShapeRule = ({ inputs }) => [inputs[0]?.shape ?? null];
const conv: ShapeRule = (context) => [convolved(context)];
const depthwise: ShapeRule = (context) => [convolved(context, { depthwise: true })];
const pool: ShapeRule = (context) => [pooledShape(context)];

/** Every output after the first is a vector over the channels; V3's and Ex's last is empty. */
const batchNorm: ShapeRule = ({ node, inputs, outputs }) => {
  const x = inputs[0]?.shape ?? null;
  const channels: PartialShape = [dimOf(x, axesOf[readLayout(node)].c, 4)];
  return [x, ...new Array<PartialShape>(4).fill(channels), [0]].slice(0, outputs);
};

/** The sizes are an input; two of them are height and width alone. */
const convTransposed: ShapeRule = ({ node, inputs, elements }) => {
  const sizes = elements(0);
  if (sizes?.length === 4) return [sizes];
  const { n, h, w } = axesOf[readLayout(node)];
  const shape = [null, null, null, null] as Dim[];
  shape[n] = dimOf(inputs[2]?.shape, n, 4);
  if (sizes?.length === 2) {
    [shape[h], shape[w]] = sizes as [Dim, Dim];
    shape[axesOf[readLayout(node)].c] = dimOf(inputs[1]?.shape, 2, 4);
  }
  return [shape];
};

const withoutLast = (shape: PartialShape | undefined): PartialShape => shape?.slice(0, -1) ?? null;

const topK: ShapeRule = (context) => {
  const k: Dim = context.node.op === 'TopK' ? opAttr(context.node, 'k', 'int') : constantNumber(context, 1);
  const rows = withoutLast(context.inputs[0]?.shape);
  const shape = rows && [...rows, k];
  return [shape, shape];
};

const constantNumber = ({ constant }: InferContext, i: number): Dim => {
  const tensor = constant(i);
  return tensor === undefined ? null : numberOf(tensor);
};

const inTopK: ShapeRule = ({ inputs }) => [inputs[1]?.shape ?? null];

const crossEntropy: ShapeRule = ({ inputs }) => {
  const shape = inputs[0]?.shape ?? null;
  return [shape && [shape[0] ?? null], shape];
};

/** Convolutions of an image that is padded first, `paddings` being input `at`. */
const paddedConv =
  (at: number): ShapeRule =>
  (context) => {
    const { node, inputs, constant } = context;
    const paddings = constant(at);
    const size = at === 2 ? context.elements(1) : undefined;
    const resized: PartialShape | undefined =
      at === 2 ? [dimOf(inputs[0]?.shape, 0, 4), ...(size ?? [null, null]), dimOf(inputs[0]?.shape, 3, 4)] : undefined;
    const image = resized ?? inputs[0]?.shape ?? null;
    readWindows(node);
    const padded =
      image === null || paddings === undefined
        ? null
        : image.map((dim, i) =>
            dim === null ? null : dim + Number(paddings.data[2 * i]) + Number(paddings.data[2 * i + 1]),
          );
    const filter = inputs[at + 1];
    return [
      convolved({
        ...context,
        inputs: [{ dtype: undefined, shape: padded }, filter ?? { dtype: undefined, shape: null }],
      }),
    ];
  };

/** Shapes of the neural-network layers. */
export const nnShapes = {
  AvgPool: pool,
  BatchNormWithGlobalNormalization: asInput,
  BiasAdd: asInput,
  BiasAddV1: asInput,
  Conv2D: conv,
  Conv2DBackpropInput: convTransposed,
  Conv2DBackpropInputV2: asInput,
  DataFormatDimMap: asInput,
  DataFormatVecPermute: asInput,
  DepthwiseConv2dNative: depthwise,
  Elu: asInput,
  FusedBatchNorm: batchNorm,
  _FusedBatchNormEx: batchNorm,
  FusedBatchNormV2: batchNorm,
  FusedBatchNormV3: batchNorm,
  _FusedConv2D: conv,
  FusedDepthwiseConv2dNative: depthwise,
  _FusedDepthwiseConv2dNative: depthwise,
  _FusedMatMul: ({ node, inputs }) => {
    const flipped = (i: number, attr: string) => (opAttr(node, attr, 'bool') ? 1 - i : i);
    return [
      [dimOf(inputs[0]?.shape, flipped(0, 'transpose_a'), 2), dimOf(inputs[1]?.shape, flipped(1, 'transpose_b'), 2)],
    ];
  },
  FusedPadConv2D: paddedConv(1),
  FusedResizeAndPadConv2D: paddedConv(2),
  InTopK: inTopK,
  InTopKV2: inTopK,
  LeakyRelu: asInput,
  LogSoftmax: asInput,
  LRN: asInput,
  MaxPool: pool,
  MaxPoolV2: pool,
  MaxPoolWithArgmax: (context) => [pooledShape(context), pooledShape(context)],
  NthElement: ({ inputs }) => [withoutLast(inputs[0]?.shape)],
  Prelu: asInput,
  Relu: asInput,
  Relu6: asInput,
  Selu: asInput,
  Softmax: asInput,
  SoftmaxCrossEntropyWithLogits: crossEntropy,
  Softplus: asInput,
  Softsign: asInput,
  SparseSoftmaxCrossEntropyWithLogits: crossEntropy,
  TopK: topK,
  TopKV2: topK,
} satisfies Partial<Record<OpName, ShapeRule>>;
