import { describe, expect, it } from 'vitest';
import { type DeconvSpec, deconvPhases } from '../../../src/kernels/conv/native/deconv.ts';
import { convKernels } from '../../../src/kernels/conv/native/index.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { featuresFor, placed, runnable } from '../../support/run-step.ts';
import { finished, read, write } from './conv-reference.ts';
import { allocator, type Draw, draws, fillArena, randomResult, values } from './random-conv.ts';

/** A transposed convolution; the input's halo is as wide as its phases reach. */
function randomDeconv(seed: number): { readonly spec: DeconvSpec; readonly bytes: number } {
  const draw: Draw = draws(seed);
  const memory = allocator(draw);
  const kernel = { h: draw.integer(1, 5), w: draw.integer(1, 5) };
  const stride = { h: draw.integer(1, 3), w: draw.integer(1, 3) };
  const before = { top: draw.integer(0, kernel.h - 1), left: draw.integer(0, kernel.w - 1) };
  const picture = { n: draw.pick(1, 2), h: draw.integer(1, 6), w: draw.integer(1, 6), c: draw.integer(1, 40) };
  const size = (of: number, axis: 'h' | 'w', front: number): number =>
    Math.max(1, (of - 1) * stride[axis] + kernel[axis] - front - draw.integer(0, kernel[axis]));
  const [h, w] = [size(picture.h, 'h', before.top), size(picture.w, 'w', before.left)];
  const shape = { n: picture.n, h, w, c: draw.integer(1, 40) };
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  const input = memory.buffer(draw.pick('u8', 's8'), picture, { top: 5, bottom: 5, left: 5, right: 5 }, true);
  const output = memory.buffer(draw.pick('u8', 's8', 'f32'), shape, none, true);
  const depth = kernel.h * kernel.w * picture.c;
  const result = randomResult(draw, output, (type) => memory.buffer(type, shape, none, true), depth);
  const weights = Int8Array.from(values(draw, depth * shape.c, -128, 127));
  const bias = Int32Array.from(values(draw, shape.c, -9000, 9000));
  return { spec: { input, output, kernel, stride, before, weights, bias, result }, bytes: memory.size() + 64 };
}

/** Scatters every input pixel. */
function reference(spec: DeconvSpec, memory: DataView): void {
  const { input, output, kernel, stride, before, weights, bias, result } = spec;
  const { n: batch, h, w, c: outputs } = output.shape;
  const sums = new Int32Array(batch * h * w * outputs).map((_, i) => bias?.[i % outputs] ?? 0);
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < input.shape.h; y++)
      for (let x = 0; x < input.shape.w; x++)
        for (let i = 0; i < kernel.h; i++)
          for (let j = 0; j < kernel.w; j++) {
            const [oy, ox] = [y * stride.h - before.top + i, x * stride.w - before.left + j];
            if (oy < 0 || ox < 0 || oy >= h || ox >= w) continue;
            for (let o = 0; o < outputs; o++)
              for (let c = 0; c < input.shape.c; c++)
                sums[((n * h + oy) * w + ox) * outputs + o]! +=
                  read(memory, input, n, y, x, c) * weights[((i * kernel.w + j) * outputs + o) * input.shape.c + c]!;
          }
  const summand = result.kind === 'requantize' ? result.summand?.buffer : undefined;
  for (let n = 0; n < batch; n++)
    for (let y = 0; y < h; y++)
      for (let x = 0; x < w; x++)
        for (let o = 0; o < outputs; o++) {
          const z = summand === undefined ? 0 : read(memory, summand, n, y, x, o);
          write(memory, output, n, y, x, o, finished(result, sums[((n * h + y) * w + x) * outputs + o]!, o, z));
        }
}

describe.skipIf(!hasHost)('transposed convolutions as phases', async () => {
  const host = hasHost ? await requireHost() : undefined;
  const runs = convKernels.filter((kernel) => host !== undefined && featuresFor(kernel.isa, host) !== undefined);

  it.each(runs)('of $name equal scattering', async (kernel) => {
    const host = await requireHost();
    for (let seed = 1; seed <= 100; seed++) {
      const { spec, bytes } = randomDeconv(seed);
      const before = fillArena(seed, bytes, spec.input);
      const expected = before.slice();
      reference(spec, new DataView(expected.buffer));
      using memory = placed(host, before);
      for (const phase of deconvPhases(spec)) {
        expect(kernel.whyNot(phase), `seed ${seed}`).toBeUndefined();
        using constants = placed(host, kernel.pack(phase));
        using run = runnable(host, kernel.step(phase, 0), kernel.isa, memory.address, constants.address);
        run.run();
      }
      const at = memory.view(Uint8Array).findIndex((byte, i) => byte !== expected[i]);
      expect(at, `seed ${seed}: first difference`).toBe(-1);
    }
  });
});
