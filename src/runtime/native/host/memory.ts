import { UserError } from '../../../base/errors.ts';
import type { Ffi } from './ffi.ts';

/** Never both writable and executable: there is no such value. */
export type Access = 'none' | 'read-write' | 'read-execute';

export type ThreadFunctions = {
  /** Starts a thread in `void *f(argument)`; false where the system gives none. */
  readonly start: (f: number, argument: number) => boolean;
  /** Addresses of System V functions: the C library's `syscall` (or one that does `futex` calls as it does) and `sched_yield`. */
  readonly syscall: number;
  readonly yield: number;
};

/** Maps code for the life of the process; gives its address. */
export type MapForGood = (code: Uint8Array) => number;

/**
 * The operating system's virtual memory, and how it starts threads. Addresses are numbers (user space ends far below 2^53); addresses and sizes are
 * multiples of `pageSize`. Every function throws `UserError` with the system's reason when it is refused.
 */
export type VirtualMemory = {
  readonly pageSize: number;
  /** The calling convention in which koffi enters native code here. */
  readonly convention: 'sysv' | 'win64';
  /** Takes address space without memory behind it; any access faults. */
  reserve(bytes: number): number;
  /** Puts zeroed read-write memory behind reserved pages. */
  commit(address: number, bytes: number): void;
  protect(address: number, bytes: number, access: Access): void;
  /** Gives the memory back but keeps the address space, inaccessible. */
  decommit(address: number, bytes: number): void;
  /** Gives back a whole reservation. */
  release(address: number, bytes: number): void;
  /** Copies bytes to a writable address. */
  write(address: number, bytes: Uint8Array): void;
  /** Must be called between writing code and running it; nothing to do where the hardware keeps caches coherent. */
  flushInstructions(address: number, bytes: number): void;
  /** Asks for 2 MiB pages; a hint, so never refused. */
  adviseHuge(address: number, bytes: number): void;
  /** Whether the kernel enables AVX-512 on first use although XCR0 does not show it yet (macOS only). */
  enablesAvx512Lazily(): boolean;
  /** Threads of our own, and what they wait with; undefined where there are none (no futex). */
  readonly threadFunctions: ((map: MapForGood) => ThreadFunctions) | undefined;
};

/** The error for a refused system call (`map`, 4096, ENOMEM): what was asked, the system's reason, what to do. */
export function refused(verb: string, bytes: number, reason: string, change = ''): UserError {
  const size = bytes >= 2 ** 20 ? `${(bytes / 2 ** 20).toFixed(0)} MiB` : `${bytes} bytes`;
  return new UserError(
    `the system refused to ${verb} ${size}${change} (${reason})`,
    {},
    "free memory, raise its limit (ulimit -v, the container's), use a smaller batch, or choose backend 'reference'",
  );
}

/** The name of the C library's last error, such as ENOMEM. */
export function errnoName(ffi: Ffi): string {
  const code = ffi.errno();
  return Object.entries(ffi.os.errno).find(([, value]) => value === code)?.[0] ?? `errno ${code}`;
}

export const roundUp = (value: number, multiple: number): number => Math.ceil(value / multiple) * multiple;
