import { describe, expect, it } from 'vitest';
import { realConvKernels } from '../../../src/kernels/conv/native-f32/index.ts';
import type { RealConvSpec } from '../../../src/kernels/conv/native-f32/spec.ts';
import { realDepthwiseKernels } from '../../../src/kernels/depthwise/native-f32/index.ts';
import type { NativeKernel } from '../../../src/kernels/native-kernel.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { describeSpec } from './check.ts';
import { allocator, type Draw, draws, haloFor } from './random-conv.ts';
import { fill, reals, reference } from './real-conv.ts';
import { read, resultOf, runsOn, write } from './run.ts';

const none = { top: 0, bottom: 0, left: 0, right: 0 };
const host = hasHost ? await requireHost() : undefined;

function randomSpec(seed: number): { readonly spec: RealConvSpec; readonly bytes: number; readonly draw: Draw } {
  const draw = draws(seed);
  const memory = allocator(draw);
  const windowed = draw.chance(0.6);
  const kernel = windowed ? { h: draw.integer(1, 4), w: draw.integer(1, 4) } : { h: 1, w: 1 };
  const stride = draw.chance(0.7) ? { h: 1, w: 1 } : { h: draw.integer(1, 3), w: draw.integer(1, 3) };
  const dilation = windowed && draw.chance(0.2) ? { h: draw.integer(1, 3), w: draw.integer(1, 3) } : { h: 1, w: 1 };
  const out = { n: draw.pick(1, 1, 2), h: draw.integer(1, 7), w: draw.integer(1, 12) };
  const groups = draw.chance(0.25) ? draw.pick(2, 3, 5, 8) : 1;
  const perGroup = groups > 1 ? draw.pick(1, 2, 3, 8) : draw.pick(1, 2, 3, 4, 8, 16, 31, 50);
  const perGroupOut =
    groups > 1 ? draw.pick(1, 2, 4, 16, 40) : draw.pick(1, 3, 8, 15, 16, 17, 24, 32, 33, 48, 49, 64, 81);
  const padding = { top: draw.integer(0, kernel.h - 1), left: draw.integer(0, kernel.w - 1) };
  const reach = (axis: 'h' | 'w', before: number): number =>
    Math.max(1, (out[axis] - 1) * stride[axis] - before + (kernel[axis] - 1) * dilation[axis] + 1 - draw.integer(0, 2));
  const picture = { n: out.n, h: reach('h', padding.top), w: reach('w', padding.left), c: groups * perGroup };
  const shape = { ...out, c: groups * perGroupOut };
  const input = memory.buffer(
    'f32',
    picture,
    haloFor(draw, { kernel, stride, dilation, padding }, picture, shape),
    true,
  );
  const output = memory.buffer('f32', shape, draw.chance(0.3) ? { top: 1, bottom: 1, left: 2, right: 1 } : none, true);
  const summand = draw.chance(0.4) ? (draw.chance(0.3) ? output : memory.buffer('f32', shape, none, true)) : undefined;
  const spec: RealConvSpec = {
    input,
    output,
    kernel,
    stride,
    dilation,
    padding,
    groups,
    weights: reals(draw, kernel.h * kernel.w * perGroup * shape.c),
    ...(draw.chance(0.7) ? { bias: reals(draw, shape.c) } : {}),
    ...(summand && { summand }),
    ...(draw.chance(0.5) ? { low: 0 } : {}),
    ...(draw.chance(0.3) ? { high: 6 } : {}),
  };
  return { spec, bytes: memory.size() + 64, draw };
}

function expectSums(kernel: NativeKernel<RealConvSpec>, spec: RealConvSpec, memory: Uint8Array, what: string): void {
  const z = spec.summand && read(memory, spec.summand);
  const { sums, sizes } = reference(spec, read(memory, spec.input), z);
  const got = read(resultOf(host!, kernel, spec, memory), spec.output);
  got.forEach((value, i) => {
    const isClose = Math.abs(value - sums[i]!) <= 1e-6 * Math.max(sizes[i]!, 1e-3);
    if (!isClose) expect.fail(`${what}: element ${i} is ${value}, not ${sums[i]}: ${describeSpec(spec)}`);
  });
}

function randomDepthwise(seed: number): ReturnType<typeof randomSpec> {
  const draw = draws(seed ^ 0xd00d);
  const memory = allocator(draw);
  const kernel = { h: draw.integer(1, 5), w: draw.integer(1, 5) };
  const stride = { h: draw.integer(1, 2), w: draw.integer(1, 2) };
  const dilation = draw.chance(0.2) ? { h: 2, w: 3 } : { h: 1, w: 1 };
  const c = draw.pick(1, 3, 8, 15, 16, 17, 24, 31, 32, 33, 48, 64, 65, 100);
  const out = { n: draw.pick(1, 1, 2), h: draw.integer(1, 7), w: draw.integer(1, 25), c };
  const padding = { top: draw.integer(0, kernel.h - 1), left: draw.integer(0, kernel.w - 1) };
  const picture = { n: out.n, h: out.h * stride.h, w: out.w * stride.w, c };
  const input = memory.buffer('f32', picture, haloFor(draw, { kernel, stride, dilation, padding }, picture, out), true);
  const output = memory.buffer('f32', out, draw.chance(0.3) ? { top: 1, bottom: 1, left: 2, right: 1 } : none, true);
  const spec: RealConvSpec = {
    ...{ input, output, kernel, stride, dilation, padding, groups: c },
    weights: reals(draw, kernel.h * kernel.w * c),
    ...(draw.chance(0.7) ? { bias: reals(draw, c) } : {}),
    ...(draw.chance(0.5) ? { low: 0 } : {}),
    ...(draw.chance(0.3) ? { high: 6 } : {}),
  };
  return { spec, bytes: memory.size() + 128, draw };
}

describe.skipIf(!hasHost)('float32 convolutions in machine code', () => {
  describe.each(runsOn(realConvKernels, host))('$name', (kernel) => {
    it('give the sums of plain loops', () => {
      for (let seed = 1; seed <= 120; seed++) {
        const { spec, bytes, draw } = randomSpec(seed);
        const memory = fill(bytes, spec.input, spec.summand, draw);
        expectSums(kernel, spec, memory, `seed ${seed}`);
      }
    });

    it('do so for depthwise convolutions', () => {
      for (let seed = 1; seed <= 80; seed++) {
        const { spec, bytes, draw } = randomDepthwise(seed);
        const own = realDepthwiseKernels.find(({ name, isa }) => name.startsWith('depthwise') && isa === kernel.isa)!;
        expectSums(own, spec, fill(bytes, spec.input, undefined, draw), `seed ${seed}`);
      }
    });

    it('pass NaN and infinity on through relu', () => {
      const { spec, bytes, draw } = randomSpec(5);
      const plain: RealConvSpec = { ...spec, low: 0, high: 6 };
      const memory = fill(bytes, spec.input, spec.summand, draw);
      write(memory, spec.input, () => Number.NaN);
      const got = read(resultOf(host!, kernel, plain, memory), spec.output);
      expect(got.some(Number.isNaN)).toBe(true);
    });
  });

  it.each([
    ['too few weights', { weights: new Float32Array(3) }, /3 weights/],
    ['groups that do not divide', { groups: 1000 }, /1000 groups/],
    ['a halo too narrow', { padding: { top: 9, left: 9 } }, /halo/],
  ] as const)('refuse %s', (_, change, message) => {
    for (const { whyNot } of realConvKernels) expect(whyNot({ ...randomSpec(1).spec, ...change })).toMatch(message);
  });
});
