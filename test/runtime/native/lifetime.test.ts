import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { equalTensors, tensorOf } from '../../../src/base/tensor.ts';
import { type } from '../../../src/graph/attr.ts';
import type { Model } from '../../../src/graph/model.ts';
import { openConstants } from '../../../src/runtime/native/constants.ts';
import type { Host } from '../../../src/runtime/native/host/host.ts';
import { openOn } from '../../../src/runtime/native/open.ts';
import { compile } from '../../../src/runtime/session.ts';
import { type Codes, net, randomFeeds } from '../../compile/graphs.ts';
import { hasHost, requireHost } from '../../support/native-host.ts';
import { smallModel } from '../../support/small-models.ts';

const T = type('float32');

/** Convolutions in four segments: the graph's own count of positive values stands between them. */
function interrupted(): Model {
  const n = net(7);
  const x = n.input('x', [1, 32, 32, 32]);
  let y: Codes = x;
  for (let i = 0; i < 3; i++) {
    y = n.conv(y, { kernel: [3, 3], out: 32 });
    const real = n.dequantize(y);
    const where = n.b.node('Where', 'where', [real], { T });
    const shape = n.b.node('Shape', 'shape', [where], { T: type('int64'), out_type: type('int32') });
    const axis = n.b.constant('axis', tensorOf('int32', [0]));
    const count = n.b.node('Min', 'count', [shape, axis], { T: type('int32'), Tidx: type('int32') });
    const cast = n.b.node('Cast', 'cast', [count], { SrcT: type('int32'), DstT: T });
    y = n.quantize(n.b.node('AddV2', 'add', [real, cast], { T }), y.shape, 'quint8');
  }
  return n.model([n.conv(y, { out: 4 }).codes], [x]);
}

const native = (model: Model) => compile(model, { backend: 'native', threads: 2 });

describe.skipIf(!hasHost)('memory of native sessions', () => {
  it('is given back when a session is disposed of before a run has come to its later segments', async () => {
    const host = await requireHost();
    const model = interrupted();
    const feeds = randomFeeds(model, 2, 1);
    const before = { ...host.usage };
    const first = await native(model);
    const wanted = (await first.run(feeds)).y0!;
    first.dispose();
    expect(host.usage).toEqual(before);
    for (const wait of [undefined, 0, 2, 5]) {
      const session = await native(model);
      const running = session.run(feeds);
      const other = session.run(feeds);
      if (wait !== undefined) await new Promise((resolve) => setTimeout(resolve, wait));
      session.dispose();
      expect(equalTensors((await running).y0!, wanted)).toBe(true);
      expect(equalTensors((await other).y0!, wanted)).toBe(true);
      expect(host.usage, `disposed of after ${wait} ms`).toEqual(before);
    }
  });

  it('is given back when a run is aborted and the session disposed of at once', async () => {
    const host = await requireHost();
    const model = interrupted();
    const feeds = randomFeeds(model, 2, 1);
    const before = { ...host.usage };
    for (const wait of [0, 3]) {
      const session = await native(model);
      const controller = new AbortController();
      const running = session.run(feeds, { signal: controller.signal });
      setTimeout(() => controller.abort(new Error('enough')), wait);
      await expect(running).rejects.toThrow('enough');
      session.dispose();
      expect(host.usage).toEqual(before);
    }
  });

  it('is given back when the system refuses some of it', async () => {
    const real = await requireHost();
    const model = smallModel([null, 8, 8, 3], ({ input, conv }) => conv('conv', input, [3, 16]));
    const feeds = new Map([['x', tensorOf('float32', new Array(3 * 192).fill(1), [3, 8, 8, 3])]]);
    const { value } = model.outputs[0]!;
    let refusals = 0;
    for (let refused = 0; ; refused++) {
      let asked = 0;
      const arena: Host['arena'] = (...args) => {
        if (asked++ === refused) throw new Error('no memory');
        return real.arena(...args);
      };
      const before = { ...real.usage };
      const opened = await openOn({ ...real, arena }, model, [value], { threads: 2 });
      const outcome = await opened.runner.run(feeds).then(
        () => 'ran',
        (error: Error) => error.message,
      );
      opened.release();
      expect(real.usage, `arena ${refused}`).toEqual(before);
      if (outcome === 'ran') break;
      expect(outcome).toContain('no memory');
      refusals++;
    }
    // Constants, control block, activations, and the batch's inputs and outputs.
    expect(refusals).toBe(5);
  });

  it('is flat over 1,000 cycles of load, run and dispose, JavaScript and all, in a process of its own', () => {
    const script = fileURLToPath(new URL('cycles.ts', import.meta.url));
    const args = ['--expose-gc', '--import', 'tsx', script, '1000'];
    const child = spawnSync(process.execPath, args, { encoding: 'utf8' });
    expect(child.stderr).not.toMatch(/Error/);
    const { regions, residentMiB, heapMiB } = JSON.parse(child.stdout);
    expect(regions).toBe(0);
    // 20 KB a cycle would be too much; what it is, is the collector's leeway.
    expect(residentMiB).toBeLessThan(20);
    expect(heapMiB).toBeLessThan(5);
  }, 120_000);
});

describe.skipIf(!hasHost)('constants', () => {
  const program = (bytes: number, node = 'conv') => ({
    constants: [{ node, kernel: 'k', bytes: new Uint8Array(bytes).fill(7), offset: 64 }],
    constantBytes: 64 + bytes,
    isShared: false,
  });
  type Placed = Parameters<ReturnType<typeof openConstants>['place']>[0];

  it('are shared while any program uses them, and go with the last', async () => {
    const host = await requireHost();
    const before = { ...host.usage };
    const constants = openConstants(host);
    const first = constants.place(program(1000) as unknown as Placed);
    const shared = constants.shared()!;
    expect(shared.find('conv', 'k', new Uint8Array(1000).fill(7))).toBe(64);
    for (const [node, kernel, bytes, value] of [
      ['other', 'k', 1000, 7],
      ['conv', 'l', 1000, 7],
      ['conv', 'k', 999, 7],
      ['conv', 'k', 1000, 8],
    ] as const)
      expect(shared.find(node, kernel, new Uint8Array(bytes).fill(value))).toBeUndefined();
    const second = constants.place({ ...program(1000), constants: [], isShared: true } as unknown as Placed);
    expect(second.address).toBe(first.address);
    first.release();
    expect(host.usage.regions).toBe(before.regions + 1);
    second.release();
    expect(host.usage).toEqual(before);
    expect(constants.shared()).toBeUndefined();
  });

  it('do not pile up where shapes want them packed in different ways', async () => {
    const host = await requireHost();
    const before = { ...host.usage };
    const constants = openConstants(host);
    let last = constants.place(program(64) as unknown as Placed);
    for (let i = 0; i < 100; i++) {
      const next = constants.place(program(64 + i) as unknown as Placed);
      last.release();
      last = next;
      expect(host.usage.regions).toBe(before.regions + 1);
    }
    last.release();
    expect(host.usage).toEqual(before);
  });
});
