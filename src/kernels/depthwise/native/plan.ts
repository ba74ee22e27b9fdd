import { macsOf, workOf } from '../../conv/native/plan.ts';
import type { ConvSpec } from '../../conv/native/spec.ts';
import type { Layout } from './layout.ts';

/** How rows are shared out: row tiles of `layout.shape.rows` output rows, one more of a single row where they don't divide. */
export type Plan = {
  readonly fullTiles: number;
  readonly lastRow: boolean;
  readonly tilesInChunk: number;
  readonly chunks: number;
};

/** The least and the most multiply-adds of a claimable tile: 2 to 15 µs. */
const LEAST = 1.5e5;
const MOST = 1.2e6;

export function planOf(spec: ConvSpec, { shape, blocks }: Layout): Plan {
  const { output, kernel } = spec;
  const { h, w, c } = output.shape;
  const fullTiles = Math.floor(h / shape.rows);
  const tiles = Math.ceil(h / shape.rows);
  const work = shape.rows * w * c * kernel.h * kernel.w;
  const chunks = Math.ceil(tiles / Math.max(1, Math.round(workOf(macsOf(spec), LEAST, MOST) / work)));
  const together = Math.max(...blocks.map((block) => block.rows));
  let tilesInChunk = Math.max(together, Math.ceil(tiles / chunks));
  // No chunk has fewer rows than a vector: its last ones overlap, and no two threads write the same.
  while (tiles % tilesInChunk !== 0 && tiles % tilesInChunk < together) tilesInChunk++;
  return { fullTiles, lastRow: fullTiles < tiles, tilesInChunk, chunks: Math.ceil(tiles / tilesInChunk) };
}
