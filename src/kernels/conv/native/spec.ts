import type { Access, Buffer, ElementType } from '../../native-kernel.ts';

/** What becomes of the int32 sums `acc = Σ x·w + bias`. `multipliers` and `bias` have an element for each output channel. */
export type Result =
  /**
   * u8 or s8: `y = min(max(rne(f32(acc)·multipliers[c]), low), high)`; with a summand z of the same shape (u8 or s8)
   * `rne(f32(acc)·multipliers[c] + f32(z)·multiplier)`. The output may lie where the summand lies.
   *
   * With `rounded`, the sums become codes a = min(max(rne(f32(acc)·multipliers[c]), rounded.low), rounded.high) before the
   * summand is added: `rne(f32(f32(f32(a·rounded.scale) + f32(z·multiplier))·rounded.factor))` (contract.ts, addAsFloats).
   *
   * With `real`, the sums are float32 results before they become codes: `rne(f32(v·real.factor))` with
   * `v = f32(f32(acc)·multipliers[c]) + real.bias[c]`, plus `f32(z·multiplier)` where there is a summand.
   *
   * With `steps`, f32(acc) is first brought to the steps that TensorFlow passes on between a convolution and its Requantize.
   */
  | {
      readonly kind: 'requantize';
      readonly multipliers: Float32Array;
      readonly low: number;
      readonly high: number;
      readonly summand?: Summand;
      readonly real?: { readonly bias: Float32Array; readonly factor: number };
      readonly steps?: Steps;
    }
  /** f32: `y = min(max(f32(acc)·multipliers[c] + bias[c], low), high)`, rounded after each operation. */
  | {
      readonly kind: 'dequantize';
      readonly multipliers: Float32Array;
      readonly bias?: Float32Array;
      readonly low?: number;
      readonly high?: number;
    }
  /** s32: the sums as they are, or in `steps`; with `relu` no less than 0. */
  | { readonly kind: 'sums'; readonly steps?: Steps; readonly relu?: boolean }
  | RealResult;

/** Codes that are added to the sums: what a step of them counts. */
type Summand = {
  readonly buffer: Buffer;
  readonly multiplier: number;
  readonly rounded?: Rounded;
  /** With `real`: its product and the sum are rounded once, as a fused multiply-add does it. */
  readonly isFused?: boolean;
};

/** Codes that sums become before a summand is added to them as a float. */
export type Rounded = { readonly low: number; readonly high: number; readonly scale: number; readonly factor: number };

/**
 * Sums on the scale of the channel with the largest weights: rne(f32(f32(f32(f32(acc)·steps[c]) + addends[c])·back)). Their
 * magnitude must stay below 2^31 − 128, where TensorFlow saturates. There is neither a summand nor a real bias then.
 */
export type Steps = { readonly steps: Float32Array; readonly addends: Float32Array; readonly back: number };

/** f32 sums (native-f32): `y = min(max(sum + z, low), high)` with a summand z of the same shape. NaN passes through. */
export type RealResult = {
  readonly kind: 'real';
  readonly low?: number | undefined;
  readonly high?: number | undefined;
  readonly summand?: { readonly buffer: Buffer } | undefined;
};

/** The steps that a result's sums are brought to, if any. */
export const stepsOf = (result: Result): Steps | undefined =>
  result.kind === 'requantize' || result.kind === 'sums' ? result.steps : undefined;

/** The summand of a result, whatever its kind. */
export const summandOf = (result: Result): Buffer | undefined =>
  result.kind === 'requantize' || result.kind === 'real' ? result.summand?.buffer : undefined;

export type Window = { readonly h: number; readonly w: number };

/**
 * An int8 convolution: output pixel (y, x) sums over taps (i, j) and channels of input pixel
 * (y·stride.h − padding.top + i·dilation.h, x·stride.w − padding.left + j·dilation.w). What lies outside of the picture
 * is read from the halo, so a u8 or s8 input's halo must hold its zero point, 0.
 */
export type ConvSpec = {
  /** u8 or s8, n × h × w × c. */
  readonly input: Buffer;
  /** u8 or s8 (requantize), f32 (dequantize) or s32 (sums). */
  readonly output: Buffer;
  readonly kernel: Window;
  readonly stride: Window;
  readonly dilation: Window;
  readonly padding: { readonly top: number; readonly left: number };
  readonly groups: number;
  /** HWIO: [kernel.h][kernel.w][input.c / groups][output.c]. */
  readonly weights: Int8Array;
  /** Added to the sums in int32. */
  readonly bias?: Int32Array;
  readonly result: Result;
};

const sizes: Readonly<Record<ElementType, number>> = { u8: 1, s8: 1, s32: 4, f32: 4 };
export const bytesOf = (type: ElementType): number => sizes[type];

/** Rows and columns that the windows read in front of the first and behind the last of the picture. */
export function overhang({ input, output, kernel, stride, dilation, padding }: Windowed): Buffer['halo'] {
  const behind = (axis: 'h' | 'w', before: number): number =>
    Math.max(
      0,
      (output.shape[axis] - 1) * stride[axis] - before + (kernel[axis] - 1) * dilation[axis] + 1 - input.shape[axis],
    );
  return {
    top: Math.max(0, padding.top),
    bottom: behind('h', padding.top),
    left: Math.max(0, padding.left),
    right: behind('w', padding.left),
  };
}

type Windowed = Pick<ConvSpec, 'input' | 'output' | 'kernel' | 'stride' | 'dilation' | 'padding'>;

const positive = (...values: readonly number[]): boolean => values.every((v) => Number.isInteger(v) && v > 0);

/** Why the windows can't be read: shapes that don't fit, a halo that is too narrow, offsets that code can't hold. */
export function windowProblem(spec: Windowed): string | undefined {
  const { input, output, kernel, stride, dilation } = spec;
  const { n, h, w, c } = output.shape;
  if (!positive(n, h, w, c, ...Object.values(input.shape), kernel.h, kernel.w)) return 'an empty shape';
  if (!positive(stride.h, stride.w, dilation.h, dilation.w)) return 'a stride or dilation below 1';
  if (n !== input.shape.n) return `batches of ${input.shape.n} and ${n}`;
  const needed = overhang(spec);
  for (const side of ['top', 'bottom', 'left', 'right'] as const)
    if (needed[side] > input.halo[side])
      return `the input's ${side} halo is ${input.halo[side]} wide where the windows reach ${needed[side]} out`;
  if (input.type !== 'u8' && input.type !== 's8') return `an input of ${input.type}`;
  return reachProblem(input) ?? reachProblem(output);
}

/** Displacements are 32 bits wide. */
export function reachProblem(buffer: Buffer): string | undefined {
  const { begin, end } = extent(buffer);
  return begin < 0 || end > 2 ** 31 - 4096 ? `bytes ${begin} to ${end} of the arena` : undefined;
}

/** The bytes of a buffer, its halo included. */
function extent({ offset, shape, stride, halo, type }: Buffer): { readonly begin: number; readonly end: number } {
  const begin = offset - halo.top * stride.h - halo.left * stride.w;
  const last =
    (shape.n - 1) * stride.n + (shape.h - 1 + halo.bottom) * stride.h + (shape.w - 1 + halo.right) * stride.w;
  return { begin, end: offset + last + shape.c * bytesOf(type) };
}

/** The bytes that a kernel of these windows reads, `over` of them past the last channel it needs. */
export function inputAccess(spec: Windowed, over: number): Access {
  const { input, output, kernel, stride, dilation, padding } = spec;
  const last = (axis: 'h' | 'w', before: number): number =>
    (output.shape[axis] - 1) * stride[axis] - before + (kernel[axis] - 1) * dilation[axis];
  const end =
    input.offset +
    (input.shape.n - 1) * input.stride.n +
    last('h', padding.top) * input.stride.h +
    last('w', padding.left) * input.stride.w;
  const begin = input.offset - padding.top * input.stride.h - padding.left * input.stride.w;
  return { base: 'arena', mode: 'read', begin, end: end + input.shape.c * bytesOf(input.type) + over };
}

/** The bytes of all of a buffer's pixels without its halo, `over` more behind the last. */
export function bufferAccess(buffer: Buffer, mode: Access['mode'], over = 0): Access {
  const { end } = extent({ ...buffer, halo: { top: 0, bottom: 0, left: 0, right: 0 } });
  return { base: 'arena', mode, begin: buffer.offset, end: end + over };
}

/** Below these nothing overflows to infinity or becomes NaN, whatever the sums and codes are. */
const isFactor = (x: number): boolean => Math.abs(x) < 1e15;
const isAddend = (x: number): boolean => Math.abs(x) < 1e20;

/** Why the result of `channels` channels can't be computed into `output`. */
export function resultProblem(result: Result, output: Buffer): string | undefined {
  const { c } = output.shape;
  if (result.kind === 'real') return 'sums of float32';
  if (result.kind === 'sums') {
    if (output.type !== 's32') return `sums as ${output.type}`;
    return result.steps && stepsProblem(result.steps, c);
  }
  if (result.multipliers.length !== c) return `${result.multipliers.length} multipliers for ${c} channels`;
  if (!result.multipliers.every((m) => Math.abs(m) < 1e20)) return 'a multiplier of 1e20 or more';
  if (result.kind === 'requantize') return codesProblem(result, output);
  if (output.type !== 'f32') return `real values as ${output.type}`;
  return result.bias && biasProblem(result.bias, c);
}

const biasProblem = (bias: Float32Array, channels: number): string | undefined => {
  if (bias.length !== channels) return `a real bias of ${bias.length} for ${channels} channels`;
  return bias.every(isAddend) ? undefined : 'a bias of 1e20 or more';
};

function codesProblem(result: Extract<Result, { kind: 'requantize' }>, output: Buffer): string | undefined {
  const { c } = output.shape;
  const { low, high, steps, real, summand } = result;
  if (output.type !== 'u8' && output.type !== 's8') return `8-bit values as ${output.type}`;
  const [least, most] = output.type === 'u8' ? [0, 255] : [-128, 127];
  if (!(low >= least && low <= high && high <= most)) return `a clamp to ${low} … ${high} as ${output.type}`;
  if (steps !== undefined) {
    if (summand !== undefined || real !== undefined) return 'steps with a summand or a real bias';
    return stepsProblem(steps, c);
  }
  if (real !== undefined) {
    const problem = biasProblem(real.bias, c);
    if (problem !== undefined) return problem;
    // Their product with a sum, below 2^31, must stay finite as well.
    if (!result.multipliers.every((m) => Math.abs(m) < 1e12)) return 'a multiplier of 1e12 or more';
    if (summand?.rounded !== undefined) return 'sums both rounded and real';
    if (![real.factor, summand?.multiplier ?? 0].every(isFactor)) return 'a scale of 1e15 or more';
  }
  return summand && summandProblem(summand, output);
}

function summandProblem({ buffer, multiplier, rounded }: Summand, output: Buffer): string | undefined {
  if (buffer.type !== 'u8' && buffer.type !== 's8') return `a summand of ${buffer.type}`;
  for (const axis of ['n', 'h', 'w', 'c'] as const)
    if (buffer.shape[axis] !== output.shape[axis]) return 'a summand of another shape';
  if (rounded !== undefined && ![rounded.scale, rounded.factor, multiplier].every(isFactor))
    return 'a scale of 1e15 or more';
  return isAddend(multiplier) ? reachProblem(buffer) : "a summand's multiplier of 1e20 or more";
}

function stepsProblem({ steps, addends, back }: Steps, channels: number): string | undefined {
  if (steps.length !== channels || addends.length !== channels) return `steps of ${steps.length} channels`;
  const isReal = [...steps, ...addends, back].every(Number.isFinite);
  return isReal ? undefined : 'steps that are no numbers';
}
