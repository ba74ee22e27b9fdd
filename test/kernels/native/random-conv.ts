import { type Rng, rng } from '../../../src/base/rng.ts';
import type { ConvSpec, Result, Steps } from '../../../src/kernels/conv/native/spec.ts';
import type { Buffer, ElementType } from '../../../src/kernels/native-kernel.ts';

/** Random convolutions over odd sizes and extreme values, from a seed. */
export type Draw = {
  readonly integer: (least: number, most: number) => number;
  readonly pick: <T>(...of: readonly T[]) => T;
  readonly chance: (probability: number) => boolean;
};

export function draws(seed: number): Draw {
  const source: Rng = rng(seed);
  return { integer: source.int, pick: (...of) => source.pick(of), chance: (p) => source.uniform() < p };
}

const bytesOf = (type: ElementType): number => (type === 'u8' || type === 's8' ? 1 : 4);

/** Hands out buffers one behind the other, with halos and gaps of random width. */
export function allocator(draw: Draw): {
  readonly buffer: (type: ElementType, shape: Buffer['shape'], halo: Buffer['halo'], gaps: boolean) => Buffer;
  readonly size: () => number;
} {
  let top = draw.pick(0, 0, 64, 7 * 4);
  return {
    buffer: (type, shape, halo, gaps) => {
      const size = bytesOf(type);
      const w = size * (shape.c + (gaps && draw.chance(0.3) ? draw.integer(1, 9) : 0));
      const h = w * (shape.w + halo.left + halo.right) + (gaps && draw.chance(0.2) ? size * draw.integer(1, 5) : 0);
      const n = h * (shape.h + halo.top + halo.bottom) + (gaps && draw.chance(0.2) ? size * draw.integer(1, 5) : 0);
      const offset = top + halo.top * h + halo.left * w;
      top += n * shape.n;
      return { type, shape, stride: { n, h, w }, halo, offset };
    },
    size: () => top,
  };
}

/** `count` values of a kind: all the least, all the greatest, zeros among them, or anything. */
export function values(draw: Draw, count: number, least: number, most: number): number[] {
  const kind = draw.integer(0, 7);
  if (kind === 0) return Array(count).fill(least);
  if (kind === 1) return Array(count).fill(most);
  return Array.from({ length: count }, () =>
    kind === 2 ? draw.pick(least, most) : kind === 3 ? draw.pick(0, least, most) : draw.integer(least, most),
  );
}

const none = { top: 0, bottom: 0, left: 0, right: 0 };

/** A halo that is as wide as the windows need or wider. */
export function haloFor(
  draw: Draw,
  spec: Pick<ConvSpec, 'kernel' | 'stride' | 'dilation' | 'padding'>,
  input: { readonly h: number; readonly w: number },
  output: { readonly h: number; readonly w: number },
): Buffer['halo'] {
  const { kernel, stride, dilation, padding } = spec;
  const extra = (): number => (draw.chance(0.2) ? draw.integer(1, 2) : 0);
  const behind = (axis: 'h' | 'w', before: number): number =>
    Math.max(0, (output[axis] - 1) * stride[axis] - before + (kernel[axis] - 1) * dilation[axis] + 1 - input[axis]);
  return {
    top: padding.top + extra(),
    bottom: behind('h', padding.top) + extra(),
    left: padding.left + extra(),
    right: behind('w', padding.left) + extra(),
  };
}

export function randomResult(draw: Draw, output: Buffer, buffer: (type: ElementType) => Buffer, depth: number): Result {
  const { c } = output.shape;
  if (output.type === 's32')
    return {
      kind: 'sums',
      ...(draw.chance(0.4) ? { relu: true } : {}),
      ...(draw.chance(0.4) ? { steps: randomSteps(draw, c) } : {}),
    };
  // Multipliers that spread typical sums over the output's range, ties and overflows at times.
  const typical = draw.pick(0.5, 1, 2, 2 ** 40) / (Math.sqrt(depth) * draw.pick(16, 64, 100));
  const multiplier = (): number =>
    Math.fround(draw.chance(0.2) ? draw.pick(0.5, 0.25, 1) : typical * (0.5 + draw.integer(0, 99) / 100));
  const multipliers = Float32Array.from({ length: c }, multiplier);
  if (output.type === 'f32')
    return {
      kind: 'dequantize',
      multipliers,
      ...(draw.chance(0.5) ? { bias: Float32Array.from({ length: c }, () => draw.integer(-999, 999) / 7) } : {}),
      ...(draw.chance(0.5) ? { low: 0 } : {}),
      ...(draw.chance(0.3) ? { high: 6 } : {}),
    };
  const [least, most] = output.type === 'u8' ? [0, 255] : [-128, 127];
  const low = draw.chance(0.3) ? draw.integer(least, most) : least;
  const high = draw.chance(0.3) ? draw.integer(low, most) : most;
  const limits = { kind: 'requantize', multipliers, low, high } as const;
  if (draw.chance(0.2)) return { ...limits, steps: randomSteps(draw, c) };
  const real = draw.chance(0.3) ? randomReal(draw, c) : undefined;
  if (!draw.chance(0.4)) return { ...limits, ...(real && { real }) };
  const summand = draw.chance(0.2) ? output : buffer(draw.pick('u8', 's8'));
  const own = draw.pick(0.5, 1, 0.37, -1.25);
  if (real !== undefined) {
    const isFused = draw.chance(0.5);
    return { ...limits, real, summand: { buffer: summand, multiplier: Math.fround(own), ...(isFused && { isFused }) } };
  }
  const rounded = draw.chance(0.4) ? randomRounding(draw) : undefined;
  return { ...limits, summand: { buffer: summand, multiplier: Math.fround(own), ...(rounded && { rounded }) } };
}

/** Channels on the scale of the largest one's weights: halves of steps at times, and channels that vanish. */
function randomSteps(draw: Draw, channels: number): Steps {
  const largest = Math.fround(draw.pick(1, 0.5, 0.00173, 3.1e-5));
  const share = (): number => draw.pick(1, 0.5, 0.25, 1e-6, draw.integer(1, 1000) / 1000);
  return {
    steps: Float32Array.from({ length: channels }, () => largest * share()),
    addends: Float32Array.from(
      { length: channels },
      () => draw.integer(-9999, 9999) * largest * draw.pick(0, 0.5, 1, 0.37),
    ),
    back: Math.fround(1 / largest),
  };
}

/** Float32 results before they become codes: ties at times, and factors that overflow int32. */
const randomReal = (draw: Draw, channels: number) => ({
  bias: Float32Array.from({ length: channels }, () => draw.integer(-999, 999) * draw.pick(0, 0.5, 0.25, 0.0371)),
  factor: Math.fround(draw.pick(0.5, 1, 2, 25.7, 2 ** 30)),
});

/** Codes of their own before the sum: ties at times, and factors that overflow int32. */
const randomRounding = (draw: Draw) => ({
  ...draw.pick({ low: -128, high: 127 }, { low: -127, high: 127 }, { low: 0, high: 255 }, { low: -3, high: 77 }),
  scale: Math.fround(draw.pick(0.5, 1, 0.0371, 1.3)),
  factor: Math.fround(draw.pick(0.5, 1, 2, 25.7, 2 ** 30)),
});

/** A convolution and the arena's size; `scale` bounds its sizes. */
export function randomConv(seed: number, scale = 1): { readonly spec: ConvSpec; readonly bytes: number } {
  const draw = draws(seed);
  const memory = allocator(draw);
  const windowed = draw.chance(0.6);
  const most = (pixels: number): number => Math.max(1, Math.round(pixels * scale));
  const kernel = windowed ? { h: draw.integer(1, 5), w: draw.integer(1, 5) } : { h: 1, w: 1 };
  const stride = draw.chance(0.7) ? { h: 1, w: 1 } : { h: draw.integer(1, 3), w: draw.integer(1, 3) };
  const dilation = windowed && draw.chance(0.2) ? { h: draw.integer(1, 3), w: draw.integer(1, 3) } : { h: 1, w: 1 };
  const out = { n: draw.pick(1, 1, 1, 2, 3), h: draw.integer(1, most(9)), w: draw.integer(1, most(20)) };
  const groups = draw.chance(0.25) ? draw.pick(2, 3, 5, 8, 16, 33) : 1;
  const perGroup = groups > 1 ? draw.pick(1, 1, 2, 3, 4, 8) : draw.pick(1, 2, 3, 4, 5, 8, 16, 31, 32, 64, 100);
  const perGroupOut =
    groups > 1 ? draw.pick(1, 1, 2, 3, 4, 16, 40) : draw.pick(1, 3, 7, 8, 15, 16, 17, 24, 32, 33, 48, 49, 64, 81, 97);
  const padding = { top: draw.integer(0, kernel.h - 1), left: draw.integer(0, kernel.w - 1) };
  const reach = (axis: 'h' | 'w', before: number): number =>
    Math.max(1, (out[axis] - 1) * stride[axis] - before + (kernel[axis] - 1) * dilation[axis] + 1 - draw.integer(0, 2));
  const picture = { n: out.n, h: reach('h', padding.top), w: reach('w', padding.left), c: groups * perGroup };
  const shape = { ...out, c: groups * perGroupOut };
  const type = draw.pick<ElementType>('u8', 's8', 'u8', 's8', 'f32', 's32');
  const inputHalo = haloFor(draw, { kernel, stride, dilation, padding }, picture, shape);
  const makeInput = (): Buffer => memory.buffer(draw.pick('u8', 's8'), picture, inputHalo, true);
  const makeOutput = (): Buffer => {
    const halo = draw.chance(0.3) ? { top: 1, bottom: 1, left: draw.integer(0, 2), right: 1 } : none;
    return memory.buffer(type, shape, halo, true);
  };
  const inputFirst = draw.chance(0.5);
  const first = inputFirst ? makeInput() : makeOutput();
  const second = inputFirst ? makeOutput() : makeInput();
  const [input, output] = inputFirst ? [first, second] : [second, first];
  const depth = kernel.h * kernel.w * perGroup;
  const result = randomResult(draw, output, (z) => memory.buffer(z, shape, none, true), depth);
  const spec: ConvSpec = {
    input,
    output,
    kernel,
    stride,
    dilation,
    padding,
    groups,
    weights: Int8Array.from(values(draw, depth * shape.c, -128, 127)),
    ...(draw.chance(0.7) ? { bias: Int32Array.from(values(draw, shape.c, -100_000, 100_000)) } : {}),
    result,
  };
  return { spec, bytes: memory.size() };
}

/** The arena's bytes before a step: noise everywhere, the input's picture in the drawn values, its halo zero. */
export function fillArena(seed: number, bytes: number, input: Buffer): Uint8Array {
  const draw = draws(seed ^ 0x5eed);
  const memory = new Uint8Array(bytes);
  let noise = seed >>> 0 || 1;
  for (let i = 0; i < bytes; i++) {
    noise ^= noise << 13;
    noise ^= noise >>> 17;
    noise ^= noise << 5;
    memory[i] = noise;
  }
  const { shape, halo, stride, offset } = input;
  const extreme = draw.integer(0, 5);
  for (let n = 0; n < shape.n; n++)
    for (let y = -halo.top; y < shape.h + halo.bottom; y++)
      for (let x = -halo.left; x < shape.w + halo.right; x++) {
        const at = offset + n * stride.n + y * stride.h + x * stride.w;
        if (y < 0 || x < 0 || y >= shape.h || x >= shape.w) memory.fill(0, at, at + shape.c);
        else if (extreme === 0) memory.fill(255, at, at + shape.c);
        else if (extreme === 1) memory.fill(input.type === 's8' ? 128 : 0, at, at + shape.c);
        else if (extreme === 2) memory.fill(127, at, at + shape.c);
      }
  return memory;
}

/** A depthwise convolution; now and then one that only the kernels of grouped convolutions compute. */
export function randomDepthwise(seed: number): { readonly spec: ConvSpec; readonly bytes: number } {
  const draw = draws(seed);
  const memory = allocator(draw);
  const kernel = draw.pick(
    { h: 3, w: 3 },
    { h: 3, w: 3 },
    { h: 5, w: 5 },
    { h: draw.integer(1, 9), w: draw.integer(1, 7) },
  );
  const stride = draw.chance(0.6) ? { h: 1, w: 1 } : { h: draw.integer(1, 3), w: draw.integer(1, 3) };
  const dilation = draw.chance(0.8) ? { h: 1, w: 1 } : { h: draw.integer(1, 3), w: draw.integer(1, 3) };
  const c = draw.pick(draw.integer(1, 200), 3, 16, 24, 32, 40, 64, 96, 128, 144);
  const out = { n: draw.pick(1, 1, 2, 3), h: draw.integer(1, 9), w: draw.integer(1, 16) };
  const padding = { top: draw.integer(0, kernel.h - 1), left: draw.integer(0, kernel.w - 1) };
  const reach = (axis: 'h' | 'w', before: number): number =>
    Math.max(1, (out[axis] - 1) * stride[axis] - before + (kernel[axis] - 1) * dilation[axis] + 1 - draw.integer(0, 2));
  const picture = { n: out.n, h: reach('h', padding.top), w: reach('w', padding.left), c };
  const shape = { ...out, c };
  const halo = haloFor(draw, { kernel, stride, dilation, padding }, picture, shape);
  const makeInput = (): Buffer => memory.buffer(draw.pick('u8', 's8'), picture, halo, true);
  const makeOutput = (): Buffer =>
    memory.buffer(
      draw.pick('u8', 's8'),
      shape,
      draw.chance(0.3) ? { top: 1, bottom: 1, left: 1, right: 1 } : none,
      true,
    );
  const inputFirst = draw.chance(0.5);
  const first = inputFirst ? makeInput() : makeOutput();
  const second = inputFirst ? makeOutput() : makeInput();
  const [input, output] = inputFirst ? [first, second] : [second, first];
  const depth = kernel.h * kernel.w;
  const drawn = randomResult(draw, output, (z) => memory.buffer(z, shape, none, true), depth);
  const result = drawn.kind === 'requantize' && draw.chance(0.95) ? { ...drawn, summand: undefined } : drawn;
  const weights = Int8Array.from(values(draw, depth * c, -128, 127));
  const bias = Int32Array.from(values(draw, c, -20_000, 20_000));
  const spec = { input, output, kernel, stride, dilation, padding, groups: c, weights, bias, result };
  return { spec, bytes: memory.size() };
}
