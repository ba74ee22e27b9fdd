import { describe, expect, it } from 'vitest';
import { depthwiseKernels } from '../../../src/kernels/depthwise/native/index.ts';
import { abiProbe } from '../../support/abi-probe.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { featuresFor, placed, runnable } from '../../support/run-step.ts';
import { describeSpec, difference } from './check.ts';
import { convReference } from './conv-reference.ts';
import { allocator, draws, fillArena, haloFor, randomDepthwise } from './random-conv.ts';

const SEEDS = 120;
const family = { reference: convReference, fill: fillArena };

describe.skipIf(!hasHost)('depthwise convolutions in machine code', async () => {
  const host = hasHost ? await requireHost() : undefined;
  const runs = depthwiseKernels.filter((kernel) => host !== undefined && featuresFor(kernel.isa, host) !== undefined);

  describe.each(runs)('$name', (kernel) => {
    it('give the sums of plain loops to the bit, between guard pages', async () => {
      const host = await requireHost();
      let taken = 0;
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { spec, bytes } = randomDepthwise(seed);
        if (kernel.whyNot(spec) !== undefined) continue;
        taken++;
        const found = difference(host, kernel, spec, bytes, seed, family);
        expect(found, `seed ${seed}: ${describeSpec(spec)}`).toBeUndefined();
      }
      expect(taken).toBeGreaterThan(SEEDS / 2);
    });

    it.each([
      { n: 2, h: 33, w: 29, c: 208, k: 3, s: 1 },
      { n: 2, h: 41, w: 40, c: 144, k: 3, s: 2 },
      { n: 1, h: 25, w: 27, c: 200, k: 5, s: 1 },
    ])('share out $n × $h × $w × $c', async ({ n, h, w, c, k, s }) => {
      const host = await requireHost();
      const draw = draws(h * c);
      const memory = allocator(draw);
      const before = Math.floor((k - 1) / 2);
      const window = { kernel: { h: k, w: k }, stride: { h: s, w: s }, dilation: { h: 1, w: 1 } };
      const padding = { top: before, left: before };
      const shape = { n, h: Math.ceil(h / s), w: Math.ceil(w / s), c };
      const input = memory.buffer('u8', { n, h, w, c }, haloFor(draw, { ...window, padding }, { h, w }, shape), false);
      const output = memory.buffer('s8', shape, { top: 1, bottom: 1, left: 1, right: 1 }, false);
      const weights = Int8Array.from({ length: k * k * c }, () => draw.integer(-128, 127));
      const multipliers = new Float32Array(c).fill(1 / (60 * k));
      const result = { kind: 'requantize', multipliers, low: -100, high: 127 } as const;
      const spec = { input, output, ...window, padding, groups: c, weights, result };
      if (kernel.name.startsWith('depthwise')) expect(kernel.step(spec, 0).tiles).toBeGreaterThan(n);
      expect(difference(host, kernel, spec, memory.size(), 1, family)).toBeUndefined();
    });

    it('keep the ABI', async () => {
      const host = await requireHost();
      const { spec, bytes } = randomDepthwise(2);
      const step = kernel.step(spec, 0);
      using memory = placed(host, fillArena(2, bytes + 4096, spec.input));
      using constants = placed(host, kernel.pack(spec));
      using run = runnable(host, step, kernel.isa, memory.address, constants.address);
      using probe = abiProbe(host);
      run.run(0, 0);
      run.block.view(BigInt64Array)[3] = BigInt(step.tiles);
      expect(probe.run(run.code.address, run.block.address).violations).toEqual([]);
    });
  });

  it('leave what they cannot compute to grouped convolutions', () => {
    const { spec } = randomDepthwise(2);
    const { kernel, input, output } = spec;
    const sums = { ...spec, output: { ...output, type: 's32' }, result: { kind: 'sums' } } as const;
    const taken = depthwiseKernels.filter((candidate) => candidate.whyNot(sums) === undefined);
    expect(taken.map(({ name }) => name)).toEqual(['conv avx512_vnni', 'conv avx_vnni', 'conv avx2']);
    expect(
      depthwiseKernels[0]!.whyNot({
        ...spec,
        groups: 1,
        weights: new Int8Array(kernel.h * kernel.w * input.shape.c ** 2),
      }),
    ).toMatch('one output channel');
  });
});
