import { readFile, rm } from 'node:fs/promises';
import { writeWhole } from '../../base/files.ts';
import type { Observations } from '../observe.ts';
import { type Distribution, fromJson, toJson } from './distribution.ts';

const format = 'octet-observations';

/** A file that what has been seen is kept in while calibration runs, so that it can go on after being killed. */
export type State = {
  /** What an earlier run of the same calibration left. */
  readonly resume: Observations | undefined;
  /** Writes what has been seen, whole, after every few samples. */
  readonly save: (seen: Observations) => Promise<void>;
  /** Removes the file: the result has been written. */
  readonly done: () => Promise<void>;
};

/**
 * Opens the state of a calibration at `path`. `fingerprint` says what is calibrated, on what: a file with another one, or
 * one that is not whole, is not used.
 */
export async function openState(path: string, fingerprint: string, every = 10): Promise<State> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return {
    resume: text === undefined ? undefined : parseObservations(text, fingerprint),
    save: async (seen) => {
      if (seen.samples % every === 0) await writeWhole(path, formatObservations(seen, fingerprint));
    },
    done: () => rm(path, { force: true }),
  };
}

/** What has been seen, as JSON text. */
export const formatObservations = ({ samples, values }: Observations, fingerprint: string): string =>
  JSON.stringify({
    format,
    version: 2,
    fingerprint,
    samples,
    values: [...values].map(([key, distribution]) => [key, toJson(distribution)]),
  });

/** What `formatObservations` wrote; undefined where the text is anything else, or of another fingerprint. */
export function parseObservations(text: string, fingerprint: string): Observations | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof json !== 'object' || json === null) return undefined;
  const { format: found, version, fingerprint: of, samples, values } = json as Record<string, unknown>;
  const isOurs = found === format && version === 2 && of === fingerprint;
  if (!isOurs || !Number.isSafeInteger(samples) || !Array.isArray(values)) return undefined;
  const distributions = new Map<string, Distribution>();
  for (const entry of values as unknown[]) {
    const [key, value] = Array.isArray(entry) ? entry : [];
    const distribution = fromJson(value);
    if (typeof key !== 'string' || distribution === undefined) return undefined;
    distributions.set(key, distribution);
  }
  return { samples: samples as number, values: distributions };
}
