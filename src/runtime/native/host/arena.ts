import { constants } from 'node:buffer';
import { InternalError, invariant, UserError } from '../../../base/errors.ts';
import type { Ffi } from './ffi.ts';
import type { VirtualMemory } from './memory.ts';
import { mapRegion, quarantineRegion, type Region, type Usage, unmapRegion } from './region.ts';

export type ArenaOptions = {
  /**
   * 'start' (default): the first byte follows a guard page, so the address is page-aligned.
   * 'end': the last byte precedes a guard page, so the address is as aligned as `bytes` is. For tests of over-reads.
   */
  readonly place?: 'start' | 'end';
  /** Huge pages for arenas of 512 KiB and more, where the system has them; default true. */
  readonly huge?: boolean;
};

/** The typed arrays an arena can be seen through. */
export type ViewType<T extends ArrayBufferView> = {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBuffer, byteOffset: number, length: number): T;
};

/**
 * Zeroed native memory between guard pages.
 *
 * Whoever keeps only `address` must keep the arena too: an unreachable arena is unmapped by the garbage collector.
 * After `release`, `buffer` and `view` throw. Views handed out before are detached (length 0) where JavaScript can do that
 * (ArrayBuffer.prototype.transfer, Node 22 on). On Node 20 they can't be: their address range then stays reserved without
 * memory until they are collected, so a stale access ends the process by SIGSEGV and never reads another buffer's data.
 * So views must not leave the engine: copy what a user gets.
 */
export type Arena = Disposable & {
  readonly address: number;
  readonly bytes: number;
  readonly released: boolean;
  /** The whole arena. Throws `UserError` where this Node can't hold so large an ArrayBuffer (4 GiB on Node 20). */
  readonly buffer: ArrayBuffer;
  /** `length` elements (default: all that fit) from byte `offset` on, which is a multiple of the element's size. */
  view<T extends ArrayBufferView>(type: ViewType<T>, offset?: number, length?: number): T;
  /** Unmaps. Idempotent. No native call may be using the arena. */
  release(): void;
};

type Transferable = ArrayBuffer & { readonly transfer?: (bytes: number) => ArrayBuffer };

/** Makes every view of `buffer` empty; false where this JavaScript engine can't. */
function detach(buffer: ArrayBuffer): boolean {
  try {
    (buffer as Transferable).transfer?.(0);
  } catch {
    return false;
  }
  return buffer.byteLength === 0;
}

export type ArenaAllocator = (bytes: number, options?: ArenaOptions) => Arena;

/** Makes the host's arena allocator; `usage` is kept up to date. */
export function arenaAllocator(ffi: Ffi, memory: VirtualMemory, usage: Usage): ArenaAllocator {
  const abandoned = new FinalizationRegistry<Region>((region) => unmapRegion(memory, usage, region));
  const staleViews = new FinalizationRegistry<Region>(({ reservation }) =>
    memory.release(reservation.base, reservation.bytes),
  );
  // A living buffer keeps its arena alive, so the garbage collector never unmaps under a view.
  const owners = new WeakMap<ArrayBuffer, Arena>();

  const release = (region: Region, buffer: ArrayBuffer | undefined): void => {
    if (buffer === undefined || detach(buffer)) {
      unmapRegion(memory, usage, region);
      return;
    }
    owners.delete(buffer);
    quarantineRegion(memory, usage, region);
    staleViews.register(buffer, region);
  };

  return (bytes, { place = 'start', huge = true } = {}) => {
    const region = mapRegion(memory, usage, bytes, huge);
    const address = place === 'start' ? region.start : region.start + region.bytes - bytes;
    let released = false;
    let whole: ArrayBuffer | undefined;

    const buffer = (): ArrayBuffer => {
      if (released) throw new InternalError('an arena was used after its release');
      if (whole !== undefined) return whole;
      // Beyond this koffi ends the process.
      if (bytes > constants.MAX_LENGTH) {
        throw new UserError(`a buffer of ${bytes} bytes exceeds Node's limit`, {}, 'use a smaller batch or Node 22');
      }
      whole = ffi.view(address, bytes);
      owners.set(whole, arena);
      return whole;
    };

    const arena: Arena = {
      address,
      bytes,
      get released() {
        return released;
      },
      get buffer() {
        return buffer();
      },
      view: (type, offset = 0, length = Math.floor((bytes - offset) / type.BYTES_PER_ELEMENT)) => {
        const end = offset + length * type.BYTES_PER_ELEMENT;
        invariant(offset >= 0 && length >= 0 && end <= bytes, `bytes ${offset} to ${end} of an arena of ${bytes}`);
        return new type(buffer(), offset, length);
      },
      release: () => {
        if (released) return;
        released = true;
        abandoned.unregister(region);
        const seen = whole;
        whole = undefined;
        release(region, seen);
      },
      [Symbol.dispose]: () => arena.release(),
    };
    abandoned.register(arena, region, region);
    return arena;
  };
}
