import { describe, expect, it } from 'vitest';
import { evaluateNode } from '../../src/api/model.ts';
import { rng } from '../../src/base/rng.ts';
import { type Tensor, tensor } from '../../src/base/tensor.ts';
import { attrs, ints } from '../../src/graph/attr.ts';
import type { Node } from '../../src/graph/graph.ts';
import type { Model } from '../../src/graph/model.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import { addRidge, centredColumns, cholesky, covariance, solve } from '../../src/quantize/correct/covariance.ts';
import { drawPatches } from '../../src/quantize/correct/patches.ts';
import { limitsFor, roundByCovariance } from '../../src/quantize/correct/rounding.ts';
import type { AnyMethod } from '../../src/quantize/observers/methods.ts';
import { type Corrections, quantizeModel } from '../../src/quantize/quantize.ts';
import { leastSquaresLimits } from '../../src/quantize/weight-limits.ts';
import { openReference, reference } from '../../src/runtime/reference/open.ts';
import { normalInput, smallModel } from '../support/small-models.ts';

const feeds: readonly Feeds[] = Array.from(
  { length: 8 },
  (_, seed) => new Map([['x', normalInput([2, 8, 8, 4], seed)]]),
);

async function* samples() {
  yield* feeds;
}

async function outputOf(model: Model): Promise<Float32Array[]> {
  const runner = await openReference(
    model,
    model.outputs.map(({ value }) => value),
  );
  const outputs: Float32Array[] = [];
  for (const fed of feeds) outputs.push((await runner.run(fed))[0]!.data as Float32Array);
  runner.dispose();
  return outputs;
}

const stagesWith = (model: Model, corrections: Partial<Corrections>, perChannel = true) =>
  quantizeModel(model, {
    samples: samples(),
    openRunner: reference,
    evaluate: evaluateNode,
    perChannel,
    method: 'minmax',
    corrections: { weights: false, rounding: 'none', ...corrections },
  });

/** The mean of each of eight channels. */
function means(outputs: readonly Float32Array[]): number[] {
  const sums = new Array<number>(8).fill(0);
  let rows = 0;
  for (const output of outputs) {
    for (const [i, x] of output.entries()) sums[i % 8]! += x;
    rows += output.length / 8;
  }
  return sums.map((sum) => sum / rows);
}

describe('bias correction', () => {
  // One scale for all channels: rounding errors are large, and the means with them.
  const plain = smallModel([null, 8, 8, 4], (l) => {
    const first = l.unary('Relu', 'r1', l.bias('b1', l.conv('c1', l.input, [4, 8]), 8));
    return l.unary('Relu6', 'y', l.bias('b2', l.depthwise('d', first, 8), 8));
  });
  const branches = smallModel([null, 8, 8, 4], (l) => {
    const first = l.unary('Relu', 'r1', l.bias('b1', l.conv('c1', l.input, [4, 8]), 8));
    const second = l.bias('b2', l.conv('c2', first, [8, 8]), 8);
    const third = l.bias('b3', l.conv('c3', first, [8, 8]), 8);
    return l.bias('y', l.conv('c4', l.add('sum', second, third), [8, 8]), 8);
  });
  const dense = smallModel([null, 8, 8, 4], (l) => {
    const features = l.mean('features', l.unary('Relu', 'r1', l.bias('b1', l.conv('c1', l.input, [4, 8]), 8)));
    return l.bias('y', l.matmul('m', features, [8, 8]), 8);
  });

  for (const [name, model] of Object.entries({ plain, branches, dense }))
    it(`brings the mean of each channel near that of the fp32 model: ${name}`, async () => {
      const off = async (corrections: Partial<Corrections>) => {
        const { a, c } = await stagesWith(model, corrections, false);
        const [expected, found] = [means(await outputOf(a)), means(await outputOf(c))];
        return Math.max(...expected.map((mean, i) => Math.abs(mean - found[i]!)));
      };
      const without = await off({ biasSamples: 0 });
      const corrected = await off({ biasSamples: 8 });
      expect(corrected).toBeLessThan(without / 3);
    });

  it('leaves the codes of weights and all ranges as they are', async () => {
    const [without, corrected] = [
      await stagesWith(plain, { biasSamples: 0 }),
      await stagesWith(plain, { biasSamples: 8 }),
    ];
    expect(corrected.ranges).toEqual(without.ranges);
    const constants = ({ c }: typeof without) =>
      [...c.graph.nodes.values()].filter(({ op, name }) => op === 'Const' && !name.includes('bias'));
    expect(constants(corrected)).toEqual(constants(without));
  });
});

describe('limits of weights by squared error', () => {
  it('cut off an outlier where that costs less than coarse steps', () => {
    // Channel 0 has codes ±127 only; most weights of channel 1 lie between codes of its largest.
    const data = new Float32Array(2 * 100);
    for (let i = 0; i < 100; i++) {
      data[2 * i] = i % 2 === 0 ? 1 : -1;
      data[2 * i + 1] = i === 0 ? 1.001 : (63.5 / 127) * (i % 2 === 0 ? 1 : -1);
    }
    const [even, odd] = leastSquaresLimits(tensor('float32', [100, 2], data), 1);
    expect(even).toBe(1);
    expect(odd).not.toBeCloseTo(1.001, 3);
  });
});

/** All codes within one of rounding to nearest: the exact minimum over them. */
function exhaustive(w: readonly number[], H: Float64Array, limit: number): number {
  const step = limit / 127;
  const k = w.length;
  let least = Number.POSITIVE_INFINITY;
  for (let n = 0; n < 3 ** k; n++) {
    const e = w.map((x, i) => {
      const q = Math.max(-127, Math.min(127, Math.round(x / step) + (Math.floor(n / 3 ** i) % 3) - 1));
      return q * step - x;
    });
    let error = 0;
    for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) error += e[i]! * H[i * k + j]! * e[j]!;
    least = Math.min(least, error);
  }
  return least;
}

describe('rounding by covariance', () => {
  const random = rng(4);
  /** Inputs that go up and down together: errors of weights can make up for each other. */
  const correlated = (k: number): Float64Array => {
    const factors = Array.from({ length: k }, () => [1 + 0.1 * random.normal(), 0.2 * random.normal()] as const);
    return Float64Array.from({ length: k * k }, (_, n) => {
      const [a, b] = [factors[Math.floor(n / k)]!, factors[n % k]!];
      return a[0] * b[0] + a[1] * b[1] + (Math.floor(n / k) === n % k ? 0.01 : 0);
    });
  };

  it('comes near the best that exhaustive search finds, and is never worse than rounding to nearest', () => {
    const sums = { found: 0, best: 0, nearest: 0 };
    for (let trial = 0; trial < 20; trial++) {
      const k = 6;
      const w = Array.from({ length: k }, () => random.normal());
      const H = correlated(k);
      const limit = limitsFor(Float64Array.from(w))[0]!;
      const { error, codes } = roundByCovariance(Float64Array.from(w), H, [limit]);
      const identity = Float64Array.from({ length: k * k }, (_, n) => (Math.floor(n / k) === n % k ? 1 : 0));
      const nearest = roundByCovariance(Float64Array.from(w), identity, [limit]);
      const e = w.map((x, i) => (nearest.codes[i]! * limit) / 127 - x);
      let plain = 0;
      for (let i = 0; i < k; i++) for (let j = 0; j < k; j++) plain += e[i]! * H[i * k + j]! * e[j]!;
      expect(error).toBeLessThanOrEqual(plain + 1e-12);
      expect(codes.every((q) => Math.abs(q) <= 127)).toBe(true);
      sums.found += error;
      sums.best += exhaustive(w, H, limit);
      sums.nearest += plain;
    }
    expect(sums.found).toBeLessThan(2 * sums.best);
    expect(sums.found).toBeLessThan(sums.nearest / 5);
  });

  it('is rounding to nearest where inputs are independent', () => {
    const w = Float64Array.of(0.3, -0.71, 1, 0.004);
    const identity = Float64Array.of(1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1);
    expect(Array.from(roundByCovariance(w, identity, [1]).codes)).toEqual([38, -90, 127, 1]);
  });
});

describe('patches', () => {
  const conv = (strides: readonly number[], padding: string): Node => ({
    name: 'conv',
    op: 'QuantizedDepthwiseConv2DWithBiasAndReluAndRequantize',
    inputs: [],
    controls: [],
    attrs: attrs({ strides: ints([1, ...strides, 1]), padding }),
  });

  it('are what a window covers, zero beyond the edge', () => {
    const input = tensor('quint8', [1, 3, 3, 1], Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8, 9));
    const { data, rows } = drawPatches(conv([2, 2], 'SAME'), [input], [3, 3], 100);
    expect(rows).toBe(4);
    expect(Array.from(data.subarray(0, 9))).toEqual([0, 0, 0, 0, 1, 2, 0, 4, 5]);
    expect(Array.from(data.subarray(27, 36))).toEqual([5, 6, 0, 8, 9, 0, 0, 0, 0]);
    expect(Array.from(drawPatches(conv([1, 1], 'VALID'), [input], [3, 3], 100).data)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9,
    ]);
  });
});

it('rounding depthwise weights by their inputs lowers the error of the result', async () => {
  const model = smallModel([null, 8, 8, 4], (l) => {
    const first = l.unary('Relu', 'r1', l.bias('b1', l.conv('c1', l.input, [4, 8]), 8));
    return l.unary('Relu', 'y', l.bias('b2', l.depthwise('d', first, 8), 8));
  });
  const errorOf = async (rounding: Corrections['rounding']) => {
    const { a, c } = await stagesWith(model, { biasSamples: 8, rounding });
    const [expected, found] = [await outputOf(a), await outputOf(c)];
    return expected.reduce((sum, x, n) => sum + x.reduce((s, v, i) => s + (v - found[n]![i]!) ** 2, 0), 0);
  };
  expect(await errorOf('depthwise')).toBeLessThan(await errorOf('none'));
});

describe('auto', () => {
  it('takes the range that the layers behind a value want: a sigmoid cares little for large values', async () => {
    // Mostly small values and rare large ones, which the sigmoid makes the same of.
    const model = smallModel([null, 8, 8, 4], (l) => {
      const first = l.unary('Relu', 'r1', l.bias('b1', l.conv('c1', l.input, [4, 8]), 8));
      const gate = l.unary('Sigmoid', 'gate', l.bias('b2', l.conv('c2', first, [8, 8]), 8));
      return l.bias('y', l.conv('c3', gate, [8, 8]), 8);
    });
    const scaled: readonly Feeds[] = feeds.map((fed, i) => {
      const x = fed.get('x')! as Tensor<'float32'>;
      return new Map([
        [
          'x',
          tensor(
            'float32',
            x.shape,
            x.data.map((v, j) => (i === 0 && j % 97 === 0 ? 60 * v : v)),
          ),
        ],
      ]);
    });
    const errorOf = async (method: AnyMethod) => {
      async function* source() {
        yield* scaled;
      }
      const { a, c, ranges } = await quantizeModel(model, {
        samples: source(),
        openRunner: reference,
        evaluate: evaluateNode,
        method,
        corrections: { biasSamples: 0 },
      });
      const [expected, found] = [await outputOf(a), await outputOf(c)];
      const error = expected.reduce((sum, x, n) => sum + x.reduce((s, v, i) => s + (v - found[n]![i]!) ** 2, 0), 0);
      return { error, ranges };
    };
    const [auto, minmax] = [await errorOf('auto'), await errorOf('minmax')];
    expect(auto.ranges.ranges.get('b2')!.max).toBeLessThan(minmax.ranges.ranges.get('b2')!.max);
    expect(auto.error).toBeLessThan(minmax.error);
  });
});

describe('covariance', () => {
  it('is that of centred columns, and its Cholesky factor solves', () => {
    const values = Float32Array.of(1, 2, 3, 4, 6, 5, 7, 7, 10, 1, 0, 2);
    const columns = centredColumns(values, { rows: 4, width: 3 }, 3, (i) => i);
    const H = covariance(columns, columns);
    const mean = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0) / xs.length;
    const column = (i: number) => [0, 1, 2, 3].map((row) => values[row * 3 + i]!);
    for (let i = 0; i < 3; i++)
      for (let j = 0; j < 3; j++) {
        const [a, b] = [column(i), column(j)];
        expect(H[i * 3 + j]).toBeCloseTo(mean(a.map((x, n) => x * b[n]!)) - mean(a) * mean(b), 5);
      }
    addRidge(H, 3, 0.01);
    const x = Float64Array.of(1, -2, 0.5);
    const y = Float64Array.from({ length: 3 }, (_, i) => x.reduce((sum, v, j) => sum + H[i * 3 + j]! * v, 0));
    solve(cholesky(H, 3), 3, y);
    for (const [i, v] of y.entries()) expect(v).toBeCloseTo(x[i]!, 9);
  });
});

describe('rounding of matmuls', () => {
  // Few factors behind many inputs: errors of weights can make up for each other. `wide` may be negative, `hidden` not.
  const model = smallModel([null, 8, 8, 4], (l) => {
    const features = l.mean('features', l.conv('c1', l.input, [4, 32]));
    const hidden = l.unary('Relu', 'hidden', l.bias('b1', l.matmul('m1', features, [32, 32]), 32));
    return l.bias('y', l.matmul('m2', hidden, [32, 8]), 8);
  });
  const errorOf = async (rounding: Corrections['rounding'], biasSamples = 8) => {
    const { a, c } = await stagesWith(model, { biasSamples, rounding, equalization: 'none' });
    const [expected, found] = [await outputOf(a), await outputOf(c)];
    return expected.reduce((sum, x, n) => sum + x.reduce((s, v, i) => s + (v - found[n]![i]!) ** 2, 0), 0);
  };

  it('lowers the error, of one scale and of one a column, with shifted codes and without', async () => {
    expect(await errorOf('all')).toBeLessThan(await errorOf('none'));
  });

  it('can make up for errors of the inputs too', async () => {
    expect(await errorOf('asymmetric')).toBeLessThan(await errorOf('none'));
  });
});
