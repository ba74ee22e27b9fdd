import { UserError } from '../../base/errors.ts';
import { numberOf, numbersOf, type Tensor } from '../../base/tensor.ts';
import type { Node } from '../../graph/graph.ts';
import type { OpName } from '../../graph/ops/index.ts';
import { opAttr } from '../../graph/signature.ts';
import { inputAt, numbers, tensorOfNumbers } from '../numbers.ts';
import { affineDecoder, affineEncoder, affineValue, codeLimits, limitsOf } from '../quantize/codes.ts';
import type { Range } from '../quantize/quantize.ts';
import type { ReferenceKernel } from '../reference-kernel.ts';
import { clamp, rne, roundHalfAway } from './contract.ts';

const f32 = Math.fround;
const scalars = (...values: number[]): Tensor[] =>
  values.map((v) => tensorOfNumbers('float32', [], Float64Array.of(v)) as Tensor);
const rangeAt = (inputs: readonly Tensor[], i: number): Range => ({
  min: numberOf(inputAt(inputs, i)),
  max: numberOf(inputAt(inputs, i + 1)),
});

/** ⌊a·b / 2^32⌋ for |a| ≤ 2^31 and 0 ≤ b < 2^53, without leaving the integers that a double holds. */
function multiplyHigh(a: number, b: number): number {
  const high = Math.floor(b / 2 ** 32);
  const low = b % 2 ** 32;
  const middle = Math.floor(low / 2 ** 16);
  const part = a * middle + Math.floor((a * (low % 2 ** 16)) / 2 ** 16);
  return a * high + Math.floor(part / 2 ** 16);
}

/**
 * qint32 codes over one affine range → quint8 codes over another, in fixed point with 16 fractional bits
 * (RequantizeManyInNewRange), saturating where TensorFlow's vectors wrap beyond 16-bit codes.
 */
function requantizeToBytes(from: Range, to: Range): (code: number) => number {
  if (f32(to.max - to.min) === 0) return () => 0;
  const { scale, offset } = fixedPoint(from, to);
  return (code) => clamp(Math.floor((multiplyHigh(code, scale) + offset) / one), 0, 255);
}

const one = 65_536;

/** y = ⌊(⌊code·scale / 2^32⌋ + offset) / 2^16⌋, before it saturates. */
export function fixedPoint(from: Range, to: Range): { readonly scale: number; readonly offset: number } {
  const outputRange = f32(to.max - to.min);
  const scale = Math.trunc((255 * one * f32(from.max - from.min)) / outputRange);
  const center = f32(f32(from.min + from.max) / 2);
  const inputOffset = Math.trunc(f32(f32(center * f32(255 / outputRange)) * one));
  const outputOffset = roundHalfAway((one * (to.min * 255)) / outputRange);
  return { scale, offset: inputOffset - outputOffset + one / 2 };
}

/** Codes of one type and range as codes of another. */
function requantizer(input: Tensor, from: Range, outType: Tensor['dtype'], to: Range): (code: number) => number {
  if (input.dtype === 'qint32' && outType === 'quint8') return requantizeToBytes(from, to);
  const decode = affineDecoder({ ...from, limits: limitsOf(input.dtype) });
  const encode = affineEncoder({ ...to, limits: limitsOf(outType) });
  return (code) => encode(decode(code));
}

/** input, its range, the requested range → codes over the requested range, which is returned as it came. */
const requantize: ReferenceKernel = (inputs, node) => {
  const input = inputAt(inputs, 0);
  const to = rangeAt(inputs, 3);
  if (to.min > 0) throw new UserError(`requested_output_min must be at most 0, found ${to.min}`);
  if (to.max < to.min) throw new UserError(`the requested range [${to.min}, ${to.max}] is empty`);
  const outType = opAttr(node, 'out_type', 'type');
  const codes = Float64Array.from(numbers(input), requantizer(input, rangeAt(inputs, 1), outType, to));
  return [tensorOfNumbers(outType, input.shape, codes), ...scalars(to.min, to.max)];
};

const extremes = (codes: ArrayLike<number>): Range => {
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < codes.length; i++) {
    min = Math.min(min, codes[i]!);
    max = Math.max(max, codes[i]!);
  }
  return { min, max };
};

/** The real range that the codes use; zero is always in it. */
function usedRange(input: Tensor, from: Range): Range {
  const { min, max } = extremes(numbers(input));
  const affine = { ...from, limits: limitsOf(input.dtype) };
  return { min: Math.min(0, affineValue(min, affine)), max: affineValue(max, affine) };
}

const requantizationRange: ReferenceKernel = (inputs) => {
  const { min, max } = usedRange(inputAt(inputs, 0), rangeAt(inputs, 1));
  return scalars(min, max);
};

/** RequantizationRange and Requantize in one. */
const quantizeDown: ReferenceKernel = (inputs, node) => {
  const input = inputAt(inputs, 0);
  const from = rangeAt(inputs, 1);
  const used = usedRange(input, from);
  const outType = opAttr(node, 'out_type', 'type');
  const codes = Float64Array.from(numbers(input), requantizer(input, from, outType, used));
  return [tensorOfNumbers(outType, input.shape, codes), ...scalars(used.min, used.max)];
};

/** What the codes of each channel (the last axis) are counted in: max(|min|, |max|) stands for 2^31. */
function channelBounds(inputs: readonly Tensor[], node: Node): { bounds: number[]; channels: number } {
  const channels = inputAt(inputs, 0).shape.at(-1) ?? 1;
  const [mins, maxes] = [numbersOf(inputAt(inputs, 1)), numbersOf(inputAt(inputs, 2))];
  const bounds = mins.map((min, c) => Math.max(Math.abs(min), Math.abs(maxes[c] ?? Number.NaN)));
  if (bounds.length !== channels || maxes.length !== channels)
    throw new UserError(`${node.op} needs ${channels} ranges, found ${mins.length} and ${maxes.length}`);
  return { bounds, channels };
}

/** The largest value of any channel, at most clip_value_max: symmetric when any code is negative, else from 0. */
const requantizationRangePerChannel: ReferenceKernel = (inputs, node) => {
  const { bounds, channels } = channelBounds(inputs, node);
  const codes = numbers(inputAt(inputs, 0));
  const scales = bounds.map((bound) => f32(f32(bound) / 2 ** 31));
  let largest = 0;
  let negative = false;
  for (let i = 0; i < codes.length; i++) {
    largest = Math.max(largest, f32(Math.abs(codes[i]!) * scales[i % channels]!));
    negative ||= codes[i]! < 0;
  }
  // Of sums that are all zero TensorFlow says the smallest normal number.
  const max = Math.min(Math.max(largest, 2 ** -126), opAttr(node, 'clip_value_max', 'float'));
  return scalars(negative ? -max : 0, max);
};

/** s_c of RequantizePerChannel, whose highest code is `high`. */
export function channelMultipliers(bounds: readonly number[], { min, max }: Range, high: number): number[] {
  const requested = Math.max(Math.abs(min), Math.abs(max));
  return bounds.map((bound) => f32(((bound / 2 ** 31) * high) / requested));
}

/** Symmetric: y = clamp(rne(f32(q·s_c))), s_c from the channel's bound to the requested one. */
const requantizePerChannel: ReferenceKernel = (inputs, node) => {
  const input = inputAt(inputs, 0);
  const { bounds, channels } = channelBounds(inputs, node);
  const to = rangeAt(inputs, 3);
  const outType = opAttr(node, 'out_type', 'type');
  const { low, high } = outType === 'quint8' ? codeLimits.quint8 : codeLimits.qint8;
  const scales = channelMultipliers(bounds, to, high);
  const codes = Float64Array.from(numbers(input), (q, i) => clamp(rne(f32(f32(q) * scales[i % channels]!)), low, high));
  return [tensorOfNumbers(outType, input.shape, codes), ...scalars(to.min, to.max)];
};

/** From qint32 sums to bytes. */
export const requantizeReference = {
  Requantize: requantize,
  RequantizationRange: requantizationRange,
  RequantizePerChannel: requantizePerChannel,
  RequantizationRangePerChannel: requantizationRangePerChannel,
  QuantizeDownAndShrinkRange: quantizeDown,
} satisfies Partial<Record<OpName, ReferenceKernel>>;
