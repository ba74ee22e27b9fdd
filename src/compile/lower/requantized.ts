import type { DType } from '../../base/dtype.ts';
import { numberOf, numbersOf, scalar, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import { opAttr } from '../../graph/signature.ts';
import type { ConvSpec, Result } from '../../kernels/conv/native/spec.ts';
import type { Buffer, NativeKernel } from '../../kernels/native-kernel.ts';
import { vector } from '../../kernels/numbers.ts';
import { codeLimits, symmetricScale } from '../../kernels/quantize/codes.ts';
import type { Range } from '../../kernels/quantize/quantize.ts';
import { type SumScales, sumRange, sumSteps, weightScales } from '../../kernels/quantized-conv/finish.ts';
import { missingSteps } from '../../kernels/quantized-matmul/reference.ts';
import { perChannelFormula, requantizeFormula } from '../../kernels/requantize/native/formulas.ts';
import { channelMultipliers } from '../../kernels/requantize/reference.ts';
import { partsOf, requantizedOp, splitOperands, sumOps } from '../internal-requantized.ts';
import { convKernels, depthwiseKernels } from '../kernels.ts';
import { chosen, type Halo, type Operand } from '../layer.ts';
import {
  addKernel,
  boundsOf,
  byteType,
  decline,
  inputIndex,
  type Lower,
  type LowerContext,
  rangeOf,
  tensorAt,
  valueAt,
} from './lowering.ts';
import { addPointwise } from './pointwise.ts';
import { weightsAt } from './quantized-conv.ts';
import { operandScale } from './quantized-matmul.ts';
import { convolutionOf, oneByOne, rowsOf } from './windows.ts';

/** A quantized convolution or matrix product up to its sums. */
type Product = {
  readonly spec: (from: Buffer, to: Buffer) => Omit<ConvSpec, 'bias' | 'result'>;
  readonly kernels: readonly NativeKernel<ConvSpec>[];
  readonly shape: readonly number[];
  readonly halo?: Halo;
  /** Products in a sum. */
  readonly depth: number;
  readonly scales: SumScales;
  readonly bias?: Tensor;
  /** What each sum lacks, in its steps. */
  readonly missing?: ArrayLike<number>;
  readonly relu: boolean;
};

function biasOf(context: LowerContext): { readonly bias?: Tensor } {
  const at = inputIndex(context.node, 'bias');
  return at === undefined ? {} : { bias: tensorAt(context, at) };
}

function convolution(context: LowerContext): Product {
  const { node } = context;
  const input = valueAt(context, 0);
  const weights = weightsAt(context, 1);
  const isDepthwise = node.op.includes('Depthwise');
  const { windows, halo, shape, depth } = convolutionOf(node, input.shape, weights.shape, isDepthwise);
  const { min, max } = rangeOf(context, 'input');
  return {
    spec: (from, to) => ({ input: from, output: to, ...windows, weights: weights.data }),
    kernels: isDepthwise ? depthwiseKernels : convKernels,
    shape,
    halo,
    depth,
    scales: { input: symmetricScale(input.dtype, min, max), weights: weightScales(...boundsOf(context, 'filter')) },
    ...biasOf(context),
    relu: node.op.includes('Relu'),
  };
}

function matrixProduct(context: LowerContext): Product {
  const { node } = context;
  const input = valueAt(context, 0);
  const weights = weightsAt(context, 1);
  if (input.shape.length !== 2 || opAttr(node, 'transpose_a', 'bool')) decline('its first operand is no plain matrix');
  if (opAttr(node, 'transpose_b', 'bool')) decline('its weights are transposed');
  const [k, columns] = weights.shape as readonly [number, number];
  const { bias } = biasOf(context);
  const scale = operandScale(context, false);
  const { min } = rangeOf(context, 'a');
  const isMinFirst = opAttr(node, 'input_quant_mode', 'string') === 'MIN_FIRST';
  const lacks = isMinFirst && min !== 0 && bias?.dtype === 'float32';
  return {
    spec: (from, to) => ({
      input: rowsOf(from),
      output: rowsOf(to),
      ...oneByOne,
      weights: weights.data,
    }),
    kernels: convKernels,
    shape: [input.shape[0]!, columns],
    depth: k,
    // Unlike convolutions, products leave each channel's sums on its own scale.
    scales: { input: scale, weights: weightScales(...boundsOf(context, 'b')).slice(0, 1) },
    ...(bias && { bias }),
    ...(lacks && { missing: missingSteps(weights.data, columns, Math.round(min / scale), false) }),
    relu: node.op.includes('Relu'),
  };
}

const productOf = (context: LowerContext): Product =>
  context.node.op.includes('MatMul') ? matrixProduct(context) : convolution(context);

/** How a kernel makes TensorFlow's qint32 codes of the sums (finish.ts, toSums): what it adds to them, and their steps. */
function codesOf({ scales, shape, bias, missing, depth }: Product): Pick<ConvSpec, 'bias'> & Pick<Sums, 'steps'> {
  const channels = shape.at(-1)!;
  if (![1, channels].includes(scales.weights.length)) decline(`${scales.weights.length} ranges of weights`);
  const { perChannel, largest, steps, back } = sumSteps(scales, channels);
  const added = bias === undefined ? undefined : vector(bias, channels, 'the bias');
  const isWhole = bias === undefined || bias.dtype === 'qint32';
  const whole = (values: ArrayLike<number>): Int32Array => {
    const most = Array.from(values).reduce((a, b) => Math.max(a, Math.abs(b)), 0);
    // Where these sums saturate the kernels' would wrap round.
    return most + depth * 255 * 128 < 2 ** 31 ? Int32Array.from(values) : decline('sums beyond int32');
  };
  if (!perChannel && isWhole) return added === undefined ? {} : { bias: whole(added) };
  const addends = Float32Array.from({ length: channels }, (_, c) => {
    const value = added?.[c] ?? 0;
    if (!perChannel) return Math.fround(value / largest);
    return isWhole ? Math.fround(value * steps[c]!) : value;
  });
  const inSteps = perChannel ? { steps, addends, back } : { steps: steps.fill(1), addends, back: 1 };
  return { ...(missing && { bias: whole(missing) }), steps: inSteps };
}

type Sums = Extract<Result, { kind: 'sums' }>;

/** Adds the layer of a product whose sums become `result`. */
function addProduct(context: LowerContext, product: Product, dtype: DType, result: Result, bias?: Int32Array): Operand {
  return addKernel(context, {
    inputs: [valueAt(context, 0).id],
    dtype,
    shape: product.shape,
    halos: [product.halo],
    choose: ({ inputs: [from], output, isa }) =>
      chosen(product.kernels, isa, { ...product.spec(from!, output), ...(bias && { bias }), result }),
  });
}

/** The ops of figure 1b whose outputs are sums in qint32, with their range. */
const lowerSums: Lower = (context) => {
  const { node } = context;
  const product = productOf(context);
  const { bias, steps } = codesOf(product);
  const result: Sums = { kind: 'sums', relu: product.relu, ...(steps && { steps }) };
  const names = node.op.includes('MatMul') ? (['a', 'b'] as const) : (['input', 'filter'] as const);
  const range = sumRange(valueAt(context, 0).dtype, ...boundsOf(context, names[0]), ...boundsOf(context, names[1]));
  return [addProduct(context, product, 'qint32', result, bias), ...range.map((tensor) => ({ tensor }))];
};

const rangeAt = (context: LowerContext, i: number): Range => ({
  min: numberOf(tensorAt(context, i)),
  max: numberOf(tensorAt(context, i + 1)),
});

const codeType = (node: Node) => byteType(opAttr(node, 'out_type', 'type'), 'codes');

/** What RequantizePerChannel multiplies each channel by; all are positive. */
function multipliersAt(context: LowerContext, at: { readonly from: number; readonly to: number }, channels: number) {
  const [mins, maxes] = [at.from, at.from + 1].map((i) => numbersOf(tensorAt(context, i))) as [number[], number[]];
  if (mins.length !== channels || maxes.length !== channels) decline(`${mins.length} ranges for ${channels} channels`);
  const bounds = mins.map((min, c) => Math.max(Math.abs(min), Math.abs(maxes[c]!)));
  const { low, high } = codeLimits[codeType(context.node)];
  const multipliers = Float32Array.from(channelMultipliers(bounds, rangeAt(context, at.to), high));
  return { multipliers: multipliers.every(Number.isFinite) ? multipliers : decline('a range is empty'), low, high };
}

/** The requested range, as the ops pass it on. */
const passedOn = (context: LowerContext): readonly Operand[] =>
  [3, 4].map((i) => ({ tensor: scalar('float32', numberOf(tensorAt(context, i))) }));

const lowerRequantize: Lower = (context) => {
  const { node } = context;
  const { dtype } = valueAt(context, 0);
  const to = rangeAt(context, 3);
  if (dtype !== 'qint32' || to.min > 0 || to.max < to.min) decline(`codes of ${dtype} over [${to.min}, ${to.max}]`);
  const compute =
    requantizeFormula(rangeAt(context, 1), to, codeType(node)) ?? decline('its ranges have no native form');
  return [addPointwise(context, { operands: [0], dtype: codeType(node), compute }), ...passedOn(context)];
};

const lowerRequantizePerChannel: Lower = (context) => {
  const { dtype, shape } = valueAt(context, 0);
  if (dtype !== 'qint32') decline(`codes of ${dtype}`);
  const { multipliers, low, high } = multipliersAt(context, { from: 1, to: 3 }, shape.at(-1) ?? 1);
  const [multiplier] = multipliers;
  if (multipliers.some((m) => m !== multiplier)) decline('channels of different scales');
  const compute = perChannelFormula(multiplier!, low, high);
  return [addPointwise(context, { operands: [0], dtype: codeType(context.node), compute }), ...passedOn(context)];
};

/** _OctetRequantized (internal-requantized.ts). */
const lowerRequantized: Lower = (context) => {
  const { sums, end } = partsOf(context.node);
  const [first, last] = splitOperands(context.operands);
  const before: LowerContext = { ...context, node: { ...sums, name: `${sums.name}/sums` }, operands: first };
  if (end.op === 'Requantize') {
    const [codes] = lowerSums(before);
    return lowerRequantize({ ...context, node: end, operands: [codes!, ...last] });
  }
  const product = productOf(before);
  const behind = { ...context, node: end, operands: [first[0]!, ...last] };
  const { multipliers, low, high } = multipliersAt(behind, { from: 1, to: 3 }, product.shape.at(-1)!);
  const { bias, steps } = codesOf(product);
  const limits = { low: product.relu ? Math.max(0, low) : low, high };
  const result: Result = { kind: 'requantize', multipliers, ...limits, ...(steps && { steps }) };
  return [addProduct(context, product, codeType(end), result, bias), ...passedOn(behind)];
};

/** The ops whose lowering is here. */
export const requantizedLowerings: Readonly<Record<string, Lower>> = {
  ...Object.fromEntries(sumOps.map((op) => [op, lowerSums])),
  Requantize: lowerRequantize,
  RequantizePerChannel: lowerRequantizePerChannel,
  [requantizedOp]: lowerRequantized,
};
