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
import type { Model } from '../../src/graph/model.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import { autoRanges } from '../../src/quantize/auto-ranges.ts';
import { calibrate, neverNegative, observedKeys } from '../../src/quantize/calibrate.ts';
import { chooseRanges } from '../../src/quantize/choose-ranges.ts';
import { freezeRanges } from '../../src/quantize/freeze.ts';
import { observeModel } from '../../src/quantize/observe.ts';
import { methodNames } from '../../src/quantize/observers/methods.ts';
import { quantizeGraph } from '../../src/quantize/quantize-graph.ts';
import { formatRanges, type Ranges } from '../../src/quantize/ranges.ts';
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

it("'auto' changes the outputs no more than any method for all values does", async () => {
  const openRunner = reference;
  const seen = await observeModel(model, observedKeys(model), samples(), { openRunner });
  const feeds: Feeds[] = [];
  for await (const each of samples()) feeds.push(each);
  const b = quantizeGraph(model, { isNonNegative: neverNegative(seen) });
  const outputsOf = async (of: Model): Promise<number[]> => {
    const runner = await openRunner(
      of,
      of.outputs.map(({ value }) => value),
    );
    const all: number[] = [];
    for (const fed of feeds) for (const { data } of await runner.run(fed)) all.push(...(data as Float32Array));
    return all;
  };
  const expected = await outputsOf(model);
  const errorOf = async (ranges: Ranges): Promise<number> =>
    (await outputsOf(freezeRanges(b, ranges))).reduce((sum, y, i) => sum + (y - expected[i]!) ** 2, 0);
  const auto = await errorOf(await calibrate(model, samples(), { openRunner, method: 'auto' }));
  const others: number[] = [];
  for (const method of methodNames) others.push(await errorOf(chooseRanges(seen, sitesOf(b.graph), method)));
  expect(auto).toBeLessThanOrEqual(Math.min(...others) * (1 + 1e-9));
  expect(auto).toBeLessThan(Math.max(...others));
});

it('takes more samples than are usually enough where they are small, and no more where they are large', async () => {
  const keys = observedKeys(model);
  const options = { openRunner: reference, enough: 5 };
  const small = await observeModel(model, keys, samples(), options);
  expect(small.samples).toBeGreaterThan(5);
  const first = async function* (count: number) {
    for await (const feeds of samples()) if (count-- > 0) yield feeds;
  };
  const large = await observeModel(model, keys, first(5), options);
  for (const { histogram } of large.values.values()) histogram.zeros += 2 ** 24;
  const goneOn = await observeModel(model, keys, samples(), { ...options, resume: large });
  expect(goneOn.samples).toBe(5);
});

it("tries 'auto' on the first samples, also of a calibration that goes on", async () => {
  const openRunner = reference;
  const seen = await observeModel(model, observedKeys(model), samples(), { openRunner });
  const feeds: Feeds[] = [];
  for await (const each of samples()) feeds.push(each);
  const b = quantizeGraph(model, { isNonNegative: neverNegative(seen) });
  const int8 = async (ranges: Ranges) => freezeRanges(b, ranges);
  const expected = await autoRanges(model, seen, sitesOf(b.graph), { feeds, int8, openRunner, progress: silent });
  expect(expected.ranges.size).toBeGreaterThan(0);
  expect(await calibrate(model, samples(), { openRunner, method: 'auto' })).toEqual(expected);
  expect(await calibrate(model, samples(), { openRunner, method: 'auto', resume: seen })).toEqual(expected);
});
