import { describe, expect, it } from 'vitest';
import { createSlots } from '../../../../src/runtime/native/host/slots.ts';
import {
  availableThreads,
  cgroupCpuLimit,
  maxAsync,
  threadPoolSize,
} from '../../../../src/runtime/native/host/threads.ts';

const machine = (files: Record<string, string>, processors = 16) => {
  const contents = new Map(Object.entries(files));
  return { read: (path: string) => contents.get(path), affinity: () => processors };
};

describe('availableThreads', () => {
  it('is the affinity mask where nothing limits', () => {
    expect(availableThreads(machine({}))).toBe(16);
    const unlimited = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': 'max 100000\n' };
    expect(availableThreads(machine(unlimited))).toBe(16);
  });

  it('reads cgroup v2, the tightest of the group and its ancestors', () => {
    const files = {
      '/proc/self/cgroup': '0::/kubepods/pod1/c1\n',
      '/sys/fs/cgroup/kubepods/pod1/c1/cpu.max': 'max 100000\n',
      '/sys/fs/cgroup/kubepods/pod1/cpu.max': '350000 100000\n',
      '/sys/fs/cgroup/kubepods/cpu.max': '800000 100000\n',
    };
    expect(cgroupCpuLimit(machine(files))).toBe(3.5);
    expect(availableThreads(machine(files))).toBe(3);
    expect(availableThreads(machine(files, 2))).toBe(2);
  });

  it("reads cgroup v1, also mounted at the container's root", () => {
    const files = {
      '/proc/self/cgroup': '9:name=systemd:/\n4:cpu,cpuacct:/docker/abc\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '200000\n',
      '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    };
    expect(availableThreads(machine(files))).toBe(2);
    expect(availableThreads(machine({ ...files, '/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us': '-1\n' }))).toBe(16);
  });

  it('is at least 1', () => {
    const files = { '/proc/self/cgroup': '0::/\n', '/sys/fs/cgroup/cpu.max': '50000 100000\n' };
    expect(availableThreads(machine(files))).toBe(1);
  });
});

describe("libuv's pool", () => {
  it('has the size that UV_THREADPOOL_SIZE gives', () => {
    expect([undefined, '8', '0', '5000', 'x'].map((text) => threadPoolSize(text))).toEqual([
      threadPoolSize(),
      8,
      1,
      1024,
      1,
    ]);
  });

  it('is never taken whole, except where it is one thread', () => {
    expect([1, 2, 4].map((size) => maxAsync(size))).toEqual([1, 1, 3]);
  });
});

describe('createSlots', () => {
  it('gives what is free, at least one, in order', async () => {
    const slots = createSlots(() => 3);
    const first = await slots.take(2);
    const second = await slots.take(2);
    expect([first.count, second.count, slots.inUse]).toEqual([2, 1, 3]);
    const order: string[] = [];
    const third = slots.take(1).then((lease) => {
      order.push('third');
      return lease;
    });
    const fourth = slots.take(9).then((lease) => {
      order.push('fourth');
      return lease;
    });
    first.release();
    first.release();
    expect([(await third).count, (await fourth).count]).toEqual([1, 1]);
    expect(order).toEqual(['third', 'fourth']);
    for (const lease of [second, await third, await fourth]) lease.release();
    expect(slots.inUse).toBe(0);
  });
});
