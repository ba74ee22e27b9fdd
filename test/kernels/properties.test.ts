import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { tensorOf } from '../../src/base/tensor.ts';
import type { ops } from '../../src/graph/ops/index.ts';
import { convGeometry, type Padding, windowAxis } from '../../src/graph/shapes/geometry.ts';
import { convolve } from '../../src/kernels/conv/convolve.ts';
import { convolveTransposed } from '../../src/kernels/conv/transposed.ts';
import { convolveDepthwise } from '../../src/kernels/depthwise/convolve.ts';
import { gemm, packPanels } from '../../src/kernels/matmul/gemm.ts';
import { dequantizer } from '../../src/kernels/quantize/dequantize.ts';
import { adjustedRange, quantizer } from '../../src/kernels/quantize/quantize.ts';
import { reference } from '../../src/kernels/reference.ts';
import { requantize, rne, roundHalfAway } from '../../src/kernels/requantize/contract.ts';

const size = (max: number) => fc.integer({ min: 1, max });
const padding = fc.oneof(fc.constantFrom<Padding>('SAME', 'VALID'), fc.record({ before: fc.nat(3), after: fc.nat(3) }));
const stepping = fc.record({ stride: size(3), dilation: size(2), padding });

/** A convolution of random codes, as small as its window allows. */
const convolution = fc
  .record({
    batch: size(2),
    height: fc.integer({ min: 5, max: 8 }),
    width: fc.integer({ min: 5, max: 8 }),
    kernelHeight: size(3),
    kernelWidth: size(3),
    perGroup: size(3),
    groups: size(2),
    outPerGroup: size(6),
    h: stepping,
    w: stepping,
    seed: fc.integer(),
  })
  .map((p) => {
    const inputShape = [p.batch, p.height, p.width, p.perGroup * p.groups];
    const filterShape = [p.kernelHeight, p.kernelWidth, p.perGroup, p.outPerGroup * p.groups];
    const g = convGeometry(inputShape, filterShape, { layout: 'NHWC', h: p.h, w: p.w });
    const count = (shape: number[]) => shape.reduce((a, b) => a * b, 1);
    const code = (i: number) => (Math.imul(i + 1, 2654435761) ^ Math.imul(p.seed | 1, 40503)) >> 9;
    const input = Uint8Array.from({ length: count(inputShape) }, (_, i) => code(i));
    const filter = Int8Array.from({ length: count(filterShape) }, (_, i) => code(i + 7919));
    return { g, input, filter };
  });

describe('convolution', () => {
  test('equals the definition, seven loops deep', () => {
    fc.assert(
      fc.property(convolution, ({ g, input, filter }) => {
        const { h, w } = g;
        const perGroup = g.inChannels / g.groups;
        const outPerGroup = g.outChannels / g.groups;
        const expected: number[] = [];
        for (let n = 0; n < g.batch; n++)
          for (let y = 0; y < h.output; y++)
            for (let x = 0; x < w.output; x++)
              for (let o = 0; o < g.outChannels; o++) {
                let sum = 0;
                for (let i = 0; i < h.kernel; i++)
                  for (let j = 0; j < w.kernel; j++)
                    for (let c = 0; c < perGroup; c++) {
                      const row = y * h.stride - h.before + i * h.dilation;
                      const column = x * w.stride - w.before + j * w.dilation;
                      if (row < 0 || row >= h.input || column < 0 || column >= w.input) continue;
                      const channel = Math.floor(o / outPerGroup) * perGroup + c;
                      const pixel = input[((n * h.input + row) * w.input + column) * g.inChannels + channel]!;
                      sum += pixel * filter[((i * w.kernel + j) * perGroup + c) * g.outChannels + o]!;
                    }
                expected.push(sum);
              }
        expect(Array.from(convolve(g, input, filter))).toEqual(expected);
      }),
    );
  });

  test('its transpose is its adjoint: ⟨conv(x), y⟩ = ⟨x, transposed(y)⟩', () => {
    fc.assert(
      fc.property(convolution, ({ g, input, filter }) => {
        const outputs = convolve(g, input, filter);
        const y = Int32Array.from(outputs, (_, i) => ((i * 37) % 19) - 9);
        const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
          Array.from(a).reduce((sum, v, i) => sum + v * b[i]!, 0);
        expect(dot(outputs, y)).toBe(dot(input, convolveTransposed(g, y, filter)));
      }),
    );
  });

  test('depthwise equals a convolution with a group a channel', () => {
    fc.assert(
      fc.property(convolution, ({ g, input, filter }) => {
        const taps = g.h.kernel * g.w.kernel;
        const weights = filter.slice(0, taps * Math.min(g.inChannels, Math.floor(filter.length / taps)));
        if (weights.length !== taps * g.inChannels) return;
        const depthwise = convolveDepthwise({ ...g, channels: g.inChannels, multiplier: 1 }, input, weights);
        const grouped = convolve({ ...g, outChannels: g.inChannels, groups: g.inChannels }, input, weights);
        expect(depthwise).toEqual(grouped);
      }),
    );
  });
});

test('a product of matrices of any size equals its definition', () => {
  fc.assert(
    fc.property(size(5), size(7), size(9), (m, k, n) => {
      const a = Float64Array.from({ length: m * k }, (_, i) => (i % 11) - 5);
      const b = Float64Array.from({ length: k * n }, (_, i) => (i % 7) - 3);
      const data = new Float64Array(m * n).fill(Number.NaN);
      gemm(a, m, packPanels(b, k, n), { data, offset: 0, rowStep: n });
      const at = (i: number) =>
        Array.from({ length: k }, (_, p) => a[Math.floor(i / n) * k + p]! * b[p * n + (i % n)]!).reduce(
          (s, v) => s + v,
          0,
        );
      expect(Array.from(data)).toEqual(Array.from(data, (_, i) => at(i)));
    }),
  );
});

test('a window reads every element that SAME promises, and pads the odd one behind', () => {
  fc.assert(
    fc.property(size(40), size(7), size(4), size(3), (input, kernel, stride, dilation) => {
      const axis = windowAxis(input, kernel, { stride, dilation, padding: 'SAME' });
      expect(axis.output).toBe(Math.ceil(input / stride));
      expect(axis.after - axis.before).toBeGreaterThanOrEqual(0);
      expect(axis.after - axis.before).toBeLessThanOrEqual(1);
    }),
  );
});

describe('rounding', () => {
  test.each([
    [0.5, 0, 1],
    [1.5, 2, 2],
    [2.5, 2, 3],
    [-0.5, 0, -1],
    [-1.5, -2, -2],
    [-2.5, -2, -3],
    [0.49999997, 0, 0],
    [8388609, 8388609, 8388609],
    [-(2 ** 31), -(2 ** 31), -(2 ** 31)],
    [2 ** 60, 2 ** 60, 2 ** 60],
  ])('%d is %d to even, %d away from zero', (x, even, away) => {
    expect(rne(x) + 0).toBe(even);
    expect(roundHalfAway(x) + 0).toBe(away);
  });

  test('requantize saturates, and rounds sums beyond 2^24 to float32 first', () => {
    expect(requantize(1000, Math.fround(0.5), 0, 255)).toBe(255);
    expect(requantize(-1000, Math.fround(0.5), -128, 127)).toBe(-128);
    expect(requantize(2 ** 24 + 1, 1, -(2 ** 31), 2 ** 31 - 1)).toBe(2 ** 24);
    expect(requantize(3, Math.fround(0.5), -128, 127)).toBe(2);
  });
});

test('codes of SCALED come back within half a step; beyond the range they saturate', () => {
  const float = fc.float({ min: -100, max: 100, noNaN: true, noDefaultInfinity: true });
  fc.assert(
    fc.property(fc.constantFrom('qint8' as const, 'quint8' as const), float, float, float, (dtype, a, b, x) => {
      const narrowRange = dtype === 'qint8';
      const adjusted = adjustedRange({ min: Math.min(a, b), max: Math.max(a, b) }, 0.01);
      const settings = { dtype, mode: 'SCALED', roundMode: 'HALF_TO_EVEN', narrowRange, perSlice: false } as const;
      const { encode, range } = quantizer(settings, adjusted);
      const decoded = dequantizer(dtype, 'SCALED', narrowRange, range)(encode(x));
      const step = range.max / (dtype === 'qint8' ? 127 : 255);
      const inside = Math.min(Math.max(x, range.min), range.max);
      expect(Math.abs(decoded - inside)).toBeLessThanOrEqual(step * 0.5001);
    }),
  );
});

test('sums of the largest codes stay exact', () => {
  const k = 66_000;
  const g = convGeometry([1, 1, 1, k], [1, 1, k, 1], {
    layout: 'NHWC',
    h: { stride: 1, dilation: 1, padding: 'VALID' },
    w: { stride: 1, dilation: 1, padding: 'VALID' },
  });
  const [sum] = convolve(g, new Uint8Array(k).fill(255), new Int8Array(k).fill(-127));
  expect(sum).toBe(-255 * 127 * k);
});

describe('what TensorFlow refuses is refused', () => {
  const run = (
    op: keyof typeof ops,
    inputs: Parameters<Exclude<(typeof reference)['Relu'], string>>[0],
    attrs = {},
  ) => {
    const kernel = reference[op];
    if (typeof kernel === 'string') throw new Error(kernel);
    const node = { name: 'op', op, inputs: [], controls: [], attrs: new Map(Object.entries(attrs)) } as never;
    return kernel(inputs, node, { session: new Map(), run: new Map(), assets: new Map() });
  };
  test('NaN has no code', () => {
    const inputs = [tensorOf('float32', [Number.NaN]), tensorOf('float32', [0], []), tensorOf('float32', [1], [])];
    expect(() => run('QuantizeV2', inputs, { T: { type: 'quint8' }, mode: { string: 'SCALED' } })).toThrow(/NaN/);
  });
  test('a range that is none', () => {
    const inputs = [tensorOf('float32', [1]), tensorOf('float32', [2], []), tensorOf('float32', [1], [])];
    expect(() => run('QuantizeV2', inputs, { T: { type: 'quint8' } })).toThrow(/not a range/);
  });
  test('a filter that does not fit', () => {
    const inputs = [tensorOf('float32', [1, 2, 3], [1, 1, 1, 3]), tensorOf('float32', [1, 2], [1, 1, 2, 1])];
    const attrs = { T: { type: 'float32' }, strides: { list: { ints: [1, 1, 1, 1] } }, padding: { string: 'SAME' } };
    expect(() => run('Conv2D', inputs, attrs)).toThrow(/do not fit/);
  });
  test('matrices that do not fit', () => {
    const inputs = [tensorOf('float32', [1, 2], [1, 2]), tensorOf('float32', [1, 2, 3], [3, 1])];
    expect(() => run('MatMul', inputs, { T: { type: 'float32' } })).toThrow(/multiply/);
  });
});

test('every op that TENSORFLOW.md lists has a kernel', () => {
  const missing = Object.entries(reference).filter(
    ([name, kernel]) => /Quantiz|Requantiz|Dequantize/.test(name) && kernel === 'not-implemented',
  );
  const left = missing.map(([name]) => name).filter((name) => !name.startsWith('Uniform'));
  expect(left).toEqual(['QuantizedBatchNormWithGlobalNormalization', '_QuantizedMaxPool3D']);
});
