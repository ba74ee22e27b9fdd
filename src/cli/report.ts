import { basename } from 'node:path';
import type { QuantizedModel } from '../api/quantize.ts';
import { describeWarning } from '../api/warnings.ts';
import { readBytes, writeWhole } from '../base/files.ts';
import { type Config, parseConfig } from '../quantize/config.ts';
import { buildReport } from '../report/build.ts';
import { renderReport } from '../report/html.ts';
import type { BackendName } from '../runtime/backends.ts';
import type { Opened } from './inputs.ts';
import { terminalProgress } from './progress.ts';

type Options = { readonly output: string; readonly report: string; readonly backend: BackendName | 'auto' };

/** Writes the report of a model that has just been quantized, beside its stages. */
export async function reportQuantized(
  path: string,
  { stages, warnings, ranges }: QuantizedModel,
  opened: Opened,
  { output, report, backend }: Options,
  signal: AbortSignal,
): Promise<void> {
  const data = await buildReport(stages.c, {
    title: basename(output),
    facts: [
      ['made from', path],
      ['calibrated', `with ${ranges.samples} samples, ranges by ${ranges.method}`],
    ],
    reference: stages.a,
    quantized: stages.b,
    data: opened,
    warnings,
    backend,
    progress: terminalProgress(),
    signal,
  });
  signal.throwIfAborted();
  await writeWhole(report, renderReport(data));
}

/** The configuration in a file. Throws `UserError` naming the file and what is wrong in it. */
export async function loadConfig(file: string): Promise<Config> {
  return parseConfig(new TextDecoder().decode(await readBytes(file)), { file });
}

/** Warnings as lines of text, each kind by its name. */
export const warningText = (warnings: QuantizedModel['warnings']): string =>
  warnings.map((warning) => `${describeWarning(warning)}\n`).join('');
