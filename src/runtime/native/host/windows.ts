import { FUTEX } from './crew.ts';
import type { Ffi, FfiLibrary } from './ffi.ts';
import { type Access, type MapForGood, refused, type ThreadFunctions, type VirtualMemory } from './memory.ts';
import { win64CallStub, win64FutexStub, win64ThreadStub, win64Thunk } from './stubs.ts';

const MEM_COMMIT = 0x1000;
const MEM_RESERVE = 0x2000;
const MEM_DECOMMIT = 0x4000;
const MEM_RELEASE = 0x8000;
/** winnt.h: PAGE_NOACCESS, PAGE_READWRITE, PAGE_EXECUTE_READ. */
const PAGE: Readonly<Record<Access, number>> = { none: 0x01, 'read-write': 0x04, 'read-execute': 0x20 };
/** Offset of dwPageSize in SYSTEM_INFO, and the structure's size on x86-64. */
const SYSTEM_INFO = { dwPageSize: 4, bytes: 48 };

/** VirtualAlloc and its kin, from the Win32 documentation. Run with Windows' Node under Wine, not on Windows itself yet. */
export function windowsMemory(ffi: Ffi): VirtualMemory {
  const kernel32 = ffi.load('kernel32.dll');
  const address = 'uintptr_t';
  const size = 'size_t';
  const dword = 'uint32_t';
  // The current process is the pseudo-handle -1.
  const handle = 'intptr_t';
  const virtualAlloc = kernel32.func('VirtualAlloc', address, [address, size, dword, dword]);
  const virtualFree = kernel32.func('VirtualFree', 'int', [address, size, dword]);
  const virtualProtect = kernel32.func('VirtualProtect', 'int', [address, size, dword, 'void *']);
  const flush = kernel32.func('FlushInstructionCache', 'int', [handle, address, size]);
  const currentProcess = kernel32.func('GetCurrentProcess', handle, []);
  const getLastError = kernel32.func('GetLastError', dword, []);
  const getSystemInfo = kernel32.func('GetSystemInfo', 'void', ['void *']);
  const moveMemory = kernel32.func('RtlMoveMemory', 'void', [address, 'const void *', size]);

  const reason = (): string => `Windows error ${Number(getLastError())}`;
  const check = (ok: unknown, verb: string, bytes: number, change = ''): void => {
    if (Number(ok) === 0) throw refused(verb, bytes, reason(), change);
  };
  const info = new DataView(new ArrayBuffer(SYSTEM_INFO.bytes));
  getSystemInfo(info);

  return {
    pageSize: info.getUint32(SYSTEM_INFO.dwPageSize, true),
    convention: 'win64',
    reserve: (bytes) => {
      const result = Number(virtualAlloc(0, bytes, MEM_RESERVE, PAGE.none));
      check(result, 'map', bytes);
      return result;
    },
    commit: (at, bytes) => check(virtualAlloc(at, bytes, MEM_COMMIT, PAGE['read-write']), 'commit', bytes),
    protect: (at, bytes, access) =>
      check(virtualProtect(at, bytes, PAGE[access], new Uint32Array(1)), 'make', bytes, ` ${access}`),
    decommit: (at, bytes) => check(virtualFree(at, bytes, MEM_DECOMMIT), 'decommit', bytes),
    // VirtualFree releases whole reservations and wants size 0 for that.
    release: (at, bytes) => check(virtualFree(at, 0, MEM_RELEASE), 'unmap', bytes),
    write: (at, bytes) => void moveMemory(at, bytes, bytes.length),
    flushInstructions: (at, bytes) => check(flush(Number(currentProcess()), at, bytes), 'flush', bytes),
    // Large pages need a privilege that ordinary accounts lack.
    adviseHuge: () => {},
    enablesAvx512Lazily: () => false,
    threadFunctions: (map) => threads(ffi, kernel32, map),
  };
}

/** Threads, and what stands in for a futex: generated code calls System V functions, so each has a stub. */
function threads(ffi: Ffi, kernel32: FfiLibrary, map: MapForGood): ThreadFunctions {
  const pointer = 'uintptr_t';
  const create = kernel32.func('CreateThread', pointer, [pointer, 'size_t', pointer, pointer, 'uint32_t', pointer]);
  const close = kernel32.func('CloseHandle', 'int', [pointer]);
  const address = (library: FfiLibrary, name: string): number => Number(library.symbol(name));
  const synchronization = ffi.load('api-ms-win-core-synch-l1-2-0.dll');
  const waiting = {
    waitOnAddress: address(synchronization, 'WaitOnAddress'),
    wakeByAddressSingle: address(synchronization, 'WakeByAddressSingle'),
  };
  const thunk = map(win64Thunk);
  const entries = new Map<number, number>();
  const entry = (f: number): number => {
    const known = entries.get(f) ?? map(win64ThreadStub(thunk, f));
    entries.set(f, known);
    return known;
  };
  return {
    start: (f, argument) => {
      const thread = create(0, 0, entry(f), argument, 0, 0);
      return Number(thread) !== 0 && Number(close(Number(thread))) !== 0;
    },
    syscall: map(win64FutexStub(waiting, FUTEX.waitPrivate)),
    yield: map(win64CallStub(address(kernel32, 'SwitchToThread'))),
  };
}
