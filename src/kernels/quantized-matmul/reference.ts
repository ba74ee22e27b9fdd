import { UserError } from '../../base/errors.ts';
import { numberOf, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { argRanges, opAttr } from '../../graph/signature.ts';
import { matrixProduct } from '../matmul/reference.ts';
import { inputAt, numbers, tensorOfNumbers, vector } from '../numbers.ts';
import { affineCode, limitsOf, symmetricScale } from '../quantize/codes.ts';
import {
  rangeScale,
  type SumScales,
  sumRange,
  toBytes,
  toFloats,
  toSums,
  weightScales,
} from '../quantized-conv/finish.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';

const f32 = Math.fround;
type Bounds = readonly [Tensor, Tensor];
const widthOf = ([min, max]: Bounds): number => f32(numberOf(max) - numberOf(min));

/** The codes of a matrix less the code of zero of its affine range. */
function centered(t: Tensor, [min, max]: Bounds): Tensor {
  const zero = affineCode(0, { min: numberOf(min), max: numberOf(max), limits: limitsOf(t.dtype) });
  return tensorOfNumbers(
    'int32',
    t.shape,
    Int32Array.from(numbers(t), (code) => code - zero),
  );
}

/** quint8 × quint8, affine: z = Σ (a − z_a)(b − z_b) in qint32. */
const affine: ReferenceKernel = (inputs, node) => {
  const ranges = [2, 4].map((i) => [inputAt(inputs, i), inputAt(inputs, i + 1)] as const) as [Bounds, Bounds];
  const { sums, m, n } = matrixProduct(centered(inputs[0]!, ranges[0]), centered(inputs[1]!, ranges[1]), node);
  const step = f32(f32(widthOf(ranges[0]) / 255) * f32(widthOf(ranges[1]) / 255));
  const bound = (end: number) => tensorOfNumbers('float32', [], Float64Array.of(step * f32(end))) as Tensor;
  return [tensorOfNumbers('qint32', [m, n], sums), bound(-(2 ** 31)), bound(2 ** 31 - 1)];
};

/** The parts of the forms with a bias, by the names of their inputs. */
type Parts = {
  readonly a: Tensor;
  readonly b: Tensor;
  readonly bias?: Tensor;
  readonly aRange: Bounds;
  readonly bRange: Bounds;
  readonly outputRange?: Bounds;
  readonly relu: boolean;
  readonly output: 'sums' | 'bytes' | 'floats';
  readonly dtype: Tensor['dtype'];
  readonly minFirst: boolean;
};

function namedParts(inputs: readonly Tensor[], node: Node): Parts {
  const ranges = argRanges(node, 'inputs');
  const at = (name: string) => inputAt(inputs, ranges.get(name)?.start ?? -1);
  const bounds = (name: string): Bounds => [at(`min_${name}`), at(`max_${name}`)];
  const frozen = ranges.has('min_freezed_output');
  return {
    a: at('a'),
    b: at('b'),
    bias: at('bias'),
    aRange: bounds('a'),
    bRange: bounds('b'),
    ...(frozen && { outputRange: bounds('freezed_output') }),
    relu: node.op.includes('Relu'),
    output: node.op.endsWith('AndDequantize') ? 'floats' : frozen ? 'bytes' : 'sums',
    dtype: opAttr(node, 'Toutput', 'type'),
    minFirst: opAttr(node, 'input_quant_mode', 'string') === 'MIN_FIRST',
  };
}

/** `_QuantizedMatMul`: tensors as device inputs (a, b, bias), ranges as host inputs (a, b, output), the rest in fused_ops. */
function fusedParts(inputs: readonly Tensor[], node: Node): Parts {
  const fused = opAttr(node, 'fused_ops', 'strings');
  const known = ['BiasAdd', 'Relu', 'Requantize', 'Dequantize'];
  const unknown = fused.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new UserError(`the fused op '${unknown}' is none of ${known.join(', ')}`);
  const devices = argRanges(node, 'inputs').get('device_inputs')?.count ?? 0;
  const host = (i: number): Bounds => [inputAt(inputs, devices + i), inputAt(inputs, devices + i + 1)];
  return {
    a: inputAt(inputs, 0),
    b: inputAt(inputs, 1),
    ...(fused.includes('BiasAdd') && { bias: inputAt(inputs, 2) }),
    aRange: host(0),
    bRange: host(2),
    ...(fused.includes('Requantize') && { outputRange: host(4) }),
    relu: fused.includes('Relu'),
    output: fused.includes('Requantize') ? 'bytes' : fused.includes('Dequantize') ? 'floats' : 'sums',
    dtype: opAttr(node, 'Tout', 'type'),
    minFirst: opAttr(node, 'input_quant_mode', 'string') === 'MIN_FIRST',
  };
}

/**
 * Sums of a·b and a bias. A quint8 `a` counts in steps of (max − min)/255 as TensorFlow has it; where min is below zero its
 * zero is not code 0, which a qint32 bias must have made up for already and a float bias is made up for here.
 */
function biased(parts: Parts, node: Node): readonly Tensor[] {
  const { a, b, aRange, bRange, outputRange, relu, dtype } = parts;
  const { sums, m, n } = matrixProduct(a, b, node);
  const [min, max] = aRange.map(numberOf) as [number, number];
  const symmetric = parts.output === 'floats' && !parts.minFirst;
  const input = a.dtype === 'quint8' && !symmetric ? f32(max - min) / 255 : symmetricScale(a.dtype, min, max);
  const scales: SumScales = { input, weights: weightScales(...bRange) };
  if (parts.minFirst && min !== 0 && parts.bias?.dtype === 'float32')
    compensate(sums, missingSteps(numbers(b), n, Math.round(min / input), opAttr(node, 'transpose_b', 'bool')));
  // _QuantizedMatMul adds a float bias to its sums as if it were in their steps.
  const inSteps = node.op === '_QuantizedMatMul' && parts.output === 'sums' && parts.bias?.dtype === 'float32';
  const steps = inSteps ? vector(parts.bias, n, 'the bias') : [];
  if (inSteps) for (let i = 0; i < sums.length; i++) sums[i] = f32(sums[i]! + steps[i % n]!);
  const epilogue = { relu, ...(parts.bias && !inSteps && { bias: parts.bias }) };
  if (parts.output === 'floats') return [tensorOfNumbers(dtype, [m, n], toFloats(sums, n, scales, epilogue))];
  if (parts.output === 'sums' || outputRange === undefined) {
    // Unlike convolutions, products leave each channel's sums on its own scale.
    const codes = toSums(sums, n, { input, weights: scales.weights.slice(0, 1) }, epilogue);
    return [tensorOfNumbers('qint32', [m, n], codes), ...sumRange(a.dtype, ...aRange, ...bRange)];
  }
  const codes = toBytes(sums, n, scales, epilogue, dtype, rangeScale(dtype, ...outputRange));
  return [tensorOfNumbers(dtype, [m, n], codes), ...outputRange];
}

/** zero · Σ_k b[k][n], with zero = min/scale: what the codes of a MIN_FIRST range leave out of the sums of column n. */
export function missingSteps(b: ArrayLike<number>, n: number, zero: number, transposed: boolean): Float64Array {
  const k = n === 0 ? 0 : b.length / n;
  const columns = new Float64Array(n);
  for (let i = 0; i < b.length; i++) columns[transposed ? Math.floor(i / k) : i % n]! += b[i]!;
  return columns.map((sum) => zero * sum);
}

function compensate(sums: Float64Array, missing: Float64Array): void {
  for (let i = 0; i < sums.length; i++) sums[i]! += missing[i % missing.length]!;
}

const named: ReferenceKernel = (inputs, node) => biased(namedParts(inputs, node), node);

/** Quantized matrix products. */
export const quantizedMatmulReference = {
  QuantizedMatMul: affine,
  QuantizedMatMulWithBias: named,
  QuantizedMatMulWithBiasAndRelu: named,
  QuantizedMatMulWithBiasAndDequantize: named,
  QuantizedMatMulWithBiasAndRequantize: named,
  QuantizedMatMulWithBiasAndReluAndRequantize: named,
  _QuantizedMatMul: (inputs, node) => biased(fusedParts(inputs, node), node),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
