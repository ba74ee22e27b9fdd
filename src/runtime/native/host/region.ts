import { invariant } from '../../../base/errors.ts';
import { roundUp, type VirtualMemory } from './memory.ts';

const HUGE_PAGE = 2 * 2 ** 20;
/** What has so many bytes is worth a huge page of its own. */
const LEAST_HUGE = HUGE_PAGE / 4;
/** No single buffer of a model comes near; a larger request is a mistake in a size computation. */
const MAX_BYTES = 2 ** 40;

/** Accessible pages [start, start + bytes) inside a reservation; everything else in it faults. */
export type Region = {
  readonly start: number;
  readonly bytes: number;
  readonly reservation: { readonly base: number; readonly bytes: number };
};

/** What is mapped right now: for leak tests and profiles. Released address space that waits for a view to die counts not. */
export type Usage = { regions: number; bytes: number };

/** Read-write zeroed pages for `bytes`, a guard page (or more) on either side; large ones in huge pages if asked. */
export function mapRegion(memory: VirtualMemory, usage: Usage, bytes: number, huge: boolean): Region {
  invariant(Number.isSafeInteger(bytes) && bytes > 0 && bytes <= MAX_BYTES, `a region of ${bytes} bytes was asked for`);
  const page = memory.pageSize;
  const accessible = roundUp(bytes, page);
  const aligned = huge && accessible >= LEAST_HUGE;
  const whole = aligned ? roundUp(accessible, HUGE_PAGE) : accessible;
  const reserved = whole + 2 * page + (aligned ? HUGE_PAGE : 0);
  const base = memory.reserve(reserved);
  const start = aligned ? roundUp(base + page, HUGE_PAGE) : base + page;
  try {
    memory.commit(start, whole);
    if (aligned) memory.adviseHuge(start, whole);
    if (whole > accessible) {
      // The last huge page is taken and its end given back: what is left still lies in one piece of physical memory, where
      // single pages lie anywhere and displace each other from the second-level cache.
      memory.write(start + accessible - 1, new Uint8Array(1));
      memory.decommit(start + accessible, whole - accessible);
    }
  } catch (error) {
    memory.release(base, reserved);
    throw error;
  }
  usage.regions += 1;
  usage.bytes += accessible;
  return { start, bytes: accessible, reservation: { base, bytes: reserved } };
}

/** Gives memory and address space back. */
export function unmapRegion(memory: VirtualMemory, usage: Usage, region: Region): void {
  memory.release(region.reservation.base, region.reservation.bytes);
  usage.regions -= 1;
  usage.bytes -= region.bytes;
}

/** Gives the memory back and leaves the address space taken, so that nothing else can come to lie there. */
export function quarantineRegion(memory: VirtualMemory, usage: Usage, region: Region): void {
  memory.decommit(region.start, region.bytes);
  usage.regions -= 1;
  usage.bytes -= region.bytes;
}
