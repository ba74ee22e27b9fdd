import { roundHalfEven } from '../../../base/round.ts';
import type { Window } from '../../conv/native/spec.ts';
import { bufferProblem, isPositive } from '../../native/buffers.ts';
import type { Buffer } from '../../native-kernel.ts';

/**
 * Pooling: each output pixel is made of the pixels of a window that lie inside of the picture; no halo is read.
 *
 * max: the largest, in the type of the input; average: their sum divided by their number, in the type of the input, codes
 * rounded half to even. mean: f32(sum) · factor in float32 of the sum of codes, for windows inside of the picture.
 */
export type PoolSpec = {
  readonly input: Buffer;
  readonly output: Buffer;
  readonly kernel: Window;
  readonly stride: Window;
  /** Rows and columns in front of the picture that windows reach into. */
  readonly padding: { readonly top: number; readonly left: number };
  readonly reduce:
    | { readonly kind: 'max' }
    | { readonly kind: 'average' }
    | { readonly kind: 'mean'; readonly factor: number };
};

/** Neighbouring output columns whose windows have as many columns inside of the picture, `stride` apart. */
export type Columns = {
  readonly first: number;
  readonly count: number;
  readonly start: number;
  readonly width: number;
};

export function columnsOf({ input, output, kernel, stride, padding }: PoolSpec): readonly Columns[] {
  const groups: Columns[] = [];
  for (let x = 0; x < output.shape.w; x++) {
    const at = x * stride.w - padding.left;
    const start = Math.max(0, at);
    const width = Math.min(at + kernel.w, input.shape.w) - start;
    const last = groups.at(-1);
    const runsOn = last !== undefined && last.width === width && start === last.start + last.count * stride.w;
    if (runsOn) groups[groups.length - 1] = { ...last, count: last.count + 1 };
    else groups.push({ first: x, count: 1, start, width });
  }
  return groups;
}

/** Larger windows take more registers, and more tries of sums. */
const SLIDING = { h: 8, w: 4 };

/** Whether rows of windows are computed column by column: averages that are one column apart. */
export const isSliding = ({ kernel, stride, reduce }: PoolSpec): boolean =>
  reduce.kind === 'average' && stride.w === 1 && kernel.w > 1 && kernel.w <= SLIDING.w && kernel.h <= SLIDING.h;

/** Whether sums of codes times `1 / count` are rounded to the same codes as sums by `count`: tried for all that there are. */
export function isReciprocal({ input, kernel }: PoolSpec): boolean {
  if (input.type === 'f32') return false;
  const [least, most] = input.type === 'u8' ? [0, 255] : [-128, 127];
  const rounded = (x: number): number => roundHalfEven(Math.fround(x));
  for (let h = 1; h <= kernel.h; h++)
    for (let w = 1; w <= kernel.w; w++) {
      const count = h * w;
      const factor = Math.fround(1 / count);
      for (let sum = least * count; sum <= most * count; sum++)
        if (rounded(sum * factor) !== rounded(sum / count)) return false;
    }
  return true;
}

/** Code grows with them. */
const MOST_GROUPS = 16;
const MOST_COLUMNS = 256;
/** Sums of bytes below this are exact in float32. */
const EXACT = 2 ** 24;

export function poolProblem(spec: PoolSpec): string | undefined {
  const { input, output, kernel, stride, padding, reduce } = spec;
  if (!isPositive(kernel.h, kernel.w, stride.h, stride.w) || padding.top < 0 || padding.left < 0)
    return 'an empty window';
  const problem = bufferProblem(input) ?? bufferProblem(output);
  if (problem !== undefined) return problem;
  if (input.shape.n !== output.shape.n || input.shape.c !== output.shape.c) return 'shapes that do not fit';
  const isCodes = input.type === 'u8' || input.type === 's8';
  if (!isCodes && input.type !== 'f32') return `an input of ${input.type}`;
  const wanted = reduce.kind === 'mean' ? 'f32' : input.type;
  if (output.type !== wanted || (reduce.kind === 'mean' && !isCodes)) return `an output of ${output.type}`;
  const area = kernel.h * kernel.w * 255;
  if (isCodes && reduce.kind !== 'max' && area >= (reduce.kind === 'mean' ? 2 ** 31 : EXACT))
    return 'sums that are too large';
  const rows = (y: number): number =>
    Math.min(y * stride.h - padding.top + kernel.h, input.shape.h) - Math.max(0, y * stride.h - padding.top);
  if (rows(0) <= 0 || rows(output.shape.h - 1) <= 0) return 'a window outside of the picture';
  const groups = columnsOf(spec);
  if (groups.some(({ width }) => width <= 0)) return 'a window outside of the picture';
  if (groups.length > MOST_GROUPS || groups.some(({ width }) => width > MOST_COLUMNS)) return 'too many columns';
  return undefined;
}
