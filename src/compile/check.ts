import { InternalError } from '../base/errors.ts';
import type { Access, Step } from '../kernels/native-kernel.ts';

/** Bytes `[begin, end)` of the arena or the constants. */
export type Region = Omit<Access, 'mode'>;

/** What a step may touch. */
export type Allowed = { readonly reads: readonly Region[]; readonly writes: readonly Region[] };

/** Kernels load whole vectors: so far past the end of what they read, inside of the memory that is mapped. */
export const overread = 256;

const holds = (region: Region, access: Access): boolean =>
  region.base === access.base && region.begin <= access.begin && access.end <= region.end;

/**
 * Throws `InternalError` unless all that a step says it touches lies in what it may touch, and that in the memory there is.
 * Called before a byte of the step's code is emitted, so that no plan, however it came about, can make generated code
 * read or write elsewhere.
 */
export function checkStep(
  step: Step,
  { reads, writes }: Allowed,
  sizes: Readonly<Record<Access['base'], number>>,
): void {
  for (const access of step.accesses) {
    const { base, mode, begin, end } = access;
    const isWhole = Number.isSafeInteger(begin) && Number.isSafeInteger(end) && begin >= 0 && begin <= end;
    const isMapped = isWhole && end <= sizes[base];
    const regions = mode === 'read' ? [...reads, ...writes] : writes;
    if (!isMapped || (begin < end && !regions.some((region) => holds(region, access))))
      throw new InternalError(`the step ${step.name} would ${mode} bytes ${begin} to ${end} of the ${base}`);
  }
  if (!Number.isInteger(step.tiles) || step.tiles < 1 || step.tiles > maxTiles)
    throw new InternalError(`the step ${step.name} has ${step.tiles} tiles`);
}

/** Counters are 32 bits, and each thread counts one too far. */
const maxTiles = 2 ** 30;

/** `region` and the over-read behind and before it. */
export const widened = ({ base, begin, end }: Region, size: number): Region => ({
  base,
  begin: Math.max(0, begin - overread),
  end: Math.min(size, end + overread),
});
