/** A block of memory that is in use from stage `first` to stage `last`, both included. */
export type Block = { readonly bytes: number; readonly first: number; readonly last: number };

/** What vector loads and stores like best, and a cache line. */
export const alignment = 64;
export const alignUp = (bytes: number, to: number = alignment): number => Math.ceil(bytes / to) * to;

const overlaps = (a: Block, b: Block): boolean => a.first <= b.last && b.first <= a.last;

/**
 * Offsets for blocks such that no two that are in use at once overlap: the largest first, each at the lowest gap that holds
 * it (first fit by decreasing size). Small arenas stay in the caches.
 */
export function place(blocks: readonly Block[]): { readonly offsets: readonly number[]; readonly bytes: number } {
  const offsets = new Array<number>(blocks.length).fill(0);
  const order = blocks.map((_, i) => i).sort((i, j) => blocks[j]!.bytes - blocks[i]!.bytes || i - j);
  const placed: number[] = [];
  let end = 0;
  for (const i of order) {
    const block = blocks[i]!;
    const rivals = placed.filter((j) => overlaps(block, blocks[j]!)).sort((a, b) => offsets[a]! - offsets[b]!);
    let at = 0;
    for (const j of rivals) {
      if (at + block.bytes <= offsets[j]!) break;
      at = Math.max(at, alignUp(offsets[j]! + blocks[j]!.bytes));
    }
    offsets[i] = at;
    placed.push(i);
    end = Math.max(end, at + block.bytes);
  }
  return { offsets, bytes: alignUp(end) };
}
