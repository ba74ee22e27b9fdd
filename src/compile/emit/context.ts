import type { Step } from '../../kernels/native-kernel.ts';
import { alignUp } from '../memory.ts';
import type { Part, Stage } from '../program.ts';

/**
 * What generated code finds at `ctx`, by byte. Up to `cancel` a run's memory says what it is; from there on words change
 * while a run is under way, and are set anew for each (`controlOf`).
 */
export const contextLayout = {
  /** Address of the arena; with images, of the first thread's. */
  arena: 0,
  constants: 8,
  /** Addresses of the images' inputs and of their outputs, an image's behind the one's before. */
  inputs: 16,
  outputs: 24,
  /** Bytes from one arena to the next. */
  arenaStride: 32,
  /** uint32 each: how many images, and for how many threads there are arenas. */
  images: 40,
  arenas: 44,
  /** Address of `void yield()`, called by threads that wait long; 0 for none. */
  yield: 48,
  /** uint32: how many images a thread claims at once; it has as many arenas, one behind the other. */
  group: 56,
  /** uint32: into how many shares the tiles of each step are cut. */
  shares: 60,
  /** Not 0: stop before the next tile. */
  cancel: 64,
  /** Threads that have come; images that have been claimed. */
  threads: 128,
  claimedImages: 192,
  /** For each stage uint32: tiles done. Behind that the shares. */
  done: 256,
} as const;

/** Shares lie apart by cache lines, since each is mostly one thread's; of each step they have `next` and `end`, uint32. */
export const tileBytes = 8;

export type ControlPlan = {
  readonly stages: readonly Stage[];
  readonly steps: readonly Step[];
  /** Byte of the first share, and bytes from one share to the next. */
  readonly sharesAt: number;
  readonly shareBytes: number;
};

export function controlPlan(parts: readonly Part[]): ControlPlan {
  const stages = parts.flatMap((part) => (part.kind === 'native' ? part.stages : []));
  const steps = stages.flatMap((stage) => stage.steps);
  const sharesAt = alignUp(contextLayout.done + 4 * stages.length);
  return { stages, steps, sharesAt, shareBytes: alignUp(tileBytes * steps.length) };
}

/** With more threads several have one share: a thread looks through all of them before it leaves a stage. */
const mostShares = 8;

/**
 * The words from `cancel` on as a run finds them: each thread has a share of each step's tiles, of which it claims one by
 * one, and then what others have not claimed of theirs. Tiles are numbered through the rows of pictures, so a thread reads
 * mostly what it wrote itself: lines that another core has written take three times as long.
 */
export function controlOf(
  parts: readonly Part[],
  threads: number,
): { words: Uint32Array<ArrayBuffer>; shares: number } {
  const { steps, sharesAt, shareBytes } = controlPlan(parts);
  const shares = Math.min(threads, mostShares);
  const words = new Uint32Array((sharesAt + shares * shareBytes - contextLayout.cancel) / 4);
  for (let share = 0; share < shares; share++)
    for (const [i, { tiles }] of steps.entries()) {
      const at = (sharesAt + share * shareBytes + i * tileBytes - contextLayout.cancel) / 4;
      words[at] = Math.floor((tiles * share) / shares);
      words[at + 1] = Math.floor((tiles * (share + 1)) / shares);
    }
  return { words, shares };
}
