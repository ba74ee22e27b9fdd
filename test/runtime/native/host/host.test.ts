import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Ffi, FfiValue } from '../../../../src/runtime/native/host/ffi.ts';
import { loadFfi } from '../../../../src/runtime/native/host/ffi.ts';
import { openHostFrom } from '../../../../src/runtime/native/host/host.ts';
import { accessAt, hasAccessAt, hasHost, requireHost } from '../../../support/native-host.ts';

/** What changes the access of pages and what copies code into them, as the system names them. */
const WINDOWS = process.platform === 'win32';
const PROTECT = WINDOWS ? 'VirtualProtect' : 'mprotect';
const COPY = WINDOWS ? 'RtlMoveMemory' : 'memcpy';
/** VirtualProtect gives 0 where it refuses; PAGE_EXECUTE_READ. */
const REFUSED = WINDOWS ? 0 : -1;
const EXEC = WINDOWS ? 0x20 : 4;

const here = { platform: process.platform, arch: process.arch, loadFfi };

/** koffi with one C function replaced. */
async function intercept(
  target: string,
  replacement: (args: FfiValue[], call: () => unknown) => unknown,
): Promise<Ffi> {
  const real = (await loadFfi()) as Ffi;
  return {
    ...real,
    load: (path) => {
      const library = real.load(path);
      return {
        symbol: (name) => library.symbol(name),
        func: (name, result, parameters) => {
          const call = library.func(name, result, parameters);
          if (name !== target) return call;
          const replaced = (...args: FfiValue[]) => replacement(args, () => call(...args));
          return Object.assign(replaced, { async: call.async });
        },
      };
    },
  };
}

describe('openHostFrom', () => {
  it('says why there is no host on another architecture or system', async () => {
    expect(await openHostFrom({ ...here, arch: 'arm64', platform: 'linux' })).toEqual({
      unavailable: 'native code needs x86-64 on Linux, macOS or Windows, this is arm64 on linux; use another backend',
    });
    expect(await openHostFrom({ ...here, arch: 'x64', platform: 'constructor' })).toHaveProperty('unavailable');
  });

  it('names the dependency that is missing', async () => {
    const host = await openHostFrom({
      ...here,
      arch: 'x64',
      platform: 'linux',
      loadFfi: async () => ({ unavailable: 'no koffi' }),
    });
    expect(host).toEqual({ unavailable: 'no koffi' });
  });

  it.skipIf(!hasHost)('says so when executable memory is refused', async () => {
    const refusing = await intercept(PROTECT, (args, call) => ((Number(args[2]) & EXEC) !== 0 ? REFUSED : call()));
    const host = await openHostFrom({ ...here, loadFfi: async () => refusing });
    expect(host).toHaveProperty(
      'unavailable',
      expect.stringMatching(/refused to make 4096 bytes read-execute.*execmem/),
    );
  });
});

describe.skipIf(!hasHost)('the host of this machine', () => {
  it('is opened once and leaves nothing mapped after its probes', async () => {
    const host = await requireHost();
    expect(await requireHost()).toBe(host);
    expect(host.usage).toEqual({ regions: 0, bytes: 0 });
    expect(host.threads).toBeGreaterThanOrEqual(1);
    expect(host.maxAsync).toBeGreaterThanOrEqual(1);
  });

  it.skipIf(!hasAccessAt)('never has code both writable and executable, from mapping to unmapping', async () => {
    const seen: (string | undefined)[] = [];
    let address = 0;
    const note = (): void => {
      if (address !== 0) seen.push(accessAt(address));
    };
    const noting = await intercept(PROTECT, (args, call) => {
      // The first call makes the pages writable, so the address is known from here on.
      address ||= Number(args[0]);
      note();
      const result = call();
      note();
      return result;
    });
    const writing = await intercept(COPY, (_, call) => {
      const result = call();
      note();
      return result;
    });
    const ffi: Ffi = {
      ...noting,
      load: (path) => {
        const [a, b] = [noting.load(path), writing.load(path)];
        return { symbol: a.symbol, func: (name, ...rest) => (name === COPY ? b : a).func(name, ...rest) };
      },
    };
    const host = await openHostFrom({ ...here, loadFfi: async () => ffi });
    if ('unavailable' in host) throw new Error(host.unavailable);
    seen.length = 0;
    address = 0;
    const block = host.code(Uint8Array.of(0xc3));
    expect(block.address).toBe(address);
    block.bind('void()')();
    note();
    block.release();
    // Reserved, committed and written (how Windows commits is not seen); before and after it became executable; after running.
    const before = WINDOWS ? [] : ['---p', 'rw-p', 'rw-p'];
    expect(seen).toEqual([...before, 'rw-p', 'r-xp', 'r-xp']);
    expect(accessAt(address) ?? 'unmapped').not.toMatch(/^.(w|.x)/);
  });

  it.skipIf(process.platform !== 'linux')("agrees with the kernel's list of processor features", async () => {
    const { cpu, isas, isa } = await requireHost();
    const info = readFileSync('/proc/cpuinfo', 'utf8');
    const flags = new Set(/^flags\s*:\s*(.*)$/m.exec(info)![1]!.split(' '));
    const kernelNames = { sse41: 'sse4_1', avx512vbmi2: 'avx512_vbmi2', avx512vnni: 'avx512_vnni' } as const;
    for (const name of [
      'sse41',
      'avx',
      'fma',
      'f16c',
      'avx2',
      'avx_vnni',
      'avx512f',
      'avx512bw',
      'avx512vl',
      'avx512dq',
      'avx512vbmi',
      'avx512vbmi2',
      'avx512vnni',
    ] as const) {
      const kernelName = name in kernelNames ? kernelNames[name as keyof typeof kernelNames] : name;
      expect([name, cpu.features.has(name)]).toEqual([name, flags.has(kernelName)]);
    }
    expect(info).toContain(cpu.brand);
    expect(cpu.caches.some(({ level, kind, bytes }) => level === 1 && kind === 'data' && bytes >= 16384)).toBe(true);
    expect(isa(isas.at(-1))).toBe(isas.at(-1));
    expect(() => isa('sse2')).toThrow(/no instruction set/);
  });
});
