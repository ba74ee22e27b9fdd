import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { load } from '../../src/api/model.ts';
import { main } from '../../src/cli/main.ts';
import { openHost } from '../../src/runtime/native/host/host.ts';

let folder = '';
const printed: string[] = [];
const complaints: string[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'octet-cli-'));
  printed.length = 0;
  complaints.length = 0;
  vi.spyOn(console, 'log').mockImplementation((line: string) => printed.push(line));
  vi.spyOn(console, 'error').mockImplementation((line: string) => complaints.push(line));
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true, force: true });
});

const octet = (...args: string[]): Promise<number> => main(['node', 'octet', ...args]);

it('lists networks and recipes', async () => {
  expect(await octet('zoo')).toBe(0);
  expect(printed.join('\n')).toMatch(/resnet50 +ResNet-50 v1/);
  printed.length = 0;
  expect(await octet('zoo', '--json')).toBe(0);
  const { networks, recipes } = JSON.parse(printed.join('\n'));
  expect(networks).toHaveLength(5);
  expect(recipes.map(({ name }: { name: string }) => name)).toContain('mobilenet_v2');
});

it('writes a network, and measures it', async () => {
  const path = join(folder, 'small.pb');
  expect(await octet('zoo', 'mobilenet_v2', '-o', path, '--size', '32', '--classes', '10')).toBe(0);
  expect((await load(path)).outputs).toMatchObject([{ key: 'predictions', shape: [null, 10] }]);
  printed.length = 0;
  expect(await octet('benchmark', path, '--runs', '2', '--batch', '2', '--backend', 'reference', '--json')).toBe(0);
  const [result] = JSON.parse(printed.join('\n'));
  expect(result).toMatchObject({ name: path, backend: 'reference', batch: 2, runs: 2 });
  expect(result.throughput).toBeGreaterThan(0);
});

const host = await openHost();
it.skipIf('unavailable' in host)('profiles the int8 form of a network', async () => {
  const path = join(folder, 'small.pb');
  await octet('zoo', 'mobilenet_v1', '-o', path, '--size', '32', '--classes', '10');
  printed.length = 0;
  expect(await octet('benchmark', path, '--int8', '--profile', '--json')).toBe(0);
  const [fp32, int8] = JSON.parse(printed.join('\n'));
  expect([fp32.name, int8.name]).toEqual([path, `${path} int8`]);
  const macs = (rows: { macs: number }[]) => rows.reduce((sum, row) => sum + row.macs, 0);
  expect(macs(int8.rows)).toBe(macs(fp32.rows));
  expect(fp32.rows.some(({ kernel }: { kernel: string }) => kernel.includes('f32'))).toBe(true);
});

it('says what is wrong with a name, a size, or nowhere to write', async () => {
  expect(await octet('zoo', 'resnet49', '-o', join(folder, 'x.pb'))).toBe(2);
  expect(await octet('zoo', 'inception_v3', '-o', join(folder, 'x.pb'), '--size', '40')).toBe(2);
  expect(await octet('zoo', 'resnet50')).toBe(2);
  expect(await octet('benchmark', 'zoo:resnet49')).toBe(2);
  expect(complaints).toEqual([
    expect.stringMatching(/no network 'resnet49' — choose one of resnet50, /),
    expect.stringMatching(/75 pixels at least/),
    expect.stringMatching(/add -o resnet50.pb/),
    expect.stringMatching(/no network 'resnet49'/),
  ]);
});
