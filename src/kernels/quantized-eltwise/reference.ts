import { UserError } from '../../base/errors.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf } from '../../base/shape.ts';
import { numberOf, type Tensor } from '../../base/tensor.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { opAttr } from '../../graph/signature.ts';
import { broadcastView, materialize, view } from '../array/view.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import { affineCode, affineDecoder, affineEncoder, affineValue, codeLimits, limitsOf } from '../quantize/codes.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { clamp, saturate32 } from '../requantize/contract.ts';

const f32 = Math.fround;
const scalar = (x: number): Tensor => tensorOfNumbers('float32', [], Float64Array.of(x)) as Tensor;

/** The affine range of operand `t` whose bounds are inputs `i` and `i + 1`. */
const affineAt = (inputs: readonly Tensor[], t: Tensor, i: number) => {
  const [min, max] = [numberOf(inputAt(inputs, i)), numberOf(inputAt(inputs, i + 1))];
  if (!(min <= max)) throw new UserError(`[${min}, ${max}] is not a range`);
  return { min, max, limits: limitsOf(t.dtype) };
};

/** The codes of both operands under their common shape. */
function broadcastPair(x: Tensor, y: Tensor): { shape: Shape; a: ArrayLike<number>; b: ArrayLike<number> } {
  const shape = broadcastShapes(x.shape, y.shape);
  if (shape === undefined) throw new UserError(`can't broadcast ${formatShape(x.shape)} with ${formatShape(y.shape)}`);
  const full = (t: Tensor) => numbers(materialize(broadcastView(view(t), shape), t));
  return { shape, a: full(x), b: full(y) };
}

const totalRange = (bound: number): readonly [Tensor, Tensor] => [scalar(-bound), scalar(bound)];

/** The code in [−bound, bound] of each operand's code 0, and the step from there to code 1: TensorFlow adds in fixed point. */
function lineOf(inputs: readonly Tensor[], t: Tensor, i: number, bound: number): (code: number) => number {
  const from = affineAt(inputs, t, i);
  const total = { min: -bound, max: bound, limits: codeLimits.qint32 };
  const [zero, one] = [0, 1].map((code) => affineCode(affineValue(code, from), total)) as [number, number];
  return (code) => saturate32(zero + code * (one - zero));
}

/** x + y in qint32 over ±2^14 times the largest bound. */
const add: ReferenceKernel = (inputs) => {
  const [x, y] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const { shape, a, b } = broadcastPair(x, y);
  const [xr, yr] = [affineAt(inputs, x, 2), affineAt(inputs, y, 4)];
  const largest = Math.max(Math.abs(Math.min(xr.min, yr.min)), Math.abs(Math.max(xr.max, yr.max)));
  const bound = f32(largest * 2 ** 14);
  // An operand of one element goes through floats, all others along a line of fixed steps.
  const toTotal = (t: Tensor, i: number): ((code: number) => number) => {
    if (t.data.length > 1) return lineOf(inputs, t, i, bound);
    const from = affineAt(inputs, t, i);
    const total = { min: -bound, max: bound, limits: codeLimits.qint32 };
    return (code) => saturate32(affineCode(affineValue(code, from), total));
  };
  const [fx, fy] = [toTotal(x, 2), toTotal(y, 4)];
  const sums = Float64Array.from({ length: sizeOf(shape) }, (_, i) => fx(a[i]!) + fy(b[i]!));
  return [tensorOfNumbers('qint32', shape, sums), ...totalRange(bound)];
};

/** x · y in qint32: (x − z_x)(y − z_y), exact. */
const mul: ReferenceKernel = (inputs) => {
  const [x, y] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const { shape, a, b } = broadcastPair(x, y);
  const ranges = [affineAt(inputs, x, 2), affineAt(inputs, y, 4)] as const;
  const [zx, zy] = ranges.map((range) => affineCode(0, range)) as [number, number];
  const products = Float64Array.from({ length: sizeOf(shape) }, (_, i) => (a[i]! - zx) * (b[i]! - zy));
  const [stepX, stepY] = ranges.map(({ min, max }) => f32(f32(max - min) / 255)) as [number, number];
  const step = f32(stepX * stepY);
  const bounds = [scalar(step * -(2 ** 31)), scalar(step * f32(2 ** 31 - 1))];
  return [tensorOfNumbers('qint32', shape, products), ...bounds];
};

/** input + bias (over the last axis) in qint32, both brought to a range of ±2^17 times the largest bound first. */
const biasAdd: ReferenceKernel = (inputs) => {
  const [input, bias] = [inputAt(inputs, 0), inputAt(inputs, 1)];
  const channels = input.shape.at(-1) ?? 0;
  if (input.shape.length < 2 || bias.shape.length !== 1 || bias.shape[0] !== channels)
    throw new UserError(`a bias of shape ${formatShape(bias.shape)} does not fit ${formatShape(input.shape)}`);
  const [xr, br] = [affineAt(inputs, input, 2), affineAt(inputs, bias, 4)];
  const largest = Math.max(xr.max, -xr.min, br.max, -br.min);
  const bound = f32(largest * 2 ** 17);
  const total = { min: -bound, max: bound, limits: codeLimits.qint32 };
  const encode = affineEncoder(total);
  const zero = affineCode(0, total);
  const [decodeX, decodeB] = [affineDecoder(xr), affineDecoder(br)];
  const biases = Float64Array.from(numbers(bias), (code) => encode(decodeB(code)) + zero);
  const sums = Float64Array.from(numbers(input), (code, i) => encode(decodeX(code)) + biases[i % channels]!);
  return [tensorOfNumbers('qint32', input.shape, sums), ...totalRange(bound)];
};

/** Codes below that of zero become it; with `upper`, those above that of `upper` become that. The range stays. */
const relu =
  (upperOf: (inputs: readonly Tensor[]) => number): ReferenceKernel =>
  (inputs, node) => {
    const features = inputAt(inputs, 0);
    const at = inputs.length - 2;
    const range = affineAt(inputs, features, at);
    const { low, high } = range.limits;
    const code = (x: number) => clamp(affineCode(x, range), low, high);
    const [zero, top] = [code(0), upperOf(inputs) === Infinity ? high : code(upperOf(inputs))];
    const codes = Float64Array.from(numbers(features), (c) => Math.min(Math.max(c, zero), top));
    return [
      tensorOfNumbers(opAttr(node, 'out_type', 'type'), features.shape, codes),
      inputAt(inputs, at),
      inputAt(inputs, at + 1),
    ];
  };

/** Elementwise ops on affine codes. */
export const quantizedEltwiseReference = {
  QuantizedAdd: add,
  QuantizedMul: mul,
  QuantizedBiasAdd: biasAdd,
  QuantizedRelu: relu(() => Infinity),
  QuantizedRelu6: relu(() => 6),
  QuantizedReluX: relu((inputs) => numberOf(inputAt(inputs, 1))),
} satisfies Partial<Record<OpName, ReferenceKernel>>;
