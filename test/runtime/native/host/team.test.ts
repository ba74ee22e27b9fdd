import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { cellLayout, cellState, crewTeamCode } from '../../../../src/runtime/native/host/crew.ts';
import { threadPoolSize } from '../../../../src/runtime/native/host/threads.ts';
import { abiProbe } from '../../../support/abi-probe.ts';
import { hasHost, requireHost } from '../../../support/native-host.ts';

/** lock add dword [rdi], 1; l: pause; mov eax, [rdi+8]; cmp [rdi], eax; jb l; cmp dword [rdi+4], 0; je l; ret: counts itself in, waits for the others and for the gate. */
const gated = Uint8Array.from([
  0xf0, 0x83, 0x07, 0x01, 0xf3, 0x90, 0x8b, 0x47, 0x08, 0x39, 0x07, 0x72, 0xf7, 0x83, 0x7f, 0x04, 0x00, 0x74, 0xf1,
  0xc3,
]);

/** Threads of octet's own; macOS has none yet, so teams run on libuv's pool there. */
const HELPERS = process.platform !== 'darwin';

async function setup() {
  const host = await requireHost();
  const arena = host.arena(12);
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
  it.skipIf(!HELPERS)('runs on the number of threads asked for, this one among them', async () => {
    const { host, address, f, words } = await setup();
    words[1] = 1;
    for (const threads of [1, 2, 3, 8, 33]) {
      words[0] = 0;
      words[2] = threads;
      using team = host.team(f, threads);
      expect(team.run(address)).toBe(threads);
      expect(words[0]).toBe(threads);
      words[2] = 2 * threads;
      expect(await team.runAsync(address)).toBe(threads);
      expect(words[0]).toBe(2 * threads);
    }
  });

  it.skipIf(!HELPERS)('never takes the whole pool, however many run at once', async () => {
    const { host, address, f, words } = await setup();
    const threads = host.maxAsync + 8;
    using team = host.team(f, threads);
    const running = team.runAsync(address);
    await until(() => words[0] === threads);
    expect(host.slots.inUse).toBeLessThanOrEqual(host.maxAsync);
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

  it.skipIf(!HELPERS)('does without helpers that are busy or not there, and keeps to the ABI', async () => {
    const { host, address, f, words } = await setup();
    words[1] = 1;
    using probe = abiProbe(host);
    using cells = host.arena(3 * cellLayout.bytes);
    const states = cells.view(BigUint64Array);
    for (const state of [cellState.none, cellState.busy, 0x1000]) {
      for (let cell = 0; cell < 3; cell++) states[(cell * cellLayout.bytes) / 8] = BigInt(state);
      // ud2: must not be called
      using trap = host.code(Uint8Array.of(0x0f, 0x0b));
      const functions = { start: () => false, syscall: trap.address, yield: trap.address };
      using code = host.code(crewTeamCode(f.address, { address: cells.address, cells: 3 }, functions));
      expect(probe.run(code.address, address, 3)).toEqual({ result: 1n, violations: [] });
      expect(Number(states[0])).toBe(state);
    }
    expect(words[0]).toBe(3);
  });

  it.skipIf(!HELPERS)('takes back what no helper has begun, and keeps to the ABI', async () => {
    const { host, address, f, words } = await setup();
    words[1] = 1;
    using probe = abiProbe(host);
    using cells = host.arena(3 * cellLayout.bytes);
    const states = cells.view(BigUint64Array);
    states[0] = BigInt(cellState.awake);
    states[cellLayout.bytes / 8] = BigInt(cellState.asleep);
    // ret: wakes nobody
    using syscall = host.code(Uint8Array.of(0xc3));
    const functions = { start: () => false, syscall: syscall.address, yield: syscall.address };
    using code = host.code(crewTeamCode(f.address, { address: cells.address, cells: 2 }, functions));
    expect(probe.run(code.address, address, 2)).toEqual({ result: 1n, violations: [] });
    expect([states[0], states[cellLayout.bytes / 8]]).toEqual([0n, 0n]);
    expect(words[0]).toBe(1);
  });

  it('survives many short runs of several teams at once, with pauses in which helpers fall asleep', async () => {
    const { host, address, f, words } = await setup();
    words[1] = 1;
    const teams = [2, 3, 4].map((threads) => host.team(f, threads));
    let calls = 0;
    for (let round = 0; round < 200; round++) {
      const running = teams.map((team) => team.runAsync(address));
      calls += teams[round % 3]!.run(address);
      for (const count of await Promise.all(running)) calls += count;
      if (round % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(words[0]).toBe(calls);
    expect(calls).toBeGreaterThanOrEqual(800);
    for (const team of teams) team.release();
  });
});
