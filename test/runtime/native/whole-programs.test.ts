import { describe, expect, it } from 'vitest';
import { equalTensors } from '../../../src/base/tensor.ts';
import { contextLayout } from '../../../src/compile/emit/context.ts';
import type { Model } from '../../../src/graph/model.ts';
import type { Arena } from '../../../src/runtime/native/host/arena.ts';
import type { Host } from '../../../src/runtime/native/host/host.ts';
import { openOn } from '../../../src/runtime/native/open.ts';
import { compile } from '../../../src/runtime/session.ts';
import { net, randomFeeds } from '../../compile/graphs.ts';
import { abiProbe } from '../../support/abi-probe.ts';
import { accessAt, hasHost, requireHost } from '../../support/native-host.ts';
import { smallModel } from '../../support/small-models.ts';

const models: Readonly<Record<string, () => Model>> = {
  'int8, whole images': () => {
    const n = net(3);
    const x = n.input('x', [1, 8, 6, 5]);
    const a = n.conv(x, { kernel: [3, 3], out: 12 });
    const b = n.conv(n.depthwise(n.conv(a, { out: 40 }), { kernel: [3, 3] }), { out: 12, summand: a });
    return n.model([n.conv(n.concat([b, n.conv(b, { out: 7 }), x]), { kernel: [3, 3], out: 9 }).codes], [x]);
  },
  'float32, whole images': () =>
    smallModel([null, 9, 7, 3], ({ input, conv, bias, unary, pool }) =>
      pool('MaxPool', 'pool', unary('Relu', 'relu', bias('bias', conv('conv', input, [3, 20]), 20))),
    ),
  'float32, rows of a matrix': () =>
    smallModel([null, 40], ({ input, matmul, unary }) =>
      matmul('second', unary('Sigmoid', 'sigmoid', matmul('first', input, [40, 33])), [33, 5]),
    ),
};

/** The host of this machine, except that all code it runs is run under the probe, once more after it was cancelled. */
function watched(host: Host): { host: Host; calls: () => number } {
  const arenas: Arena[] = [];
  let calls = 0;
  const run = (f: Parameters<Host['team']>[0], ctx: number): number => {
    calls++;
    using probe = abiProbe(host);
    expect(probe.run(f.address, ctx).violations).toEqual([]);
    const control = arenas.find(({ address, released }) => !released && address === ctx)!;
    const cancel = control.view(Uint32Array, contextLayout.cancel, 1);
    cancel[0] = 1;
    expect(probe.run(f.address, ctx).violations).toEqual([]);
    cancel[0] = 0;
    if (process.platform === 'linux') expectPages(f.code, arenas);
    return 1;
  };
  const team: Host['team'] = (f, threads) => ({
    threads,
    run: (ctx) => run(f, ctx),
    runAsync: async (ctx) => run(f, ctx),
    release: () => {},
    [Symbol.dispose]: () => {},
  });
  const arena: Host['arena'] = (...args) => {
    const made = host.arena(...args);
    arenas.push(made);
    return made;
  };
  return { host: { ...host, team, arena }, calls: () => calls };
}

/** Code is executable and not writable, memory writable and not executable, and neither has a neighbour. */
function expectPages(code: { readonly address: number; readonly bytes: number }, arenas: readonly Arena[]): void {
  const ends = (address: number, bytes: number) => [address - 1, address, address + bytes - 1];
  const guard = ({ address, bytes }: { address: number; bytes: number }) => address + Math.ceil(bytes / 4096) * 4096;
  expect(ends(code.address, code.bytes).map(accessAt)).toEqual(['---p', 'r-xp', 'r-xp']);
  expect(accessAt(guard(code))).toBe('---p');
  for (const made of arenas.filter(({ released }) => !released)) {
    expect(ends(made.address, made.bytes).map(accessAt)).toEqual(['---p', 'rw-p', 'rw-p']);
    expect(accessAt(guard(made))).toBe('---p');
  }
}

describe.skipIf(!hasHost)(
  'whole programs keep to the ABI, cancelled too, in pages that are never writable and executable',
  () => {
    it.each(Object.entries(models))('%s', async (_, make) => {
      const real = await requireHost();
      const model = make();
      using reference = await compile(model, { backend: 'reference' });
      for (const isa of real.isas)
        for (const batch of [1, 4]) {
          const { host, calls } = watched(real);
          const feeds = randomFeeds(model, batch, 1);
          const opened = await openOn(
            host,
            model,
            model.outputs.map((end) => end.value),
            { isa, threads: 1 },
          );
          const [got] = await opened.runner.run(feeds);
          expect(calls()).toBeGreaterThan(0);
          const wanted = Object.values(await reference.run(feeds))[0]!;
          if (wanted.dtype === 'float32')
            for (const [i, value] of wanted.data.entries())
              expect(Math.abs((got!.data as Float32Array)[i]! - value)).toBeLessThanOrEqual(
                1e-5 * Math.max(1, Math.abs(value)),
              );
          else expect(equalTensors(got!, wanted)).toBe(true);
          opened.release();
        }
    });
  },
);
