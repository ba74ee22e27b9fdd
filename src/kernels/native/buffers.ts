import type { Access, Buffer, ElementType } from '../native-kernel.ts';

const sizes: Readonly<Record<ElementType, number>> = { u8: 1, s8: 1, s32: 4, f32: 4 };
export const sizeOfElement = (type: ElementType): number => sizes[type];

/** The bytes from a buffer's first element to behind its last, without its halo. */
export function spanOf({ offset, shape, stride, type }: Buffer): { readonly begin: number; readonly end: number } {
  const last = (shape.n - 1) * stride.n + (shape.h - 1) * stride.h + (shape.w - 1) * stride.w;
  return { begin: offset, end: offset + last + shape.c * sizeOfElement(type) };
}

export const accessTo = (buffer: Buffer, mode: Access['mode']): Access => ({ base: 'arena', mode, ...spanOf(buffer) });

export const isPositive = (...values: readonly number[]): boolean => values.every((v) => Number.isInteger(v) && v > 0);

/** Why code with 32-bit displacements can't reach all of a buffer. */
export function bufferProblem(buffer: Buffer): string | undefined {
  const { shape, stride, offset } = buffer;
  if (!isPositive(...Object.values(shape))) return 'an empty shape';
  const isWhole = [offset, stride.n, stride.h, stride.w].every((v) => Number.isInteger(v) && v >= 0);
  const { begin, end } = spanOf(buffer);
  return isWhole && end <= 2 ** 31 - 4096 ? undefined : `bytes ${begin} to ${end} of the arena`;
}

/** Whether elements follow each other without gaps. */
export function isDense({ shape, stride, type }: Buffer): boolean {
  const w = shape.c * sizeOfElement(type);
  const fits = (size: number, actual: number, wanted: number): boolean => size === 1 || actual === wanted;
  return (
    fits(shape.w, stride.w, w) && fits(shape.h, stride.h, w * shape.w) && fits(shape.n, stride.n, w * shape.w * shape.h)
  );
}

export const sameSizes = (a: Buffer['shape'], b: Buffer['shape']): boolean =>
  a.n === b.n && a.h === b.h && a.w === b.w && a.c === b.c;
