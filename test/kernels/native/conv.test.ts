import { describe, expect, it } from 'vitest';
import { convKernels } from '../../../src/kernels/conv/native/index.ts';
import type { ConvSpec } from '../../../src/kernels/conv/native/spec.ts';
import type { Buffer } from '../../../src/kernels/native-kernel.ts';
import { abiProbe } from '../../support/abi-probe.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { featuresFor, placed, runnable } from '../../support/run-step.ts';
import { describeSpec, difference } from './check.ts';
import { convReference } from './conv-reference.ts';
import { allocator, draws, fillArena, haloFor, randomConv } from './random-conv.ts';

const SEEDS = 120;
const family = { reference: convReference, fill: fillArena };

/** A 3×3 convolution, all of whose parts the cases below replace. */
function plain(): ConvSpec {
  const halo = { top: 1, bottom: 1, left: 1, right: 1 };
  const none = { top: 0, bottom: 0, left: 0, right: 0 };
  const [c, o, w] = [8, 40, 5];
  const stride = { n: 7 * 7 * c, h: 7 * c, w: c };
  const offset = 8 * c;
  const output = { n: w * w * o, h: w * o, w: o };
  return {
    input: { type: 'u8', offset, shape: { n: 1, h: w, w, c }, stride, halo },
    output: { type: 'u8', offset: 7 * 7 * c, shape: { n: 1, h: w, w, c: o }, stride: output, halo: none },
    kernel: { h: 3, w: 3 },
    stride: { h: 1, w: 1 },
    dilation: { h: 1, w: 1 },
    padding: { top: 1, left: 1 },
    groups: 1,
    weights: new Int8Array(9 * c * o).map((_, i) => (i * 37) % 127),
    bias: new Int32Array(o).map((_, i) => i * 100 - 2000),
    result: { kind: 'requantize', multipliers: new Float32Array(o).fill(0.001), low: 0, high: 255 },
  };
}

describe.skipIf(!hasHost)('convolutions in machine code', async () => {
  const host = hasHost ? await requireHost() : undefined;
  const runs = convKernels.filter((kernel) => host !== undefined && featuresFor(kernel.isa, host) !== undefined);

  describe.each(runs)('$name', (kernel) => {
    it('give the sums of plain loops to the bit, between guard pages', async () => {
      const host = await requireHost();
      for (let seed = 1; seed <= SEEDS; seed++) {
        const { spec, bytes } = randomConv(seed);
        expect(kernel.whyNot(spec), describeSpec(spec)).toBeUndefined();
        const found = difference(host, kernel, spec, bytes, seed, family);
        expect(found, `seed ${seed}: ${describeSpec(spec)}`).toBeUndefined();
      }
    });

    it.each([
      { what: 'several pictures, chunks and lines', n: 2, h: 29, w: 31, c: 32, o: 48, k: 3, s: 1 },
      { what: 'ranges of panels', n: 1, h: 7, w: 7, c: 1040, o: 420, k: 1, s: 1 },
      { what: 'ranges of panels over chunks', n: 2, h: 13, w: 9, c: 150, o: 330, k: 3, s: 2 },
      { what: 'panels that share flipped signs', n: 2, h: 29, w: 31, c: 20, o: 144, k: 1, s: 1 },
      { what: 'three channels', n: 2, h: 40, w: 41, c: 3, o: 40, k: 7, s: 2 },
      { what: 'three channels in few rows', n: 2, h: 60, w: 41, c: 3, o: 24, k: 3, s: 2 },
      { what: 'a channel in more rows than have steps of their own', n: 2, h: 60, w: 41, c: 1, o: 40, k: 9, s: 1 },
    ])('share out $what', async ({ n, h, w, c, o, k, s }) => {
      const host = await requireHost();
      const draw = draws(h * c);
      const memory = allocator(draw);
      const before = Math.floor((k - 1) / 2);
      const window = { kernel: { h: k, w: k }, stride: { h: s, w: s }, dilation: { h: 1, w: 1 } };
      const padding = { top: before, left: before };
      const shape = { n, h: Math.ceil(h / s), w: Math.ceil(w / s), c: o };
      const halo = haloFor(draw, { ...window, padding }, { h, w }, shape);
      const input = memory.buffer('s8', { n, h, w, c }, halo, false);
      const output = memory.buffer('u8', shape, { top: 1, bottom: 1, left: 1, right: 1 }, false);
      const weights = Int8Array.from({ length: k * k * c * o }, () => draw.integer(-128, 127));
      const multipliers = new Float32Array(o).fill(1 / (60 * Math.sqrt(k * k * c)));
      const result = { kind: 'requantize', multipliers, low: 0, high: 255 } as const;
      const spec: ConvSpec = { input, output, ...window, padding, groups: 1, weights, result };
      expect(kernel.step(spec, 0).tiles).toBeGreaterThan(1);
      expect(difference(host, kernel, spec, memory.size(), 1, family)).toBeUndefined();
    });

    it.each([undefined, 'u8', 's8'] as const)('compute panels of every width, summand %s', async (type) => {
      const host = await requireHost();
      const spec = plain();
      const { c } = spec.input.shape;
      for (let o = 1; o <= 40; o++) {
        const shape = { n: 1, h: 5, w: 5, c: o };
        const output: Buffer = { ...spec.output, shape, stride: { n: 25 * o, h: 5 * o, w: o } };
        const end = output.offset + 25 * o;
        const summand = type && { buffer: { ...output, type, offset: end }, multiplier: 0.5 };
        const multipliers = new Float32Array(o).map((_, i) => 0.001 + i / 1e5);
        const sized: ConvSpec = {
          ...spec,
          output,
          weights: new Int8Array(9 * c * o).map((_, i) => (i * 37) % 127),
          bias: new Int32Array(o).map((_, i) => i * 100 - 2000),
          result: { kind: 'requantize', multipliers, low: 0, high: 255, ...(summand && { summand }) },
        };
        expect(difference(host, kernel, sized, end + 25 * o, o, family), `${o} channels`).toBeUndefined();
      }
    });

    it.each(['sums beyond float32', 'multipliers that overflow int32'])('are exact for %s', async (what) => {
      const host = await requireHost();
      const spec = plain();
      const multipliers = new Float32Array(40).map(
        (_, i) => (i % 2 ? -1 : 1) * (what.startsWith('sums') ? 1e-7 : 1e15),
      );
      const extreme: ConvSpec = {
        ...spec,
        bias: new Int32Array(40).map((_, i) => (i % 3 ? 2 ** 30 + 64 * i + 1 : -(2 ** 30) - i)),
        result: { kind: 'requantize', multipliers, low: 0, high: 255 },
      };
      expect(difference(host, kernel, extreme, 7 * 7 * 8 + 25 * 40, 1, family)).toBeUndefined();
    });

    it('tell a wrong result', async () => {
      const host = await requireHost();
      const reference = (spec: ConvSpec, memory: DataView): void => {
        convReference(spec, memory);
        memory.setUint8(spec.output.offset + 999, memory.getUint8(spec.output.offset + 999) ^ 1);
      };
      expect(difference(host, kernel, plain(), 7 * 7 * 8 + 25 * 40, 1, { ...family, reference })).toMatch('byte 1391');
    });

    it('keep the ABI', async () => {
      const host = await requireHost();
      const { spec, bytes } = randomConv(7);
      const step = kernel.step(spec, 0);
      using memory = placed(host, fillArena(7, bytes + 4096, spec.input));
      using constants = placed(host, kernel.pack(spec));
      using run = runnable(host, step, kernel.isa, memory.address, constants.address);
      using probe = abiProbe(host);
      run.run(0, 0);
      run.block.view(BigInt64Array)[3] = BigInt(step.tiles);
      expect(probe.run(run.code.address, run.block.address).violations).toEqual([]);
    });

    it('compute disjoint tiles in any order', async () => {
      const host = await requireHost();
      const spec = plain();
      const big: ConvSpec = {
        ...spec,
        input: {
          ...spec.input,
          shape: { n: 1, h: 50, w: 50, c: 8 },
          stride: { n: 0, h: 52 * 8, w: 8 },
          offset: 53 * 8,
        },
        output: {
          ...spec.output,
          shape: { n: 1, h: 50, w: 50, c: 40 },
          stride: { n: 0, h: 50 * 40, w: 40 },
          offset: 52 * 52 * 8,
        },
      };
      const bytes = 52 * 52 * 8 + 50 * 50 * 40;
      const before = fillArena(3, bytes, big.input);
      const expected = before.slice();
      convReference(big, new DataView(expected.buffer));
      const step = kernel.step(big, 0);
      expect(step.tiles).toBeGreaterThan(1);
      using memory = placed(host, before);
      using constants = placed(host, kernel.pack(big));
      using run = runnable(host, step, kernel.isa, memory.address, constants.address);
      for (let tile = step.tiles - 1; tile >= 0; tile--) run.run(tile, tile + 1);
      expect(memory.view(Uint8Array)).toEqual(expected);
    });
  });

  it.each([
    ['a halo too narrow', { padding: { top: 2, left: 1 } }, /halo/],
    ['groups that do not divide', { groups: 3 }, /3 groups of 8 to 40/],
    ['too few weights', { weights: new Int8Array(7) }, /7 weights/],
    ['a bias of another length', { bias: new Int32Array(3) }, /bias of 3/],
    ['a bias that leaves no room for the sums', { bias: new Int32Array(40).fill(2 ** 31 - 1000) }, /exceed int32/],
    ['a real input', { input: { ...plain().input, type: 'f32' } }, /input of f32/],
    ['an offset before the arena', { input: { ...plain().input, offset: 0 } }, /bytes -/],
    ['an arena beyond 2 GiB', { output: { ...plain().output, offset: 2 ** 31 - 100 } }, /of the arena/],
    [
      'a multiplier that is not finite',
      { result: { kind: 'requantize', multipliers: new Float32Array(40).fill(NaN), low: 0, high: 255 } },
      /multiplier/,
    ],
    [
      'a clamp out of range',
      { result: { kind: 'requantize', multipliers: new Float32Array(40), low: -1, high: 255 } },
      /clamp/,
    ],
    [
      'a real bias that is no number',
      {
        output: { ...plain().output, type: 'f32' },
        result: { kind: 'dequantize', multipliers: new Float32Array(40), bias: new Float32Array(40).fill(NaN) },
      },
      /bias/,
    ],
    [
      'steps with a real bias',
      {
        result: {
          ...{ kind: 'requantize', multipliers: new Float32Array(40), low: 0, high: 255 },
          ...{ steps: { steps: new Float32Array(40), addends: new Float32Array(40), back: 1 } },
          ...{ real: { bias: new Float32Array(40), factor: 1 } },
        },
      },
      /steps with/,
    ],
  ] as const)('refuse %s', (_, change, message) => {
    for (const { whyNot } of convKernels) expect(whyNot({ ...plain(), ...change } as ConvSpec)).toMatch(message);
  });

  it('take any bias where the weights leave room for it', () => {
    for (const value of [2 ** 31 - 1, -(2 ** 31)]) {
      const spec = { ...plain(), weights: new Int8Array(9 * 8 * 40), bias: new Int32Array(40).fill(value) };
      for (const { whyNot } of convKernels) expect(whyNot(spec)).toBeUndefined();
    }
  });
});
