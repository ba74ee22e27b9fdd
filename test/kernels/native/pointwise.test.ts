import { describe, expect, it } from 'vitest';
import { tensor } from '../../../src/base/tensor.ts';
import { activations } from '../../../src/kernels/activation/functions.ts';
import { unaryFormulas } from '../../../src/kernels/activation/native/formulas.ts';
import { binaryFormulas, clampTo } from '../../../src/kernels/eltwise/native/formulas.ts';
import { binaryRows } from '../../../src/kernels/math/binary.ts';
import { unaryKernels } from '../../../src/kernels/math/unary.ts';
import type { Buffer, ElementType } from '../../../src/kernels/native-kernel.ts';
import { add, constant, type Expr, input, mul, round } from '../../../src/kernels/pointwise/native/expr.ts';
import { pointwiseKernels } from '../../../src/kernels/pointwise/native/index.ts';
import type { Constants, PointwiseSpec } from '../../../src/kernels/pointwise/native/spec.ts';
import { dequantizer } from '../../../src/kernels/quantize/dequantize.ts';
import { dequantizeFormula, quantizeFormula } from '../../../src/kernels/quantize/native/formulas.ts';
import { type Quantization, quantizer, type Range } from '../../../src/kernels/quantize/quantize.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { allocator, type Draw, draws } from './random-conv.ts';
import { expectClose, read, resultOf, runsOn, write } from './run.ts';

/** Codes of two scales as codes of a third. */
const sumOfCodes = (ma: number, mb: number, low: number, high: number): Expr =>
  round(clampTo(add(mul(input(0), constant(ma)), mul(input(1), constant(mb))), low, high));

const none = { top: 0, bottom: 0, left: 0, right: 0 };
const host = hasHost ? await requireHost() : undefined;
const kernels = runsOn(pointwiseKernels, host);

/** A shape of odd sizes, sometimes with a long run. */
const shapeOf = (draw: Draw): Buffer['shape'] =>
  draw.chance(0.2)
    ? { n: 1, h: 1, w: 1, c: draw.integer(1, 40_000) }
    : {
        n: draw.pick(1, 1, 2),
        h: draw.integer(1, 7),
        w: draw.integer(1, 9),
        c: draw.pick(1, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100),
      };

/** A buffer with and without a halo and gaps. */
const bufferOf = (
  draw: Draw,
  memory: ReturnType<typeof allocator>,
  type: ElementType,
  shape: Buffer['shape'],
): Buffer => memory.buffer(type, shape, draw.chance(0.3) ? { top: 1, bottom: 0, left: 2, right: 1 } : none, true);

const special = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  0.49999997,
  -0.49999997,
  1e30,
  -1e30,
  Infinity,
  -Infinity,
  1e-40,
  3.4e38,
];

const draw = draws(3);
const real = (): number =>
  Math.fround(draw.chance(0.1) ? draw.pick(...special) : (draw.integer(-9999, 9999) / 777) * draw.pick(1, 1, 10, 0.01));

/** Runs one pointwise computation on random values; returns the inputs' values and the results. */
function run(
  kernel: (typeof kernels)[number],
  types: readonly ElementType[],
  output: ElementType,
  compute: PointwiseSpec['compute'],
  value: (type: ElementType) => number,
  shape = shapeOf(draw),
): { readonly inputs: number[][]; readonly results: number[] } {
  const memory = allocator(draw);
  const inputs = types.map((type) => bufferOf(draw, memory, type, shape));
  const to = bufferOf(draw, memory, output, shape);
  const bytes = new Uint8Array(memory.size()).fill(0xa5);
  for (const buffer of inputs) write(bytes, buffer, () => value(buffer.type));
  const after = resultOf(host!, kernel, { what: 'test', inputs, output: to, compute }, bytes);
  return { inputs: inputs.map((buffer) => read(bytes, buffer)), results: read(after, to) };
}

const anyOf = (type: ElementType): number =>
  type === 'u8' ? draw.integer(0, 255) : type === 's8' ? draw.integer(-128, 127) : real();

const ranges: readonly Range[] = [
  { min: 0, max: 6 },
  { min: -1.7, max: 2.3 },
  { min: -5, max: 0.1 },
  { min: -1e-3, max: 1e-3 },
  { min: 0, max: 1e6 },
];

describe.skipIf(!hasHost)('pointwise kernels', () => {
  describe.each(kernels)('$name', (kernel) => {
    const quantizations: Quantization[] = (['quint8', 'qint8'] as const).flatMap((dtype) =>
      (['SCALED', 'MIN_FIRST', 'MIN_COMBINED'] as const).flatMap((mode) =>
        (['HALF_TO_EVEN', 'HALF_AWAY_FROM_ZERO'] as const).flatMap((roundMode) =>
          [false, true].map((narrowRange) => ({ dtype, mode, roundMode, narrowRange, perSlice: false })),
        ),
      ),
    );
    it.each(quantizations)('quantize to $dtype $mode $roundMode narrow=$narrowRange bit for bit', (quantization) => {
      for (const given of ranges) {
        const range = { min: Math.fround(given.min), max: Math.fround(given.max) };
        const compute = quantizeFormula(quantization, range);
        expect(compute).toBeDefined();
        const { encode } = quantizer(quantization, range);
        const step = (range.max - range.min) / 255;
        // Ties, too: multiples of half a step.
        const value = () => Math.fround(draw.chance(0.4) ? step * draw.integer(-600, 600) * 0.5 : real());
        const to = quantization.dtype === 'quint8' ? 'u8' : 's8';
        const { inputs, results } = run(kernel, ['f32'], to, compute!, value);
        const wanted = inputs[0]!.map(encode);
        expect(results).toEqual(wanted.map((code) => code + 0));
      }
    });

    it.each(['quint8', 'qint8'] as const)('dequantize %s bit for bit', (dtype) => {
      for (const mode of ['SCALED', 'MIN_FIRST', 'MIN_COMBINED'] as const)
        for (const narrow of [false, true])
          for (const range of ranges) {
            const rounded = { min: Math.fround(range.min), max: Math.fround(range.max) };
            const compute = dequantizeFormula(dtype, mode, narrow, rounded)!;
            const { inputs, results } = run(kernel, [dtype === 'quint8' ? 'u8' : 's8'], 'f32', compute, anyOf);
            const decode = dequantizer(dtype, mode, narrow, rounded);
            expect(results.map((x) => x + 0)).toEqual(inputs[0]!.map((code) => decode(code) + 0));
          }
    });

    const exact = new Map(Object.entries(activations));
    it.each([...unaryFormulas])('compute %s within 1e-6', (name, formula) => {
      const alpha = 0.2;
      const compute = formula(input(0), alpha);
      const names: Record<string, string> = { _FusedHardSwish: 'HardSwish' };
      const activation = exact.get(names[name] ?? name);
      const swish = (x: number) => x / (1 + Math.exp(-x));
      const reference = (x: number): number => {
        if (activation !== undefined) return activation(x, alpha);
        if (name === 'Swish' || name === '_MklSwish') return swish(x);
        const op = unaryKernels[name as 'Exp'];
        const t = tensor('float32', [1], Float32Array.of(x));
        const [result] = op([t], { op: name, name, inputs: [], attrs: new Map(), controls: [] } as never, {} as never);
        return (result!.data as Float32Array)[0]!;
      };
      const isBounded = ['Erf', 'Tanh', 'Sigmoid', 'GeluExact', 'GeluApproximate'].includes(name);
      for (let i = 0; i < 8; i++) {
        const value = () => {
          const x = real();
          return Math.abs(x) > 1e4 && /Gelu|wish/i.test(name) ? 1 : x;
        };
        const { inputs, results } = run(kernel, ['f32'], 'f32', compute, value);
        const wanted = inputs[0]!.map((x) => Math.fround(reference(x)));
        // Below the least normal number results round to fewer bits.
        expectClose(results, wanted, 1e-6, isBounded || /wish/i.test(name) ? 1e-6 : 1e-38, name);
      }
      const { results } = run(kernel, ['f32'], 'f32', compute, () => Number.NaN);
      expect(results.every(Number.isNaN)).toBe(true);
    });

    it.each([...binaryFormulas])('compute %s exactly', (name, formula) => {
      const { number } = binaryRows[(name === 'BiasAdd' ? 'Add' : name) as 'Add'] ?? {
        number: (x: number, y: number) => (x < 0 ? x * y : x),
      };
      for (let i = 0; i < 8; i++) {
        const value = () => (draw.chance(0.05) ? Number.NaN : real());
        const { inputs, results } = run(kernel, ['f32', 'f32'], 'f32', formula(input(0), input(1)), value);
        const wanted = inputs[0]!.map((x, j) => {
          const y = inputs[1]![j]!;
          // The reference squares an unrounded difference.
          return Math.fround(name === 'SquaredDifference' ? Math.fround(x - y) ** 2 : number(x, y)) + 0;
        });
        expect(results.map((x) => x + 0)).toEqual(wanted);
      }
    });

    it('broadcast along any axes, and constants', () => {
      for (let i = 0; i < 150; i++) {
        const shape = shapeOf(draw);
        const part = () => {
          const of = (size: number) => (draw.chance(0.5) ? size : 1);
          return { n: of(shape.n), h: of(shape.h), w: of(shape.w), c: of(shape.c) };
        };
        const memory = allocator(draw);
        const a = bufferOf(draw, memory, 'f32', shape);
        const b = bufferOf(draw, memory, 'f32', part());
        const values = part();
        const count = values.n * values.h * values.w * values.c;
        const c: Constants = { shape: values, values: Float32Array.from({ length: count }, (_, j) => j % 97) };
        const output = bufferOf(draw, memory, 'f32', shape);
        const compute = binaryFormulas.get('Sub')!(binaryFormulas.get('Add')!(input(0), input(1)), input(2));
        const spec: PointwiseSpec = { what: 'test', inputs: [a, b, c], output, compute };
        if (kernel.whyNot(spec) === 'too many loops') continue;
        const bytes = new Uint8Array(memory.size());
        for (const buffer of [a, b]) write(bytes, buffer, () => draw.integer(-500, 500));
        const after = resultOf(host!, kernel, spec, bytes);
        const [x, y] = [read(bytes, a), read(bytes, b)];
        const at = (of: Buffer['shape'], j: number): number => {
          const [k, xx, yy, n] = [
            j % shape.c,
            Math.floor(j / shape.c) % shape.w,
            Math.floor(j / shape.c / shape.w) % shape.h,
            Math.floor(j / shape.c / shape.w / shape.h),
          ];
          const axis = (size: number, index: number) => (size === 1 ? 0 : index);
          return ((axis(of.n, n) * of.h + axis(of.h, yy)) * of.w + axis(of.w, xx)) * of.c + axis(of.c, k);
        };
        expect(read(after, output)).toEqual(x.map((v, j) => v + y[at(b.shape, j)]! - c.values[at(c.shape, j)]!));
      }
    });

    it.each([
      ['u8', 'u8', 'u8', 0, 255],
      ['s8', 'u8', 's8', -128, 127],
      ['u8', 's8', 'u8', 0, 255],
      ['s8', 's8', 's8', 0, 127],
    ] as const)('add %s and %s codes to %s bit for bit', (ta, tb, to, low, high) => {
      const f32 = Math.fround;
      for (const [x, y] of [
        [0.37, 0.61],
        [0.5, 0.5],
        [1.25, -0.75],
        [1e6, 1e6],
      ] as const) {
        const [ma, mb] = [f32(x), f32(y)];
        const { inputs, results } = run(kernel, [ta, tb], to, sumOfCodes(ma, mb, low, high), anyOf);
        const even = (v: number) => (v % 1 === 0.5 || v % 1 === -0.5 ? 2 * Math.round(v / 2) : Math.round(v));
        const wanted = inputs[0]!.map(
          (a, i) => Math.max(low, Math.min(high, even(f32(f32(a * ma) + f32(inputs[1]![i]! * mb))))) + 0,
        );
        expect(results).toEqual(wanted);
      }
    });
  });

  it('refuses shapes that do not broadcast', () => {
    const memory = allocator(draws(1));
    const at = (c: number) => memory.buffer('f32', { n: 1, h: 2, w: 2, c }, none, false);
    const spec: PointwiseSpec = { what: 'test', inputs: [at(3)], output: at(4), compute: input(0) };
    for (const { whyNot } of pointwiseKernels) expect(whyNot(spec)).toMatch(/an input of 1,2,2,3/);
  });
});
