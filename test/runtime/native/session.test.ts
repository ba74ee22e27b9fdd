import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/base/errors.ts';
import { equalTensors, tensorOf } from '../../../src/base/tensor.ts';
import { type } from '../../../src/graph/attr.ts';
import type { Model } from '../../../src/graph/model.ts';
import { compile } from '../../../src/runtime/session.ts';
import { net, randomFeeds } from '../../compile/graphs.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { smallModel } from '../../support/small-models.ts';

/** Convolutions that keep a core busy for a while: about 150 million multiply-adds each. */
function heavy(layers: number): Model {
  const n = net(1);
  const x = n.input('x', [1, 64, 64, 64]);
  let y = x;
  for (let i = 0; i < layers; i++) y = n.conv(y, { kernel: [3, 3], out: 64 });
  return n.model([y.codes], [x]);
}

function light(): Model {
  const n = net(2);
  const x = n.input('x', [1, 6, 6, 8]);
  return n.model([n.conv(n.conv(x, { kernel: [3, 3] })).codes], [x]);
}

const open = (model: Model, threads = 2) => compile(model, { backend: 'native', threads });

describe.skipIf(!hasHost)('a native session', () => {
  it('gives the same bytes whatever the number of threads and however images are batched', async () => {
    const model = heavy(2);
    const feeds = randomFeeds(model, 4, 3);
    using one = await open(model, 1);
    const wanted = (await one.run(feeds)).y0!;
    for (const threads of [2, 3, 5]) {
      using session = await open(model, threads);
      expect(equalTensors((await session.run(feeds)).y0!, wanted)).toBe(true);
      expect(equalTensors(session.runSync(feeds).y0!, wanted)).toBe(true);
    }
    const x = feeds.get('x')!;
    const size = x.data.length / 4;
    const single = { ...x, shape: [1, 64, 64, 64], data: (x.data as Uint8Array).slice(size, 2 * size) } as typeof x;
    const image = (await one.run(new Map([['x', single]]))).y0!;
    expect(image.data).toEqual((wanted.data as Uint8Array).slice(size, 2 * size));
  });

  it('leaves the event loop free while it runs', async () => {
    using session = await open(heavy(12));
    const feeds = randomFeeds(heavy(1), 4, 1);
    await session.run(feeds);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 1);
    await session.run(feeds);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(3);
  });

  it('stops within a tile when it is aborted, and runs again after that', async () => {
    const model = heavy(40);
    using session = await open(model);
    const feeds = randomFeeds(model, 4, 1);
    const begin = performance.now();
    const wanted = (await session.run(feeds)).y0!;
    const whole = performance.now() - begin;
    const controller = new AbortController();
    const aborted = performance.now();
    const running = session.run(feeds, { signal: controller.signal });
    setTimeout(() => controller.abort(new Error('enough')), 5);
    await expect(running).rejects.toThrow('enough');
    expect(performance.now() - aborted).toBeLessThan(whole * 0.7);
    expect(equalTensors((await session.run(feeds)).y0!, wanted)).toBe(true);
  });

  it('finishes what is under way when it is disposed of, and refuses more', async () => {
    const model = heavy(10);
    const session = await open(model);
    const feeds = randomFeeds(model, 2, 1);
    const wanted = (await session.run(feeds)).y0!;
    const running = session.run(feeds);
    session.dispose();
    session.dispose();
    expect(equalTensors((await running).y0!, wanted)).toBe(true);
    await expect(session.run(feeds)).rejects.toThrow('disposed');
  });

  it('runs beside itself and beside others without waiting for them forever', async () => {
    const [a, b] = [heavy(4), heavy(3)];
    using first = await open(a, 8);
    using second = await open(b, 8);
    const feeds = randomFeeds(a, 1, 9);
    const wanted = [(await first.run(feeds)).y0!, (await second.run(feeds)).y0!];
    const runs = Array.from({ length: 12 }, (_, i) => (i % 2 === 0 ? first : second).run(feeds));
    for (const [i, outputs] of (await Promise.all(runs)).entries())
      expect(equalTensors(outputs.y0!, wanted[i % 2]!)).toBe(true);
  });

  it('makes a program for each picture size and keeps few of them', async () => {
    const n = net(4);
    const x = n.input('x', [1, 5, 5, 3]);
    const made = n.model([n.conv(x, { kernel: [3, 3] }).codes], [x]);
    const model = { ...made, inputs: made.inputs.map((input) => ({ ...input, shape: [null, null, null, 3] })) };
    const host = await requireHost();
    using session = await open(model);
    using reference = await compile(model, { backend: 'reference' });
    const regions: number[] = [];
    for (let size = 1; size <= 40; size++) {
      const feeds = randomFeeds(
        { ...model, inputs: [{ ...model.inputs[0]!, shape: [1, size, 41 - size, 3] }] },
        2,
        size,
      );
      expect(equalTensors((await session.run(feeds)).y0!, (await reference.run(feeds)).y0!)).toBe(true);
      regions.push(host.usage.regions);
    }
    // Grows with the first few, then one goes for each that comes.
    expect(regions[7]! - regions[0]!).toBeGreaterThanOrEqual(7 * 3);
    expect(Math.max(...regions.slice(8))).toBeLessThanOrEqual(regions[7]!);
  });

  it('runs batches of nothing, of nothing left of something, and of as many as come', async () => {
    const model = light();
    const n = net(3);
    const x = n.input('x', [1, 6, 6, 8]);
    const index = (name: string, ...to: number[]) => n.b.constant(name, tensorOf('int32', to));
    const y = n.conv(x, { kernel: [3, 3] });
    const none = n.b.node('Slice', 'none', [y.codes, index('begin', 0, 0, 6, 0), index('size', -1, -1, 0, -1)], {
      T: type(y.dtype),
      Index: type('int32'),
    });
    const emptied = n.model([n.dequantize({ ...y, codes: none }), y.codes], [x]);
    for (const each of [model, emptied, heavy(1)]) {
      using session = await open(each);
      using reference = await compile(each, { backend: 'reference' });
      for (const batch of [0, 2, 0, 1, 3]) {
        const feeds = randomFeeds(each, batch, 1);
        const wanted = await reference.run(feeds);
        for (const outputs of [await session.run(feeds), session.runSync(feeds)])
          for (const [key, t] of Object.entries(wanted)) expect(equalTensors(outputs[key]!, t), key).toBe(true);
      }
    }
  });

  // A model file may claim any size; nothing of it is allocated before it is fed.
  it.each([
    [20_000, 20_000],
    [2 ** 20, 2 ** 20],
    [2 ** 31, 2 ** 31],
    [2 ** 52, 2 ** 52],
  ])('opens a model of pictures of %i x %i', async (height, width) => {
    const host = await requireHost();
    const before = { ...host.usage };
    for (const model of [
      smallModel([null, height, width, 8], ({ input, conv, unary }) => unary('Relu', 'r', conv('c', input, [8, 16]))),
      heavy(2),
    ]) {
      const [input] = model.inputs;
      const huge = { ...model, inputs: [{ ...input!, shape: [null, height, width, input!.shape![3]!] }] };
      const session = await open(huge);
      await expect(session.run({ [input!.key]: [1] })).rejects.toThrow(UserError);
      session.dispose();
    }
    expect(host.usage).toEqual(before);
  });

  it('copies what it gives: later runs change nothing of it', async () => {
    const model = light();
    using session = await open(model);
    const first = (await session.run(randomFeeds(model, 1, 1))).y0!;
    const kept = Uint8Array.from(first.data as Uint8Array);
    await session.run(randomFeeds(model, 1, 2));
    expect(first.data).toEqual(kept);
  });
});
