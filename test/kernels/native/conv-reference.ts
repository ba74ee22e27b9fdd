import type { ConvSpec, Result, Steps } from '../../../src/kernels/conv/native/spec.ts';
import type { Buffer, ElementType } from '../../../src/kernels/native-kernel.ts';
import {
  addAsFloats,
  clamp,
  requantize,
  requantizeWithSummand,
  rne,
} from '../../../src/kernels/requantize/contract.ts';

/** Plain loops over what the contract says, for the native kernels to be compared with. */

const size: Record<ElementType, number> = { u8: 1, s8: 1, s32: 4, f32: 4 };

export function read(memory: DataView, buffer: Buffer, n: number, y: number, x: number, c: number): number {
  const { offset, stride, type } = buffer;
  const at = offset + n * stride.n + y * stride.h + x * stride.w + c * size[type];
  if (type === 'u8') return memory.getUint8(at);
  if (type === 's8') return memory.getInt8(at);
  return type === 's32' ? memory.getInt32(at, true) : memory.getFloat32(at, true);
}

export function write(
  memory: DataView,
  buffer: Buffer,
  n: number,
  y: number,
  x: number,
  c: number,
  value: number,
): void {
  const { offset, stride, type } = buffer;
  const at = offset + n * stride.n + y * stride.h + x * stride.w + c * size[type];
  if (type === 'u8') memory.setUint8(at, value);
  else if (type === 's8') memory.setInt8(at, value);
  else if (type === 's32') memory.setInt32(at, value, true);
  else memory.setFloat32(at, value, true);
}

const f = Math.fround;

/** The result of a sum: of channel `c`, with `z` of the summand. */
export function finished(result: Result, acc: number, c: number, z: number): number {
  const inSteps = ({ steps, addends, back }: Steps): number => rne(f(f(f(f(acc) * steps[c]!) + addends[c]!) * f(back)));
  if (result.kind === 'sums') {
    const sum = result.steps === undefined ? acc : inSteps(result.steps);
    return result.relu === true ? Math.max(0, sum) : sum;
  }
  if (result.kind === 'real') throw new Error('int8 sums are not real');
  const multiplier = result.multipliers[c]!;
  if (result.kind === 'dequantize') {
    const value = f(f(f(acc) * multiplier) + (result.bias?.[c] ?? 0));
    return Math.min(Math.max(value, result.low ?? -Infinity), result.high ?? Infinity);
  }
  const { summand, low, high, steps, real } = result;
  if (steps !== undefined) return requantize(inSteps(steps), multiplier, low, high);
  if (real !== undefined) {
    const own = f(f(f(acc) * multiplier) + real.bias[c]!);
    const addend = z * f(summand?.multiplier ?? 0);
    const value = summand === undefined ? own : f(own + (summand.isFused ? addend : f(addend)));
    return clamp(rne(f(value * f(real.factor))), low, high);
  }
  if (summand === undefined) return requantize(acc, multiplier, low, high);
  const { rounded } = summand;
  if (rounded !== undefined) {
    const a = requantize(acc, multiplier, rounded.low, rounded.high);
    const sum = { scale: f(rounded.scale), summandScale: f(summand.multiplier), factor: f(rounded.factor) };
    return addAsFloats(a, z, sum, low, high);
  }
  return requantizeWithSummand(acc, multiplier, z, f(summand.multiplier), low, high);
}

/** Computes `spec` in `memory`, the arena's bytes: reads outside of the picture are of the halo there. */
export function convReference(spec: ConvSpec, memory: DataView): void {
  const { input, output, kernel, stride, dilation, padding, groups, weights, bias, result } = spec;
  const { n: batch, h, w, c: channels } = output.shape;
  const perGroup = input.shape.c / groups;
  const perGroupOut = channels / groups;
  const summand = result.kind === 'requantize' ? result.summand?.buffer : undefined;
  const acc = new Int32Array(channels);
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++) {
        if (bias === undefined) acc.fill(0);
        else acc.set(bias);
        for (let i = 0; i < kernel.h; i++)
          for (let j = 0; j < kernel.w; j++) {
            const iy = y * stride.h - padding.top + i * dilation.h;
            const ix = x * stride.w - padding.left + j * dilation.w;
            for (let o = 0; o < channels; o++) {
              const first = Math.floor(o / perGroupOut) * perGroup;
              for (let c = 0; c < perGroup; c++)
                acc[o]! +=
                  read(memory, input, n, iy, ix, first + c) *
                  weights[((i * kernel.w + j) * perGroup + c) * channels + o]!;
            }
          }
        for (let o = 0; o < channels; o++) {
          const z = summand === undefined ? 0 : read(memory, summand, n, y, x, o);
          write(memory, output, n, y, x, o, finished(result, acc[o]!, o, z));
        }
      }
}
