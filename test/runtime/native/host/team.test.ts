import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { teamCode } from '../../../../src/runtime/native/host/team.ts';
import { threadPoolSize } from '../../../../src/runtime/native/host/threads.ts';
import { abiProbe } from '../../../support/abi-probe.ts';
import { hasHost, requireHost } from '../../../support/native-host.ts';

/** lock add dword [rdi], 1; l: pause; cmp dword [rdi+4], 0; je l; ret: counts itself in and waits for the gate. */
const gated = Uint8Array.of(0xf0, 0x83, 0x07, 0x01, 0xf3, 0x90, 0x83, 0x7f, 0x04, 0x00, 0x74, 0xf8, 0xc3);

async function setup() {
  const host = await requireHost();
  const arena = host.arena(8);
  const code = host.code(gated);
  const words = arena.view(Int32Array);
  return { host, address: arena.address, code, f: code.bind('void(ctx)'), words };
}

/** Waits until `done()`, leaving the event loop free; fails by the test's timeout. */
async function until(done: () => boolean): Promise<void> {
  while (!done()) await new Promise((resolve) => setTimeout(resolve, 1));
}

/** Needs a free thread of libuv's pool; a pool of one has none during a run. */
async function readOwnFile(): Promise<void> {
  if (threadPoolSize() === 1) return;
  expect((await readFile(new URL(import.meta.url))).length).toBeGreaterThan(0);
}

describe.skipIf(!hasHost)('team', () => {
  it('runs on the number of threads asked for, this one among them', async () => {
    const { host, address, f, words } = await setup();
    words[1] = 1;
    for (const threads of [1, 2, 3, 8, 33]) {
      words[0] = 0;
      using team = host.team(f, threads);
      expect(team.run(address)).toBe(threads);
      expect(words[0]).toBe(threads);
      expect(await team.runAsync(address)).toBe(threads);
      expect(words[0]).toBe(2 * threads);
    }
  });

  it.skipIf(process.platform === 'win32')('never takes the whole pool, however many run at once', async () => {
    const { host, address, f, words } = await setup();
    const threads = host.maxAsync + 8;
    using team = host.team(f, threads);
    const running = team.runAsync(address);
    await until(() => words[0] === threads);
    expect(host.slots.inUse).toBe(host.maxAsync);
    await readOwnFile();
    words[1] = 1;
    expect(await running).toBe(threads);
    expect(host.slots.inUse).toBe(0);
  });

  it('queues more runs than the pool has room for, and the file system still works', async () => {
    const { host, address, f, words } = await setup();
    using team = host.team(f, 1);
    const runs = Array.from({ length: host.maxAsync + 2 }, () => team.runAsync(address));
    await until(() => words[0] === host.maxAsync);
    await readOwnFile();
    words[1] = 1;
    await Promise.all(runs);
    expect(words[0]).toBe(host.maxAsync + 2);
  });

  it('keeps the code mapped when everything is released during a run', async () => {
    const { host, address, code, f, words } = await setup();
    const team = host.team(f, 2);
    const before = host.usage.regions;
    const running = team.runAsync(address);
    await until(() => words[0] === 2);
    team.release();
    code.release();
    expect(host.usage.regions).toBe(before);
    words[1] = 1;
    expect(await running).toBe(2);
    expect(host.usage.regions).toBe(before - 2);
    await expect(team.runAsync(address)).rejects.toThrow(/after its release/);
    expect(() => team.run(address)).toThrow(/after its release/);
  });

  it('refuses teams of nobody', async () => {
    const { host, f } = await setup();
    for (const threads of [0, -1, 1.5, Number.NaN]) expect(() => host.team(f, threads)).toThrow(/a team of/);
  });

  it('does with fewer threads when the system starts none, and keeps to the ABI', async () => {
    const { host, address, f, words } = await setup();
    words[1] = 1;
    // mov eax, 11 (EAGAIN); ret  and, for the join that must not happen, ud2
    using create = host.code(Uint8Array.of(0xb8, 0x0b, 0x00, 0x00, 0x00, 0xc3));
    using join = host.code(Uint8Array.of(0x0f, 0x0b));
    using probe = abiProbe(host);
    for (const threads of [1, 2, 3, 4]) {
      using code = host.code(teamCode(f.address, threads, { create: create.address, join: join.address }));
      expect(probe.run(code.address, address, threads - 1)).toEqual({ result: 1n, violations: [] });
    }
    expect(words[0]).toBe(4);
  });
});
