import { readFileSync } from 'node:fs';
import v8 from 'node:v8';
import vm from 'node:vm';
import { describe, expect, it } from 'vitest';
import { accessAt, hasAccessAt, hasHost, requireHost } from '../../../support/native-host.ts';

const PAGE = 4096;
const LINUX = process.platform === 'linux';

/** Resident pages of this process, in bytes. */
const resident = (): number => process.memoryUsage.rss();

const returnArgument = Uint8Array.of(0x48, 0x8d, 0x04, 0x37, 0xc3); // lea rax, [rdi+rsi]; ret
const increment = Uint8Array.of(0xf0, 0x83, 0x07, 0x01, 0xc3); // lock add dword [rdi], 1; ret

describe.skipIf(!hasHost)('arena', () => {
  it('is zeroed, writable, page-aligned, and released', async () => {
    const host = await requireHost();
    const arena = host.arena(10_000);
    expect(arena.address % PAGE).toBe(0);
    expect(host.usage).toEqual({ regions: 1, bytes: 3 * PAGE });
    const floats = arena.view(Float32Array, 64, 16);
    expect(floats).toEqual(new Float32Array(16));
    floats[15] = 1.5;
    expect(arena.view(Float32Array, 64 + 60, 1)[0]).toBe(1.5);
    arena.release();
    arena.release();
    expect(arena.released).toBe(true);
    expect(host.usage).toEqual({ regions: 0, bytes: 0 });
  });

  it('refuses views outside, after release, and of senseless sizes', async () => {
    const { arena: allocate } = await requireHost();
    const arena = allocate(100);
    expect(arena.view(Uint8Array).length).toBe(100);
    expect(() => arena.view(Float32Array, 0, 26)).toThrow(/bytes 0 to 104 of an arena of 100/);
    expect(() => arena.view(Uint8Array, -1, 1)).toThrow(/an arena of 100/);
    arena.release();
    expect(() => arena.buffer).toThrow(/after its release/);
    expect(() => arena.view(Uint8Array)).toThrow(/after its release/);
    for (const bytes of [0, -1, 1.5, Number.NaN, 2 ** 50]) expect(() => allocate(bytes)).toThrow(/was asked for/);
  });

  it.skipIf(!hasAccessAt)('lies between guard pages, at the start or flush with the end', async () => {
    const { arena: allocate } = await requireHost();
    for (const bytes of [1, PAGE, PAGE + 64, 3 * 2 ** 20 + 5]) {
      const atStart = allocate(bytes);
      expect(accessAt(atStart.address - 1)).toBe('---p');
      expect(accessAt(atStart.address)).toBe('rw-p');
      const atEnd = allocate(bytes, { place: 'end' });
      expect(accessAt(atEnd.address + bytes - 1)).toBe('rw-p');
      expect(accessAt(atEnd.address + bytes)).toBe('---p');
      atEnd.view(Uint8Array).fill(7);
      atStart.release();
      atEnd.release();
    }
  });

  it('detaches views on release where JavaScript can', async () => {
    const { arena: allocate } = await requireHost();
    const arena = allocate(PAGE);
    const bytes = arena.view(Uint8Array);
    arena.release();
    if ('transfer' in ArrayBuffer.prototype) expect(bytes.length).toBe(0);
    else if (hasAccessAt) expect(accessAt(arena.address)).toBe('---p');
  });

  it.skipIf(!LINUX)('asks for huge pages where they fit, unless told not to', async () => {
    const { arena: allocate } = await requireHost();
    const advised = (address: number): boolean => {
      const maps = readFileSync('/proc/self/smaps', 'utf8').split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m);
      const map = maps.find((text) => text.startsWith(`${address.toString(16)}-`))!;
      return / hg\b/.test(/^VmFlags:.*$/m.exec(map)![0]);
    };
    using large = allocate(8 * 2 ** 20);
    using plain = allocate(8 * 2 ** 20, { huge: false });
    expect(large.address % (2 * 2 ** 20)).toBe(0);
    expect([advised(large.address), advised(plain.address)]).toEqual([true, false]);
  });
});

describe.skipIf(!hasHost)('code', () => {
  it('runs, at an offset too, here and on a pool thread', async () => {
    const { code } = await requireHost();
    const block = code(Uint8Array.of(0xcc, ...returnArgument));
    const add = block.bind('i64(ctx, arg)', 1);
    expect(add.address).toBe(block.address + 1);
    expect(add(40, 2)).toBe(42);
    expect(add(2 ** 52, -1)).toBe(2 ** 52 - 1);
    expect(await add.async(40, 3)).toBe(43);
    block.release();
    expect(() => add(1, 2)).toThrow(/after its release/);
    await expect(add.async(1, 2)).rejects.toThrow(/after its release/);
    expect(() => block.bind('void()')).toThrow(/after its release/);
  });

  it('works on memory that JavaScript sees', async () => {
    const { arena: allocate, code } = await requireHost();
    using counter = allocate(4);
    using block = code(increment);
    const run = block.bind('void(ctx)');
    for (let i = 0; i < 10; i++) run(counter.address);
    await Promise.all(Array.from({ length: 3 }, () => run.async(counter.address)));
    expect(counter.view(Int32Array)[0]).toBe(13);
  });

  it.skipIf(!hasAccessAt)('is never writable and executable, and unmapped at the end', async () => {
    const { code } = await requireHost();
    const block = code(new Uint8Array(3 * PAGE + 1).fill(0xc3));
    for (const offset of [0, PAGE, 3 * PAGE]) expect(accessAt(block.address + offset)).toBe('r-xp');
    expect(accessAt(block.address - 1)).toBe('---p');
    expect(accessAt(block.address + 4 * PAGE)).toBe('---p');
    block.bind('void()', 3 * PAGE)();
    block.release();
    expect(accessAt(block.address)?.includes('x') ?? false).toBe(false);
  });

  it('stays mapped until the last asynchronous call has returned', async () => {
    const host = await requireHost();
    using flag = host.arena(4);
    // wait: cmp dword [rdi], 0; je wait; ret
    const block = host.code(Uint8Array.of(0x83, 0x3f, 0x00, 0x74, 0xfb, 0xc3));
    const before = host.usage.regions;
    const running = block.bind('void(ctx)').async(flag.address);
    block.release();
    expect(host.usage.regions).toBe(before);
    flag.view(Int32Array)[0] = 1;
    await running;
    expect(host.usage.regions).toBe(before - 1);
  });
});

describe.skipIf(!hasHost)('resident memory', () => {
  it('stays flat over 1,000 create, run, release cycles', async () => {
    const host = await requireHost();
    const MiB = 2 ** 20;
    const cycle = (): void => {
      using arena = host.arena(4 * MiB);
      using block = host.code(increment);
      arena.view(Uint8Array).fill(1);
      block.bind('void(ctx)')(arena.address);
      expect(arena.view(Int32Array)[0]).toBe(0x01010102);
    };
    for (let i = 0; i < 100; i++) cycle();
    const before = resident();
    for (let i = 0; i < 1000; i++) cycle();
    expect(host.usage).toEqual({ regions: 0, bytes: 0 });
    // 4 GiB were touched; what is left is JavaScript's own garbage.
    expect(resident() - before).toBeLessThan(16 * MiB);
  });
});

describe.skipIf(!hasHost || !hasAccessAt)('the garbage collector', () => {
  v8.setFlagsFromString('--expose-gc');
  const gc: () => void = vm.runInNewContext('gc');
  /** Collects until `done()` or 100 tries are over. */
  async function collect(done: () => boolean = () => false, tries = 100): Promise<void> {
    for (let i = 0; i < tries && !done(); i++) {
      gc();
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }

  it('unmaps what was forgotten', async () => {
    const host = await requireHost();
    const before = host.usage.regions;
    const forget = (): void => {
      host.arena(64).view(Uint8Array)[0] = 1;
      host.code(increment).bind('void(ctx)');
    };
    for (let i = 0; i < 10; i++) forget();
    await collect(() => host.usage.regions <= before);
    expect(host.usage.regions).toBe(before);
  });

  it('leaves alone what a view or a function still uses', async () => {
    const host = await requireHost();
    const before = host.usage.regions;
    const make = () => {
      const arena = host.arena(64);
      return { address: arena.address, words: arena.view(Int32Array), run: host.code(increment).bind('void(ctx)') };
    };
    const { address, words, run } = make();
    await collect(undefined, 20);
    expect(host.usage.regions).toBe(before + 2);
    run(address);
    expect(words[0]).toBe(1);
  });

  it('gives back the address space of released arenas with their last view', async () => {
    const host = await requireHost();
    const released = (): number => {
      const arena = host.arena(64);
      arena.view(Uint8Array)[0] = 1;
      arena.release();
      return arena.address;
    };
    const address = released();
    await collect(() => accessAt(address) === undefined);
    expect(accessAt(address)).toBeUndefined();
  });
});
