import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, it } from 'vitest';
import { savable } from '../../src/api/model.ts';
import { load } from '../../src/formats/load.ts';
import { model } from './support.ts';

const folder = mkdtempSync(join(tmpdir(), 'octet-tune-'));
afterAll(() => rmSync(folder, { recursive: true }));
const at = (name: string): string => join(folder, name);

type Saved = { readonly trials: readonly { fp32: string[]; figure: number; seconds: number }[] };
const state = (): Saved => JSON.parse(readFileSync(at('best.tune.json'), 'utf8')) as Saved;

function start() {
  const cli = fileURLToPath(new URL('../../src/cli.ts', import.meta.url));
  const files = [at('model.pb'), '-o', at('best.pb'), '--data', 'random', '--recipe', at('recipe.json')];
  const goal = ['--metric', 'agreement', '--max-drop', '1', '--samples', '8', '--limit', '100', '--json'];
  const child = spawn(process.execPath, ['--import', 'tsx', cli, 'tune', ...files, ...goal]);
  const text = { out: '', error: '' };
  child.stdout.on('data', (chunk) => {
    text.out += chunk;
  });
  child.stderr.on('data', (chunk) => {
    text.error += chunk;
  });
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  return { child, ended, text };
}

it('goes on after SIGKILL, with the model and the trials that were finished', async () => {
  await savable(model()).save(at('model.pb'));
  const recipe = { name: 'test', inputs: [], metric: { kind: 'topK' } };
  writeFileSync(
    at('recipe.json'),
    JSON.stringify({ ...recipe, inputs: [{ name: 'x', from: { kind: 'feature', name: 'x', dtype: 'float32' } }] }),
  );
  const first = start();
  while (!existsSync(at('best.tune.json')) || state().trials.length === 0) {
    if (first.child.exitCode !== null) throw new Error(`ended before it was killed: ${first.text.error}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  first.child.kill('SIGKILL');
  await first.ended;
  const before = state().trials;
  expect((await load(at('best.pb'))).graph.nodes.size).toBeGreaterThan(0);
  const second = start();
  expect(await second.ended, second.text.error).toBe(0);
  const { trials, best, floor } = JSON.parse(second.text.out) as Saved & {
    best: { fp32: string[]; figure: number };
    floor: number;
  };
  expect(trials.slice(0, before.length)).toEqual(before);
  expect(trials.length).toBeGreaterThan(before.length);
  expect(best.figure).toBeGreaterThanOrEqual(floor);
  const { graph } = await load(at('best.pb'));
  for (const name of best.fp32) expect(graph.nodes.has(name)).toBe(true);
  const config = JSON.parse(readFileSync(at('best.config.json'), 'utf8')) as { rules: { node: string }[] };
  expect(config.rules.map((rule) => rule.node)).toEqual(best.fp32);
}, 120_000);
