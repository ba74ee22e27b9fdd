import type { RealConvSpec } from '../../../src/kernels/conv/native-f32/spec.ts';
import type { Buffer } from '../../../src/kernels/native-kernel.ts';
import type { Draw } from './random-conv.ts';
import { write } from './run.ts';

/** Numbers of at most ±2. */
export const reals = (draw: Draw, count: number): Float32Array =>
  Float32Array.from({ length: count }, () => draw.integer(-1000, 1000) / 512);

/** The sums in double, and those of the terms' magnitudes, which rounding errors are measured by. */
export function reference(spec: RealConvSpec, x: readonly number[], z: readonly number[] | undefined) {
  const { input, output, kernel, stride, dilation, padding, groups } = spec;
  const [ci, co] = [input.shape.c / groups, output.shape.c / groups];
  const sums: number[] = [];
  const sizes: number[] = [];
  const { n, h, w, c } = output.shape;
  for (let b = 0; b < n; b++)
    for (let y = 0; y < h; y++)
      for (let column = 0; column < w; column++)
        for (let o = 0; o < c; o++) {
          let sum = (spec.bias?.[o] ?? 0) + (z?.[sums.length] ?? 0);
          let size = Math.abs(spec.bias?.[o] ?? 0) + Math.abs(z?.[sums.length] ?? 0);
          const first = Math.floor(o / co) * ci;
          for (let i = 0; i < kernel.h; i++)
            for (let j = 0; j < kernel.w; j++) {
              const row = y * stride.h - padding.top + i * dilation.h;
              const at = column * stride.w - padding.left + j * dilation.w;
              if (row < 0 || at < 0 || row >= input.shape.h || at >= input.shape.w) continue;
              for (let k = 0; k < ci; k++) {
                const value = x[((b * input.shape.h + row) * input.shape.w + at) * input.shape.c + first + k]!;
                const term = value * spec.weights[((i * kernel.w + j) * ci + k) * c + o]!;
                sum += term;
                size += Math.abs(term);
              }
            }
          const floor = spec.low === undefined ? sum : Math.max(sum, spec.low);
          sums.push(spec.high === undefined ? floor : Math.min(floor, spec.high));
          sizes.push(size);
        }
  return { sums, sizes };
}

/** Zeros in the halo, random numbers in the picture and elsewhere. */
export function fill(bytes: number, input: Buffer, summand: Buffer | undefined, draw: Draw): Uint8Array {
  const memory = new Uint8Array(bytes).fill(0x7f);
  const { halo, stride, shape } = input;
  const around: Buffer = {
    ...input,
    offset: input.offset - halo.top * stride.h - halo.left * stride.w,
    shape: { ...shape, h: halo.top + shape.h + halo.bottom, w: halo.left + shape.w + halo.right },
  };
  write(memory, around, () => 0);
  write(memory, input, () => draw.integer(-1000, 1000) / 256);
  if (summand !== undefined) write(memory, summand, () => draw.integer(-1000, 1000) / 64);
  return memory;
}
