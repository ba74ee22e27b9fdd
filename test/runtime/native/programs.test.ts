import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { equalTensors, tensor } from '../../../src/base/tensor.ts';
import { type } from '../../../src/graph/attr.ts';
import { type Builder, builder } from '../../../src/graph/builder.ts';
import type { Value } from '../../../src/graph/graph.ts';
import type { Model } from '../../../src/graph/model.ts';
import { openBackend } from '../../../src/runtime/backends.ts';
import { type Codes, type Net, net, randomFeeds } from '../../compile/graphs.ts';
import { hasHost } from '../../support/native-host.ts';

/** Runs a model on both backends and expects the same bytes. */
async function expectSame(model: Model, batch: number, threads = 2): Promise<void> {
  const fetches = model.outputs.map((output) => output.value);
  const [native, reference] = await Promise.all([
    openBackend('native', model, fetches, { threads }),
    openBackend('reference', model, fetches),
  ]);
  try {
    const feeds = randomFeeds(model, batch, 5);
    const [ours, wanted] = await Promise.all([native.runner.run(feeds), reference.runner.run(feeds)]);
    for (const [i, t] of wanted.entries()) {
      expect(ours[i]!.shape).toEqual(t.shape);
      expect(equalTensors(ours[i]!, t), `output ${i}, batch ${batch}, ${threads} threads`).toBe(true);
    }
    const blocking = native.runner.runSync!(feeds);
    for (const [i, t] of wanted.entries()) expect(equalTensors(blocking[i]!, t)).toBe(true);
  } finally {
    native.runner.dispose();
    reference.runner.dispose();
  }
}

const T = { T: type('float32') };

type Build = (n: Net, x: Codes) => readonly Codes[];

/** Small networks of every layer form. */
const forms: Readonly<Record<string, Build>> = {
  'convolutions with halos': (n, x) => [
    n.conv(n.conv(x, { kernel: [3, 3], out: 12 }), { kernel: [5, 3], stride: 2, out: 33 }),
  ],
  'a halo in memory that others used': (n, x) => {
    const wide = n.conv(n.conv(x, { out: 40 }), { out: 40 });
    return [n.conv(n.conv(wide, { kernel: [3, 3], out: 7 }), { kernel: [3, 3], dilation: 2, out: 5 })];
  },
  'valid padding and no relu': (n, x) => [n.conv(x, { kernel: [3, 2], padding: 'VALID', relu: false, out: 17 })],
  'one scale for all weights': (n, x) => [n.conv(x, { perChannel: false, out: 9 })],
  'a depthwise convolution': (n, x) => [n.depthwise(n.depthwise(x, { kernel: [3, 3] }), { kernel: [3, 3], stride: 2 })],
  'a residual of unsigned codes': (n, x) => {
    const a = n.conv(x, { out: 24 });
    return [n.conv(n.conv(a, { kernel: [3, 3], out: 6 }), { out: 24, summand: a })];
  },
  'residuals one after the other, in the place of their summands': (n, x) => {
    const block = (a: Codes) => n.conv(n.conv(a, { kernel: [3, 3], out: 6 }), { out: 24, summand: a });
    return [n.conv(block(block(n.conv(x, { out: 24 }))), { kernel: [3, 3], out: 5 })];
  },
  'a residual whose summand is read later': (n, x) => {
    const a = n.conv(x, { out: 40 });
    return [n.conv(n.conv(n.conv(a, { out: 6 }), { out: 40, summand: a }), { out: 3 }), n.conv(a, { out: 5 })];
  },
  'a residual of what it convolves': (n, x) => {
    const a = n.conv(x, { out: 72 });
    return [n.conv(n.conv(a, { out: 72, summand: a }), { kernel: [3, 3], out: 4 })];
  },
  'a residual of a part of a concat': (n, x) => {
    const [a, b] = [n.conv(x, { out: 16 }), n.conv(x, { out: 16 })];
    return [n.conv(n.concat([b, n.conv(n.conv(a, { out: 6 }), { out: 16, summand: a })]), { kernel: [3, 3], out: 3 })];
  },
  'a residual of signed codes': (n, x) => [
    n.conv(n.conv(x, { out: 6 }), { out: 20, summand: n.conv(x, { out: 20, relu: false }) }),
  ],
  'a concat in place': (n, x) => [
    n.conv(n.concat([n.conv(x, { out: 5 }), n.conv(x, { kernel: [3, 3], out: 16 })]), { kernel: [3, 3] }),
  ],
  'a concat of inputs and of what others read': (n, x) => {
    const a = n.conv(x, { out: 6 });
    return [n.concat([x, a, a]), n.conv(a, { out: 3 })];
  },
  'a concat in a concat': (n, x) => {
    const inner = n.concat([n.conv(x, { out: 3 }), n.conv(x, { out: 4 })]);
    return [n.concat([n.conv(x, { out: 2 }), inner])];
  },
  'explicit padding': (n, x) => [n.conv(n.pad(x, [1, 2, 0, 3]), { kernel: [3, 3], padding: 'VALID' })],
  'a reshape': (n, x) => {
    const y = n.conv(x, { out: 8 });
    const [, h, w] = y.shape as [number, number, number];
    return [n.conv(n.reshape(y, [-1, h * w, 1, 8]), { out: 4 })];
  },
  'an output that others read': (n, x) => {
    const a = n.conv(x, { out: 5 });
    return [a, n.conv(a, { kernel: [3, 3], out: 6 })];
  },
  'a residual add without relu, folded': (n, x) => {
    const a = n.conv(x, { out: 18, relu: false });
    const b = n.conv(n.conv(x, { out: 4 }), { out: 18, relu: false });
    const sum = n.b.node('AddV2', 'sum', [n.dequantize(b), n.dequantize(a)], T);
    return [n.conv(n.quantize(sum, a.shape), { out: 7 }), n.conv(a, { out: 3 })];
  },
  'an add of what others read': (n, x) => {
    const a = n.conv(x, { out: 5, relu: false });
    const b = n.conv(a, { out: 5 });
    const sum = n.b.node('Relu', 'relu', [n.b.node('AddV2', 'sum', [n.dequantize(a), n.dequantize(b)], T)], T);
    return [n.conv(n.quantize(sum, a.shape, 'quint8'), { out: 4 }), b];
  },
  'an activation as a table': (n, x) => {
    const a = n.conv(x, { out: 10, relu: false });
    const real = n.dequantize(a);
    const swish = n.b.node('Mul', 'swish', [real, n.b.node('Sigmoid', 'sigmoid', [real], T)], T);
    return [n.conv(n.quantize(swish, a.shape), { out: 4 })];
  },
};

describe.skipIf(!hasHost)('programs', () => {
  for (const [name, build] of Object.entries(forms))
    it(`compute ${name} as the reference does`, async () => {
      for (const [h, w, c] of [
        [7, 5, 3],
        [9, 12, 16],
      ] as const) {
        const n = net(11);
        const x = n.input('x', [1, h, w, c]);
        const model = n.model(
          build(n, x).map((codes) => codes.codes),
          [x],
        );
        for (const batch of [1, 3]) await expectSame(model, batch);
        // Two images at once through the last stages, and one that is left.
        await expectSame(model, 5, 1);
      }
    });

  it('refuse NaN where it would get a code, naming the node', async () => {
    for (const channels of [1, 3, 11, 300]) {
      const n = net(1);
      const shape = [1, 3, 5, channels];
      const real = n.b.input('x', 'float32', shape);
      const codes = n.conv(n.quantize(real, shape), { out: 4 });
      const made = n.model([codes.codes], []);
      const x = { key: 'x', value: real, dtype: 'float32' as const, shape: [null, ...shape.slice(1)] };
      const model: Model = { ...made, inputs: [x] };
      await expectSame(model, 3);
      const { runner } = await openBackend('native', model, [codes.codes], { threads: 2 });
      for (const batch of [1, 3]) {
        const size = batch * 15 * channels;
        for (const at of [0, size >> 1, size - 1]) {
          const data = new Float32Array(size);
          data[at] = Number.NaN;
          const feeds = new Map([['x', { dtype: 'float32' as const, shape: [batch, 3, 5, channels], data }]]);
          await expect(runner.run(feeds)).rejects.toThrow("node 'quantize' (QuantizeV2): NaN has no code");
          expect(() => runner.runSync!(feeds)).toThrow('NaN has no code');
          data[at] = Number.POSITIVE_INFINITY;
          await runner.run(feeds);
        }
      }
      runner.dispose();
    }
  });

  it('name the node where one that runs by its reference kernel fails, not the segment', async () => {
    const T = { T: type('float32') };
    const opened = (build: (b: Builder, x: Value) => Value) => {
      const b = builder();
      const x = b.input('x', 'float32', [null, 3, 5, 4]);
      const y = build(b, b.node('Exp', 'exp', [x], T));
      const input = { key: 'x', value: x, dtype: 'float32' as const, shape: [null, 3, 5, 4] };
      const model: Model = { graph: b.graph(), inputs: [input], outputs: [], initializers: [], assets: new Map() };
      return openBackend('native', model, [y]);
    };
    const feeds = (value: number) =>
      new Map([['x', tensor('float32', [2, 3, 5, 4], new Float32Array(120).fill(value))]]);
    const limits = (limit: number) => tensor('float32', [4], new Float32Array(4).fill(limit));
    const { runner } = await opened((b, x) =>
      b.node('QuantizeV2', 'codes', [x, b.constant('min', limits(-2)), b.constant('max', limits(2))], {
        ...{ T: type('qint8'), mode: 'SCALED', round_mode: 'HALF_TO_EVEN', narrow_range: true, axis: { int: 3 } },
      }),
    );
    await runner.run(feeds(0.5));
    await expect(runner.run(feeds(Number.NaN))).rejects.toThrow("node 'codes' (QuantizeV2): NaN has no code");
    runner.dispose();
    const misshapen = await opened((b, x) => {
      const shape = b.constant('shape', tensor('int32', [2], Int32Array.of(7, -1)));
      return b.node('Neg', 'neg', [b.node('Reshape', 'rows', [x, shape], { ...T, Tshape: type('int32') })], T);
    });
    await expect(misshapen.runner.run(feeds(1))).rejects.toThrow("node 'rows' (Reshape): ");
    misshapen.runner.dispose();
  });

  it('compute random graphs as the reference does', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 1e6 }), fc.integer({ min: 1, max: 11 }), async (seed, batch) => {
        await expectSame(randomNet(seed), batch, 1 + (seed % 3));
      }),
      { numRuns: 25 },
    );
  }, 60_000);
});

/** Up to nine layers on values made before. */
function randomNet(seed: number): Model {
  const n = net(seed);
  const { random } = n;
  const x = n.input('x', [1, random.int(1, 9), random.int(1, 9), random.int(1, 20)], random.pick(['quint8', 'qint8']));
  const made: Codes[] = [x];
  const same = (a: Codes): Codes[] => made.filter((b) => b.shape[1] === a.shape[1] && b.shape[2] === a.shape[2]);
  for (let i = random.int(2, 9); i > 0; i--) {
    const a = random.pick(made);
    const kernel = [random.int(1, 3), random.int(1, 3)] as const;
    const stride = random.int(1, 2);
    const kind = random.int(0, 5);
    if (kind === 0) made.push(n.concat([a, ...same(a).filter((b) => b.dtype === a.dtype)].slice(0, 3)));
    else if (kind === 1 && a.dtype === 'quint8') made.push(n.depthwise(a, { kernel, stride }));
    else if (kind === 2) made.push(n.pad(a, [random.int(0, 2), 1, 0, random.int(0, 2)]));
    else if (kind === 3 && a.dtype === 'quint8') {
      const summand = random.pick(same(a));
      made.push(n.conv(a, { out: summand.shape[3]!, summand }));
    } else made.push(n.conv(a, { kernel, stride, out: random.int(1, 40), relu: random.uniform() < 0.6 }));
  }
  const outputs = [made.at(-1)!, random.pick(made)];
  return n.model(
    outputs.map((codes) => codes.codes),
    [x],
  );
}
