import type { Ffi, FfiLibrary, FfiValue } from './ffi.ts';
import { type Access, errnoName, refused, type ThreadFunctions, type VirtualMemory } from './memory.ts';

/** Where Linux and macOS (both x86-64) differ; values from their <sys/mman.h>. */
export type PosixSystem = {
  readonly library: string | null;
  readonly mapAnonymous: number;
  readonly mapNoReserve: number;
  readonly adviceHugePage: number | undefined;
  /** A sysctl that is 1 where the kernel enables AVX-512 state for a thread at its first AVX-512 instruction. */
  readonly lazyAvx512: string | undefined;
  readonly hasFutex: boolean;
};

export const linux: PosixSystem = {
  library: null,
  mapAnonymous: 0x20,
  mapNoReserve: 0x4000,
  adviceHugePage: 14,
  lazyAvx512: undefined,
  hasFutex: true,
};

export const darwin: PosixSystem = {
  library: '/usr/lib/libSystem.B.dylib',
  mapAnonymous: 0x1000,
  mapNoReserve: 0x40,
  adviceHugePage: undefined,
  lazyAvx512: 'hw.optional.avx512f',
  hasFutex: false,
};

const PROT: Readonly<Record<Access, number>> = { none: 0, 'read-write': 1 | 2, 'read-execute': 1 | 4 };
const MAP_PRIVATE = 0x02;
const MAP_FIXED = 0x10;
const AT_ANY_ADDRESS = 0;

/** mmap and its kin through koffi. Tested on Linux; on macOS only the constants differ (not run there yet). */
export function posixMemory(ffi: Ffi, system: PosixSystem): VirtualMemory {
  const libc = ffi.load(system.library);
  const size = 'size_t';
  const address = 'uintptr_t';
  const mmap = libc.func('mmap', 'intptr_t', [address, size, 'int', 'int', 'int', 'int64_t']);
  const mprotect = libc.func('mprotect', 'int', [address, size, 'int']);
  const munmap = libc.func('munmap', 'int', [address, size]);
  const madvise = libc.func('madvise', 'int', [address, size, 'int']);
  const memcpy = libc.func('memcpy', address, [address, 'const void *', size]);
  const getpagesize = libc.func('getpagesize', 'int', []);

  const anonymous = MAP_PRIVATE | system.mapAnonymous | system.mapNoReserve;
  const map = (at: number, bytes: number, flags: number): number => {
    const result = Number(mmap(at, bytes, PROT.none, flags, -1, 0));
    if (result === -1) throw refused('map', bytes, errnoName(ffi));
    return result;
  };
  const protect = (at: number, bytes: number, access: Access): void => {
    if (mprotect(at, bytes, PROT[access]) !== 0) throw refused('make', bytes, errnoName(ffi), ` ${access}`);
  };

  return {
    pageSize: Number(getpagesize()),
    convention: 'sysv',
    reserve: (bytes) => map(AT_ANY_ADDRESS, bytes, anonymous),
    commit: (at, bytes) => protect(at, bytes, 'read-write'),
    protect,
    // A fresh mapping over the old one drops its memory and its access in one step.
    decommit: (at, bytes) => void map(at, bytes, anonymous | MAP_FIXED),
    release: (at, bytes) => {
      if (munmap(at, bytes) !== 0) throw refused('unmap', bytes, errnoName(ffi));
    },
    threadFunctions: system.hasFutex ? () => threads(libc) : undefined,
    write: (at, bytes) => void memcpy(at, bytes, bytes.length),
    flushInstructions: () => {},
    adviseHuge: (at, bytes) => {
      if (system.adviceHugePage !== undefined) madvise(at, bytes, system.adviceHugePage);
    },
    enablesAvx512Lazily: () => {
      if (system.lazyAvx512 === undefined) return false;
      const pointer = 'void *';
      const sysctl = libc.func('sysctlbyname', 'int', ['const char *', pointer, pointer, pointer, size]);
      const value = new Int32Array(1);
      const query: FfiValue[] = [system.lazyAvx512, value, new BigUint64Array([4n]), null, 0];
      return sysctl(...query) === 0 && value[0] === 1;
    },
  };
}

function threads(libc: FfiLibrary): ThreadFunctions {
  const pointer = 'uintptr_t';
  const create = libc.func('pthread_create', 'int', ['void *', pointer, pointer, pointer]);
  const detach = libc.func('pthread_detach', 'int', [pointer]);
  const id = new BigUint64Array(1);
  return {
    start: (f, argument) => create(id, 0, f, argument) === 0 && detach(id[0]!) === 0,
    syscall: Number(libc.symbol('syscall')),
    yield: Number(libc.symbol('sched_yield')),
  };
}
