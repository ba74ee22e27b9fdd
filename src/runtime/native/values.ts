import type { DType } from '../../base/dtype.ts';
import { type Shape, sizeOf } from '../../base/shape.ts';
import { bytesOf, type Tensor, tensorOver } from '../../base/tensor.ts';
import type { Buffer } from '../../kernels/native-kernel.ts';
import type { Arena } from './host/arena.ts';

/** The bytes of an element of the buffer. */
const sizeOfElement = ({ type }: Buffer): number => (type === 'u8' || type === 's8' ? 1 : 4);

/** Calls `row(offset, at, bytes)` for each contiguous run: `offset` in the arena, `at` in the dense tensor. */
function forRuns(buffer: Buffer, run: (offset: number, at: number, bytes: number) => void): void {
  const { shape, stride, offset } = buffer;
  const { n, h, w } = shape;
  const pixel = shape.c * sizeOfElement(buffer);
  const isRow = stride.w === pixel;
  if (isRow && stride.h === w * pixel && stride.n === h * stride.h) {
    run(offset, 0, n * stride.n);
    return;
  }
  let at = 0;
  for (let i = 0; i < n; i++)
    for (let y = 0; y < h; y++) {
      const row = offset + i * stride.n + y * stride.h;
      for (let x = 0; x < (isRow ? 1 : w); x++) {
        const bytes = isRow ? w * pixel : pixel;
        run(row + x * stride.w, at, bytes);
        at += bytes;
      }
    }
}

/** A value of a program as a tensor of its own: nothing of an arena may reach users. */
export function readValue(arena: Arena, buffer: Buffer, dtype: DType, shape: Shape): Tensor {
  const bytes = new Uint8Array(sizeOf(shape) * sizeOfElement(buffer));
  const all = arena.view(Uint8Array);
  forRuns(buffer, (offset, at, size) => bytes.set(all.subarray(offset, offset + size), at));
  return tensorOver(dtype, shape, bytes.buffer);
}

/** Puts a tensor where the value of a program lies. The halo is left as it is: zero. */
export function writeValue(arena: Arena, buffer: Buffer, tensor: Tensor): void {
  const bytes = bytesOf(tensor);
  const all = arena.view(Uint8Array);
  forRuns(buffer, (offset, at, size) => all.set(bytes.subarray(at, at + size), offset));
}

/** Zeroes the halo around a value, where other values may have lain. */
export function clearHalo(arena: Arena, { offset, halo, stride, shape }: Buffer): void {
  const begin = offset - halo.top * stride.h - halo.left * stride.w;
  if (begin !== offset || halo.bottom + halo.right > 0)
    arena.view(Uint8Array).fill(0, begin, begin + shape.n * stride.n);
}
