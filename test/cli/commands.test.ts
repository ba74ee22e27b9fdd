import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { save } from '../../src/formats/index.ts';
import { smallModel } from '../support/small-models.ts';
import { expectNothingHalfWritten, expectUserError, octet, start, workFolder } from './support.ts';

const work = workFolder('commands');
const model = work.path('model.pb');

beforeAll(async () => {
  const network = smallModel([null, 8, 8, 3], (l) => {
    const x = l.unary('Relu', 'relu1', l.batchNorm('bn', l.conv('conv1', l.input, [3, 8]), 8));
    const y = l.unary('Relu', 'relu2', l.add('add', l.bias('bias', l.conv('conv2', x, [8, 8]), 8), x));
    return l.matmul('logits', l.mean('mean', l.pool('MaxPool', 'pool', y)), [8, 4]);
  });
  await save(network, model);
  await save(network, work.path('saved'));
  const wide = smallModel([null, 96, 96, 16], (l) => l.unary('Relu', 'relu', l.conv('conv', l.input, [16, 32])));
  await save(wide, work.path('wide.pb'));
});
afterAll(() => {
  expectNothingHalfWritten(work.path('.'));
  work.remove();
});

/** Runs a command that must succeed, and parses what `--json` gives: nothing but JSON may be on stdout. */
async function json(...args: readonly string[]) {
  const { code, stdout, stderr } = await octet(...args, '--json');
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout);
}
const data = ['--data', 'random', '--samples', '8'] as const;

test.concurrent('stage by stage gives the model that quantize gives', async () => {
  const stage = (name: string) => work.path(`stages/${name}`);
  const whole = await json(
    'quantize',
    model,
    ...data,
    '-o',
    stage('int8.pb'),
    '--keep-stages',
    stage(''),
    '--method',
    'minmax',
  );
  expect(whole).toMatchObject({ samples: 8, skipped: [], int8: { nodes: 3 }, fp32: [] });
  const [a, b] = [stage('a.optimized.pb'), stage('b.quantized.pb')];
  for (const file of [a, b]) expect((await json('run', file, '--input', 'random')).outputs).toHaveLength(1);

  await json('calibrate', a, ...data, '-o', stage('again.json'), '--method', 'minmax');
  expect(readFileSync(stage('again.json'), 'utf8')).toBe(readFileSync(stage('ranges.json'), 'utf8'));
  await json('fuse', b, '--ranges', stage('again.json'), '-o', stage('fused.pb'));
  expect(readFileSync(stage('fused.pb')).equals(readFileSync(stage('int8.pb')))).toBe(true);

  // The ranges of each run of (b), as JSON and as the original tools' log: the same values.
  await json('calibrate', b, ...data, '-o', stage('b.json'));
  await json('calibrate', b, ...data, '-o', stage('b.log'), '--log');
  expect(readFileSync(stage('b.log'), 'utf8')).toMatch(/^;x__print__;__requant_min_max:\[-[\d.]+\]\[[\d.]+\]$/m);
  await json('fuse', b, '--ranges', stage('b.json'), '-o', stage('by-json.pb'));
  await json('fuse', b, '--ranges', stage('b.log'), '-o', stage('by-log.pb'));
  expect(readFileSync(stage('by-log.pb')).equals(readFileSync(stage('by-json.pb')))).toBe(true);

  // An edited range is taken.
  const edited = JSON.parse(readFileSync(stage('ranges.json'), 'utf8'));
  edited.ranges.relu1.max = 3;
  writeFileSync(stage('edited.json'), JSON.stringify(edited));
  await json('fuse', b, '--ranges', stage('edited.json'), '-o', stage('edited.pbtxt'));
  expect(readFileSync(stage('edited.pbtxt'), 'utf8')).toMatch(/float_val: 3$/m);

  const layers = await json('compare', model, stage('int8.pb'), ...data);
  expect(layers.map(({ layer }: { layer: string }) => layer)).toContain('logits');
  for (const { sqnr } of layers) expect(sqnr).toBeGreaterThan(20);
  const measured = await json('evaluate', stage('int8.pb'), '--data', 'random', '--limit', '8', '--reference', model);
  expect(measured.figures.sqnr).toBeGreaterThan(20);

  expectUserError(await octet('quantize', stage('int8.pb'), ...data, '-o', stage('twice.pb')), /quantized already/);
}, 240_000);

test.concurrent('optimize and quantize read and write SavedModels; signatures and tags are listed where one is misnamed', async () => {
  await json('optimize', work.path('saved'), '-o', work.path('optimized'));
  expect((await json('inspect', work.path('optimized'))).inputs).toEqual([
    { key: 'x', dtype: 'float32', shape: [null, 8, 8, 3] },
  ]);
  expectUserError(
    await octet('inspect', work.path('saved'), '--signature', 'no'),
    /'no' — choose one of: serving_default/,
  );
  expectUserError(await octet('inspect', work.path('saved'), '--tags', 'gpu'), /\[gpu\] — there are: \[serve\]/);
  expectUserError(await octet('inspect', model, '--outputs', 'logit'), /node 'logit': the graph has no such node/);
  expectUserError(
    await octet('optimize', model, '-o', work.path('p.pb'), '--passes', 'fold'),
    /no pass 'fold' — there are: /,
  );
});

test.concurrent('options that do not exist are refused in one line that names the help', async () => {
  expectUserError(await octet('inspect', model, '--jsn'), /unknown option '--jsn'.*see octet inspect --help/);
  expectUserError(await octet('quantise'), /unknown command 'quantise'.*quantize.*see octet --help/);
  expectUserError(await octet('quantize', model, '--data', 'random'), /required option '-o, --output <path>'/);
  expectUserError(
    await octet('run', model, '--input', 'random', '--backend', 'gpu'),
    /'gpu' is invalid.*native, reference, auto/,
  );
});

test.concurrent('help goes to stdout, for octet and for each command', async () => {
  const { code, stdout } = await octet('--help');
  expect(code).toBe(0);
  for (const name of ['inspect', 'optimize', 'quantize', 'calibrate', 'fuse', 'evaluate', 'compare', 'run'])
    expect(stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  expect((await octet('quantize', '--help')).stdout).toMatch(/--keep-stages <folder>/);
});

test.concurrent('what is excluded stays in fp32; a name that excludes nothing is pointed out', async () => {
  const output = work.path('excluded.pb');
  const { code, stdout, stderr } = await octet(
    'quantize',
    model,
    ...data,
    '-o',
    output,
    '--exclude-node',
    'conv2,nobody',
    '--exclude-op',
    'MatMul',
  );
  expect(code, stderr).toBe(0);
  expect(stderr).toContain("no node 'nobody'");
  expect(stdout).toMatch(/^1 op in int8/m);
});

/** Starts a command, interrupts it when `begun` holds, and waits for its end. */
async function interrupted(args: readonly string[], begun: (stderr: string) => boolean) {
  const { child, ended, stderr } = start(args);
  const deadline = Date.now() + 30_000;
  while (!begun(stderr()) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 20));
  child.kill('SIGINT');
  return ended;
}

test.concurrent('Ctrl-C while quantizing: exit code 130, one line, no output', async () => {
  const output = work.path('interrupted.pb');
  const args = ['quantize', work.path('wide.pb'), '--data', 'random', '-o', output, '--json'];
  const { code, stdout, stderr } = await interrupted(args, (text) => text.includes('calibrating'));
  expect(code, stderr).toBe(130);
  expect(stdout).toBe('');
  expect(stderr).toMatch(/^octet: interrupted$/m);
  expect(existsSync(output)).toBe(false);
});

test.concurrent('Ctrl-C while calibrating: what was seen is kept, and the next run goes on from there', async () => {
  const output = work.path('resumed/ranges.json');
  const args = ['calibrate', work.path('wide.pb'), '--data', 'random', '--samples', '100', '-o', output];
  const { code, stderr } = await interrupted(args, () => existsSync(`${output}.partial`));
  expect(code, stderr).toBe(130);
  expect(existsSync(output)).toBe(false);
  expect((await json(...args)).samples).toBe(100);
  expect(readdirSync(work.path('resumed'))).toEqual(['ranges.json']);
}, 240_000);
