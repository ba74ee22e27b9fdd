import { describe, expect, it } from 'vitest';
import { evaluateNode } from '../../../src/api/model.ts';
import { tensor } from '../../../src/base/tensor.ts';
import { attrs, float, int } from '../../../src/graph/attr.ts';
import type { Buffer } from '../../../src/kernels/native-kernel.ts';
import { lrnKernels } from '../../../src/kernels/normalize/native/index.ts';
import { softmaxKernels } from '../../../src/kernels/softmax/native/index.ts';
import { logSoftmax } from '../../../src/kernels/softmax/reference.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { allocator, type Draw, draws } from './random-conv.ts';
import { expectClose, read, resultOf, runsOn, write } from './run.ts';

const host = hasHost ? await requireHost() : undefined;
const none = { top: 0, bottom: 0, left: 0, right: 0 };

function buffers(draw: Draw, c: number) {
  const memory = allocator(draw);
  const shape: Buffer['shape'] = { n: draw.pick(1, 2), h: draw.integer(1, 4), w: draw.integer(1, 5), c };
  const input = memory.buffer('f32', shape, none, true);
  const output = memory.buffer('f32', shape, draw.chance(0.3) ? { ...none, left: 2 } : none, true);
  return { input, output, bytes: new Uint8Array(memory.size()).fill(0x7f) };
}

describe.skipIf(!hasHost)('softmax in machine code', () => {
  describe.each(runsOn(softmaxKernels, host))('$name', (kernel) => {
    it('is within 1e-6 of the reference', () => {
      for (let seed = 1; seed <= 80; seed++) {
        const draw = draws(seed);
        const c = draw.pick(1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1000, 1001);
        const { input, output, bytes } = buffers(draw, c);
        const size = draw.pick(1, 10, 1000, 1e30);
        write(bytes, input, () => (draw.integer(-1000, 1000) / 1000) * size);
        const wanted = [...logSoftmax(read(bytes, input), c).map(Math.exp)].map(Math.fround);
        const got = read(resultOf(host!, kernel, { input, output }, bytes), output);
        // Logarithms of tiny shares lose digits to the size of the logits; shares below 1e-30 are nobody's answer.
        expectClose(got, wanted, size > 100 ? 1e-4 : 3e-6, 1e-30, `seed ${seed}`);
      }
    });

    it('is its logarithm where that is wanted, within 1e-6 of the row’s size', () => {
      for (let seed = 1; seed <= 60; seed++) {
        const draw = draws(seed);
        const c = draw.pick(1, 2, 7, 8, 9, 15, 16, 17, 31, 33, 100, 1000, 70_000);
        const { input, output, bytes } = buffers(draw, c);
        const size = draw.pick(0, 1, 10, 1000);
        write(bytes, input, () => (draw.integer(-1000, 1000) / 1000) * size);
        const wanted = [...logSoftmax(read(bytes, input), c)];
        const got = read(resultOf(host!, kernel, { input, output, isLog: true }, bytes), output);
        expectClose(got, wanted, 1e-6, 1e-6 * Math.max(1, size), `seed ${seed}`);
      }
    });

    it.each([false, true])('passes NaN on (isLog: %s)', (isLog) => {
      const { input, output, bytes } = buffers(draws(4), 20);
      write(bytes, input, (i) => (i === 3 ? Number.NaN : i));
      const got = read(resultOf(host!, kernel, { input, output, isLog }, bytes), output);
      expect(got.slice(0, 20).every(Number.isNaN)).toBe(true);
      expect(got.slice(20).some(Number.isNaN)).toBe(false);
    });
  });
});

describe.skipIf(!hasHost)('local response normalization in machine code', () => {
  describe.each(runsOn(lrnKernels, host))('$name', (kernel) => {
    it('gives the bits of the reference kernel', () => {
      for (let seed = 1; seed <= 150; seed++) {
        const draw = draws(seed);
        const c = draw.pick(8, 9, 15, 16, 17, 24, 31, 33, 64, 100);
        const { input, output, bytes } = buffers(draw, c);
        const radius = draw.pick(0, 1, 2, 5, 7, 20);
        const [bias, alpha, beta] = [
          draw.pick(1, 2, 1e-30),
          Math.fround(draw.pick(1e-4, 0.2)),
          draw.pick(0.5, 0.75, 1),
        ];
        const size = draw.pick(20, 20, 1e-20, 1e15, 1e20);
        write(bytes, input, () => (draw.integer(-1000, 1000) / 1000) * size);
        const lrn = { depth_radius: int(radius), bias: float(bias), alpha: float(alpha), beta: float(beta) };
        const node = { name: 'lrn', op: 'LRN', inputs: [], controls: [], attrs: attrs(lrn) };
        const x = tensor('float32', [read(bytes, input).length / c, 1, 1, c], Float32Array.from(read(bytes, input)));
        const [wanted] = evaluateNode(node, [x])!;
        const got = read(resultOf(host!, kernel, { input, output, radius, bias, alpha, beta }, bytes), output);
        expect(got, `seed ${seed}`).toEqual([...(wanted!.data as Float32Array)]);
      }
    });

    it('declines other exponents', () => {
      const { input, output } = buffers(draws(1), 16);
      expect(kernel.whyNot({ input, output, radius: 2, bias: 1, alpha: 1, beta: 0.6 })).toMatch(/exponent/);
    });
  });
});
