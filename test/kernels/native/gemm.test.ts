import { describe, expect, it } from 'vitest';
import { type GemmSpec, gemmAsConv, gemmKernels } from '../../../src/kernels/gemm/native/index.ts';
import type { Buffer, ElementType } from '../../../src/kernels/native-kernel.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { featuresFor } from '../../support/run-step.ts';
import { difference } from './check.ts';
import { convReference } from './conv-reference.ts';
import { allocator, draws, fillArena, randomResult, values } from './random-conv.ts';

function randomGemm(seed: number): { readonly spec: GemmSpec; readonly bytes: number } {
  const draw = draws(seed);
  const memory = allocator(draw);
  const [m, k, n] = [draw.pick(1, 1, 2, 7, 9, 33), draw.integer(1, 300), draw.integer(1, 150)];
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  const make = (type: ElementType, c: number): Buffer => memory.buffer(type, { n: m, h: 1, w: 1, c }, none, true);
  const input = make(draw.pick('u8', 's8'), k);
  const output = make(draw.pick('u8', 's8', 'f32', 's32'), n);
  const result = randomResult(draw, output, (type) => make(type, n), k);
  const weights = Int8Array.from(values(draw, k * n, -128, 127));
  return { spec: { input, output, weights, transposed: draw.chance(0.5), result }, bytes: memory.size() };
}

describe.skipIf(!hasHost)('matrix products in machine code', async () => {
  const host = hasHost ? await requireHost() : undefined;
  const runs = gemmKernels.filter((kernel) => host !== undefined && featuresFor(kernel.isa, host) !== undefined);

  it.each(runs)('$name give the sums of plain loops to the bit', async (kernel) => {
    const host = await requireHost();
    const reference = (spec: GemmSpec, memory: DataView): void => convReference(gemmAsConv(spec), memory);
    for (let seed = 1; seed <= 150; seed++) {
      const { spec, bytes } = randomGemm(seed);
      expect(
        difference(host, kernel, spec, bytes, seed, { reference, fill: fillArena }),
        `seed ${seed}`,
      ).toBeUndefined();
    }
  });

  it('read [n][k] as the transpose of [k][n]', () => {
    const { spec } = randomGemm(1);
    const small = { ...spec, weights: Int8Array.of(1, 2, 3, 4, 5, 6), transposed: true };
    const shape = (c: number) => ({ ...spec.input, shape: { n: 1, h: 1, w: 1, c } });
    expect([...gemmAsConv({ ...small, input: shape(3), output: shape(2) }).weights]).toEqual([1, 4, 2, 5, 3, 6]);
  });

  it('refuse weights of another size', () => {
    const { spec } = randomGemm(1);
    expect(gemmKernels[0]!.whyNot({ ...spec, weights: new Int8Array(1) })).toMatch('1 weights');
  });
});
