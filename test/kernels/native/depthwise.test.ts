import { describe, expect, it } from 'vitest';
import { depthwiseKernels } from '../../../src/kernels/depthwise/native/index.ts';
import { abiProbe } from '../../support/abi-probe.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { featuresFor, placed, runnable } from '../../support/run-step.ts';
import { describeSpec, difference } from './check.ts';
import { convReference } from './conv-reference.ts';
import { fillArena, randomDepthwise } from './random-conv.ts';

const SEEDS = 250;
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
