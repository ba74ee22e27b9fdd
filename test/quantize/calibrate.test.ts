import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { silent } from '../../src/base/progress.ts';
import { tensor } from '../../src/base/tensor.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import { autoRanges, autoSamples } from '../../src/quantize/auto-ranges.ts';
import { calibrate, neverNegative, observedKeys } from '../../src/quantize/calibrate.ts';
import { observeModel } from '../../src/quantize/observe.ts';
import { quantizeGraph } from '../../src/quantize/quantize-graph.ts';
import { formatRanges } from '../../src/quantize/ranges.ts';
import { sitesOf } from '../../src/quantize/sites.ts';
import { reference } from '../../src/runtime/reference/open.ts';
import { model, samples } from '../support/small-calibration.ts';

const script = fileURLToPath(new URL('../support/small-calibration.ts', import.meta.url));

/** Runs the calibration as a process; says which samples it has run. */
function start(folder: string): { child: ChildProcess; lines: AsyncIterable<string> } {
  const child = spawn(process.execPath, ['--import', 'tsx', script, join(folder, 'state'), join(folder, 'ranges')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  return { child, lines: createInterface({ input: child.stdout! }) };
}

it('goes on where it was killed, to the same ranges', { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'octet-calibrate-'));
  try {
    const first = start(folder);
    for await (const line of first.lines) if (line === 'sample 13') first.child.kill('SIGKILL');
    if (first.child.signalCode === null) await once(first.child, 'exit');
    expect(first.child.signalCode).toBe('SIGKILL');
    const second: string[] = [];
    for await (const line of start(folder).lines) second.push(line);
    // The state was written after 10 samples: numbers 10 and up are run again.
    expect(second[0]).toBe('sample 10');
    const whole = await calibrate(model, samples(), { openRunner: reference });
    expect(await readFile(join(folder, 'ranges'), 'utf8')).toBe(formatRanges(whole));
    await expect(readFile(join(folder, 'state'))).rejects.toThrow('ENOENT');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function* of(...feeds: readonly Feeds[]) {
  yield* feeds;
}

it('names the node and the sample that is not finite, and an empty data set', async () => {
  const data = new Float32Array(2 * 8 * 8 * 4).fill(1);
  data[7] = Number.NaN;
  const poisoned = new Map([['x', tensor('float32', [2, 8, 8, 4], data)]]);
  const error = await calibrate(model, of(poisoned), { openRunner: reference }).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(UserError);
  expect((error as UserError).message).toMatch(/gives NaN for sample 0/);
  expect((error as UserError).place.node).toBe('x');
  await expect(calibrate(model, of(), { openRunner: reference })).rejects.toThrow('no samples');
});

it("tries 'auto' on the first samples, also of a calibration that goes on", async () => {
  const openRunner = reference;
  const seen = await observeModel(model, observedKeys(model), samples(), { openRunner });
  const feeds: Feeds[] = [];
  for await (const each of samples()) if (feeds.length < autoSamples) feeds.push(each);
  const sites = sitesOf(quantizeGraph(model, { isNonNegative: neverNegative(seen) }).graph);
  const expected = await autoRanges(model, seen, sites, { feeds, openRunner, progress: silent });
  expect(expected.ranges.size).toBeGreaterThan(0);
  expect(await calibrate(model, samples(), { openRunner, method: 'auto' })).toEqual(expected);
  expect(await calibrate(model, samples(), { openRunner, method: 'auto', resume: seen })).toEqual(expected);
});
