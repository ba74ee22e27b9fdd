import type { Ffi } from './ffi.ts';
import { type Access, refused, type VirtualMemory } from './memory.ts';

const MEM_COMMIT = 0x1000;
const MEM_RESERVE = 0x2000;
const MEM_DECOMMIT = 0x4000;
const MEM_RELEASE = 0x8000;
/** winnt.h: PAGE_NOACCESS, PAGE_READWRITE, PAGE_EXECUTE_READ. */
const PAGE: Readonly<Record<Access, number>> = { none: 0x01, 'read-write': 0x04, 'read-execute': 0x20 };
/** Offset of dwPageSize in SYSTEM_INFO, and the structure's size on x86-64. */
const SYSTEM_INFO = { dwPageSize: 4, bytes: 48 };

/** VirtualAlloc and its kin. Written from the Win32 documentation; not run on Windows yet. */
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
    threadFunctions: undefined,
  };
}
