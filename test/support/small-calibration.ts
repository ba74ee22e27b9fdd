import { fileURLToPath } from 'node:url';
import { writeWhole } from '../../src/base/files.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import { calibrate } from '../../src/quantize/calibrate.ts';
import { openState } from '../../src/quantize/observers/state.ts';
import { formatRanges } from '../../src/quantize/ranges.ts';
import { reference } from '../../src/runtime/reference/open.ts';
import { normalInput, smallModel } from './small-models.ts';

/** A model and samples to calibrate; run as a program, it says which samples it runs, slowly enough to be killed. */
export const model = smallModel([null, 8, 8, 4], (l) =>
  l.unary('Relu', 'y', l.bias('bias', l.conv('conv', l.input, [4, 8]), 8)),
);

export async function* samples(): AsyncGenerator<Feeds> {
  for (let seed = 0; seed < 25; seed++) yield new Map([['x', normalInput([2, 8, 8, 4], seed)]]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , statePath, rangesPath] = process.argv as [string, string, string, string];
  const state = await openState(statePath, 'small');
  const visit = (sample: number): void => console.log(`sample ${sample}`);
  const save: typeof state.save = async (seen) => {
    await state.save(seen);
    await new Promise((resolve) => setTimeout(resolve, 50));
  };
  const ranges = await calibrate(model, samples(), { openRunner: reference, resume: state.resume, save, visit });
  await writeWhole(rangesPath, formatRanges(ranges));
  await state.done();
}
