import { describe, expect, it } from 'vitest';
import type { WindowAxis } from '../../../src/graph/shapes/geometry.ts';
import type { Buffer, ElementType } from '../../../src/kernels/native-kernel.ts';
import { poolKernels } from '../../../src/kernels/pool/native/index.ts';
import type { PoolSpec } from '../../../src/kernels/pool/native/spec.ts';
import { averagePool, maxPool } from '../../../src/kernels/pool/pool.ts';
import { rne } from '../../../src/kernels/requantize/contract.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { describeSpec } from './check.ts';
import { allocator, type Draw, draws } from './random-conv.ts';
import { expectClose, read, resultOf, runsOn, write } from './run.ts';

const host = hasHost ? await requireHost() : undefined;
const none = { top: 0, bottom: 0, left: 0, right: 0 };
const f32 = Math.fround;

function randomSpec(draw: Draw): { readonly spec: PoolSpec; readonly bytes: number } {
  const memory = allocator(draw);
  const kernel = { h: draw.integer(1, 5), w: draw.integer(1, 5) };
  const stride = { h: draw.integer(1, 3), w: draw.pick(1, 1, 2, 3) };
  const padding = { top: draw.integer(0, kernel.h - 1), left: draw.integer(0, kernel.w - 1) };
  const c = draw.pick(1, 3, 8, 15, 16, 17, 31, 33, 63, 64, 65, 100, 130, 257, 300);
  const out = { n: draw.pick(1, 1, 2), h: draw.integer(1, 7), w: draw.integer(1, 14), c };
  // Each window has at least its first tap behind the padding inside, the last ones may reach out behind.
  const least = (axis: 'h' | 'w', before: number): number => Math.max((out[axis] - 1) * stride[axis] - before, 0) + 1;
  const picture = {
    n: out.n,
    h: least('h', padding.top) + draw.integer(0, 3),
    w: least('w', padding.left) + draw.integer(0, 3),
    c,
  };
  const type = draw.pick<ElementType>('u8', 's8', 'f32');
  const kind = draw.pick('max', 'average', ...(type === 'f32' ? [] : (['mean'] as const)));
  const halo = draw.chance(0.3) ? { top: 1, bottom: 1, left: 2, right: 1 } : none;
  const input = memory.buffer(type, picture, halo, true);
  const output = memory.buffer(kind === 'mean' ? 'f32' : type, out, halo, true);
  const reduce: PoolSpec['reduce'] = kind === 'mean' ? { kind, factor: f32(0.01) } : { kind };
  return { spec: { input, output, kernel, stride, padding, reduce }, bytes: memory.size() + 64 };
}

/** By the plain loops of the reference kernels. */
function reference({ input, output, kernel, stride, padding, reduce }: PoolSpec, x: readonly number[]): number[] {
  const axis = (of: 'h' | 'w', before: number): WindowAxis => ({
    ...{ input: input.shape[of], kernel: kernel[of], stride: stride[of], dilation: 1, before, after: 0 },
    output: output.shape[of],
  });
  const g = { batch: input.shape.n, h: axis('h', padding.top), w: axis('w', padding.left), channels: input.shape.c };
  const lowest = { u8: 0, s8: -128, s32: 0, f32: -3.4028234663852886e38 }[input.type];
  const values = Float64Array.from(x);
  if (reduce.kind === 'max') return [...maxPool(g, values, lowest)];
  if (reduce.kind === 'mean') return [...averagePool(g, values, (sum) => f32(f32(sum) * reduce.factor))];
  const mean = (sum: number, count: number): number => rne(f32(sum / count));
  return [...(input.type === 'f32' ? averagePool(g, values) : averagePool(g, values, mean))];
}

const valuesOf = (draw: Draw, { type }: Buffer): (() => number) => {
  if (type === 'f32') return () => draw.integer(-999, 999) / 77;
  const [least, most] = type === 'u8' ? [0, 255] : [-128, 127];
  const kind = draw.integer(0, 3);
  return () => (kind === 0 ? most : kind === 1 ? least : draw.integer(least, most));
};

describe.skipIf(!hasHost)('pooling in machine code', () => {
  describe.each(runsOn(poolKernels, host))('$name', (kernel) => {
    it('gives what the reference gives', () => {
      for (let seed = 1; seed <= 400; seed++) {
        const draw = draws(seed);
        const { spec, bytes } = randomSpec(draw);
        const memory = new Uint8Array(bytes).fill(0xa5);
        write(memory, spec.input, valuesOf(draw, spec.input));
        const x = read(memory, spec.input);
        const got = read(resultOf(host!, kernel, spec, memory), spec.output);
        const wanted = reference(spec, x);
        const what = `seed ${seed} ${describeSpec(spec)}`;
        const isReal = spec.input.type === 'f32' && spec.reduce.kind === 'average';
        if (isReal) expectClose(got, wanted.map(f32), 0, 1.3e-5, what);
        else
          expect(
            got.map((v) => v + 0),
            what,
          ).toEqual(wanted.map((v) => v + 0));
      }
    });

    it('is never won by NaN', () => {
      const draw = draws(9);
      const memory = allocator(draw);
      const input = memory.buffer('f32', { n: 1, h: 3, w: 3, c: 20 }, none, false);
      const output = memory.buffer('f32', { n: 1, h: 1, w: 1, c: 20 }, none, false);
      const window = { h: 3, w: 3 };
      const spec: PoolSpec = {
        input,
        output,
        kernel: window,
        stride: window,
        padding: { top: 0, left: 0 },
        reduce: { kind: 'max' },
      };
      const bytes = new Uint8Array(memory.size() + 64);
      write(bytes, input, (i) => (i % 7 === 0 ? Number.NaN : -i));
      const x = read(bytes, input);
      expect(read(resultOf(host!, kernel, spec, bytes), output)).toEqual(reference(spec, x));
    });
  });

  it.each([
    ['a window outside of the picture', { padding: { top: 5, left: 0 }, kernel: { h: 2, w: 2 } }, /outside/],
    ['another type', { output: { ...randomSpec(draws(1)).spec.output, type: 's32' } }, /output of s32/],
  ] as const)('refuse %s', (_, change, message) => {
    for (const { whyNot } of poolKernels)
      expect(whyNot({ ...randomSpec(draws(1)).spec, ...change } as PoolSpec)).toMatch(message);
  });
});
