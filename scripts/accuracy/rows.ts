import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeWhole } from '../../src/base/files.ts';
import type { Figures } from '../../src/data/meters.ts';

export const variants = ['fp32', 'int8 per tensor', 'int8 per channel', 'int8 effort high'] as const;
export type Variant = (typeof variants)[number];
export type Runtime = 'octet' | 'tensorflow';

/** One variant of a model in one runtime, measured. */
export type Row = {
  readonly model: string;
  readonly variant: Variant;
  readonly runtime: Runtime;
  /** Against the labels, and against octet's fp32 (`agreement`, `sqnr`). */
  readonly figures: Figures;
  /** Share of predictions (or boxes) that are octet's for the same graph: TensorFlow's rows only. */
  readonly same?: number;
  /** The same with `rounding: 'tensorflow'`. */
  readonly exact?: number;
  readonly samples: number;
  /** Milliseconds a sample, in the model alone. */
  readonly milliseconds: number;
  /** What it was measured with: see `sourcesDigest`. */
  readonly sources: string;
  readonly limit?: number;
};

const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = join(root, '.cache/accuracy');
const fileOf = (model: string, variant: Variant, runtime: Runtime): string =>
  join(folder, `${model}.${variant.replaceAll(' ', '-')}.${runtime}.json`);

/** Finished rows lie in .cache/accuracy, so that a run that was stopped goes on where it was. */
export async function storedRow(model: string, variant: Variant, runtime: Runtime): Promise<Row | undefined> {
  const file = fileOf(model, variant, runtime);
  return existsSync(file) ? (JSON.parse(await readFile(file, 'utf8')) as Row) : undefined;
}

export async function storeRow(row: Row): Promise<void> {
  await mkdir(folder, { recursive: true });
  await writeWhole(fileOf(row.model, row.variant, row.runtime), `${JSON.stringify(row, null, 1)}\n`);
}

/** Layers whose sources decide the figures. The engine's own do not: its int8 bytes are those of the reference kernels. */
const layers = ['api', 'base', 'data', 'formats', 'graph', 'optimize', 'quantize', 'zoo'];

/** A digest of the sources that decide the figures: rows of other sources are measured again. */
export function sourcesDigest(): string {
  const hash = createHash('sha256');
  const files = layers.flatMap((layer) =>
    readdirSync(join(root, 'src', layer), { recursive: true, encoding: 'utf8' }).map((file) => join(layer, file)),
  );
  for (const file of files.filter((one) => one.endsWith('.ts')).sort())
    hash.update(file).update(readFileSync(join(root, 'src', file)));
  return hash.digest('hex').slice(0, 16);
}
