import { expect, it, vi } from 'vitest';
import { benchmark, profileModel } from '../../src/api/benchmark.ts';
import { UserError } from '../../src/base/errors.ts';
import { openHost } from '../../src/runtime/native/host/host.ts';
import { measurePeak } from '../../src/runtime/native/peak.ts';
import { smallModel } from '../support/small-models.ts';

const host = await openHost();
const hasNative = !('unavailable' in host);

const model = (batch: number | null) =>
  smallModel([batch, 8, 8, 3], ({ input, conv, bias, unary }) =>
    unary('Relu', 'relu', bias('bias', conv('conv', input, [3, 16]), 16)),
  );

it('times models run by run, as often as is asked for', async () => {
  const subjects = ['first', 'second'].map((name) => ({ name, model: model(null) }));
  const results = await benchmark(subjects, { batch: 3, runs: 7, backend: 'reference' });
  expect(results.map(({ name }) => name)).toEqual(['first', 'second']);
  for (const { backend, batch, runs, latency, throughput, firstRunMs, residentBytes } of results) {
    expect({ backend, batch, runs }).toEqual({ backend: 'reference', batch: 3, runs: 7 });
    expect(latency.min).toBeGreaterThan(0);
    const ordered = [latency.min, latency.median, latency.p90, latency.p99, latency.max];
    expect(ordered).toEqual(ordered.toSorted((a, b) => a - b));
    expect(throughput).toBeCloseTo(3000 / latency.median, 6);
    expect(firstRunMs).toBeGreaterThan(0);
    expect(residentBytes).toBeGreaterThan(1e7);
  }
});

it('goes on until the time is over where no number of runs is given', async () => {
  const [result] = await benchmark([{ name: 'x', model: model(null) }], { seconds: 0.2, backend: 'reference' });
  expect(result!.runs).toBeGreaterThanOrEqual(5);
});

it('refuses a batch that the model has no room for', async () => {
  const run = benchmark([{ name: 'x', model: model(1) }], { batch: 2, backend: 'reference' });
  await expect(run).rejects.toThrow(UserError);
  await expect(run).rejects.toThrow(/\[1,8,8,3\].*batch of 2/);
  expect(await benchmark([{ name: 'x', model: model(2) }], { batch: 2, runs: 1, backend: 'reference' })).toHaveLength(
    1,
  );
});

it('stops when it is aborted', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(benchmark([{ name: 'x', model: model(null) }], { signal, backend: 'reference' })).rejects.toThrow(
    'enough',
  );
});

it.skipIf(!hasNative)('profiles each step beside the limit', async () => {
  const { processor, isa, threads, peak, rows } = await profileModel(model(null));
  expect(processor).not.toBe('');
  expect(isa).toMatch(/^avx/);
  expect(threads).toBe(1);
  expect(peak.int8).toBeGreaterThan(peak.float32);
  expect(rows.reduce((sum, { macs }) => sum + macs, 0)).toBe(8 * 8 * 9 * 3 * 16);
  for (const { ms, macs, gmacsPerSecond, share } of rows) {
    expect(ms).toBeGreaterThanOrEqual(0);
    expect(share === undefined).toBe(macs === 0);
    if (share !== undefined) expect(share).toBeCloseTo(gmacsPerSecond / peak.float32, 6);
  }
});

it('goes without a figure for memory where the system does not tell', async () => {
  const refused = vi.spyOn(process.memoryUsage, 'rss').mockImplementation(() => {
    throw new Error('ENOENT: no such file or directory, uv_resident_set_memory');
  });
  const [result] = await benchmark([{ name: 'x', model: model(null) }], { runs: 1, backend: 'reference' });
  refused.mockRestore();
  expect(result!.runs).toBe(1);
  expect(result).not.toHaveProperty('residentBytes');
});

it.skipIf(!hasNative)('stops profiling when it is aborted', async () => {
  const interrupt = new AbortController();
  const profiled = profileModel(model(null), { signal: interrupt.signal });
  interrupt.abort(new Error('enough'));
  await expect(profiled).rejects.toThrow('enough');
});

it.skipIf(!hasNative)('measures limits that are plausible for any processor with AVX2', () => {
  if ('unavailable' in host) throw new Error(host.unavailable);
  for (const isa of host.isas) {
    const { int8, float32 } = measurePeak(host, isa);
    // 8 lanes once a cycle at 500 MHz; 32 lanes twice at 8 GHz.
    expect(float32).toBeGreaterThan(4);
    expect(float32).toBeLessThan(512);
    // Two or four times the multiply-adds in an instruction.
    expect(int8 / float32).toBeGreaterThan(1);
    expect(int8 / float32).toBeLessThan(10);
  }
});
