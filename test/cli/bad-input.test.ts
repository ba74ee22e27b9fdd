import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { fromBinary, toBinary } from '@bufbuild/protobuf';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringTensor, type Tensor, tensor } from '../../src/base/tensor.ts';
import { save } from '../../src/formats/index.ts';
import { writeNpz } from '../../src/formats/npz.ts';
import { SavedModelSchema } from '../../src/formats/proto/gen/octet/tensorflow/saved_model_pb.ts';
import { smallModel } from '../support/small-models.ts';
import { expectNothingHalfWritten, expectUserError, octet, start, workFolder } from './support.ts';

/** Every way that input can be bad, through the command line: what a user sees, and what is left behind. */
const work = workFolder('bad-input');
const model = work.path('model.pb');
const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/saved_models/${name}`, import.meta.url));
const recipe = {
  name: 'pictures',
  inputs: [
    {
      name: 'x',
      from: {
        kind: 'image',
        resize: { mode: 'exact', height: 8, width: 8, filter: 'bilinear' },
      },
    },
  ],
};

beforeAll(async () => {
  await save(
    smallModel([null, 8, 8, 3], (l) => l.unary('Relu', 'relu', l.conv('conv', l.input, [3, 4]))),
    model,
  );
});
afterAll(() => {
  expectNothingHalfWritten(work.path('.'));
  work.remove();
});

const put = (name: string, contents: string | Uint8Array): string => {
  writeFileSync(work.path(name), contents);
  return work.path(name);
};
const copyOf = (name: string, as: string): string => {
  cpSync(fixture(name), work.path(as), { recursive: true });
  return work.path(as);
};
let outputs = 0;
/** Runs `octet quantize`; where it fails it must leave no output. */
async function quantize(path: string, data = 'random', ...more: readonly string[]) {
  const output = work.path(`out/${outputs++}.pb`);
  const ended = await octet('quantize', path, '--data', data, '-o', output, '--samples', '4', ...more);
  if (ended.code !== 0) expect(existsSync(output)).toBe(false);
  return ended;
}

test.concurrent('a truncated protobuf', async () => {
  const bytes = readFileSync(model);
  expectUserError(
    await quantize(put('cut.pb', bytes.subarray(0, bytes.length - 100))),
    /cut\.pb: .*(cut|truncated|end)/,
  );
});

test.concurrent('a hostile protobuf: a tensor of a petabyte in a few bytes', async () => {
  const text = `node { name: "c" op: "Const" attr { key: "dtype" value { type: DT_FLOAT } } attr { key: "value" value {
    tensor { dtype: DT_FLOAT tensor_shape { dim { size: 1000000 } dim { size: 1000000000 } } float_val: 1 } } } }`;
  expectUserError(await octet('inspect', put('huge.pbtxt', text)), /huge\.pbtxt, node 'c'/);
});

test.concurrent('a file of noise', async () => {
  const noise = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) % 251);
  expectUserError(await quantize(put('noise.pb', noise)), /noise\.pb: /);
});

test.concurrent('a file larger than a protobuf can be', async () => {
  truncateSync(put('large.pb', ''), 2 ** 31 + 1);
  expectUserError(await octet('inspect', work.path('large.pb')), /large\.pb: is larger than a protobuf can be/);
});

const relu = (name: string, input: string) =>
  `node { name: "${name}" op: "Relu" input: "${input}" attr { key: "T" value { type: DT_FLOAT } } }\n`;
const placeholder = (dtype: string) =>
  `node { name: "x" op: "Placeholder" attr { key: "dtype" value { type: ${dtype} } } attr { key: "shape" value { shape { dim { size: 2 } } } } }\n`;

test.concurrent('a cyclic graph', async () => {
  const file = put('cycle.pbtxt', placeholder('DT_FLOAT') + relu('a', 'b') + relu('b', 'a'));
  expectUserError(await quantize(file), /cycle\.pbtxt, node '[ab]'.*cycle/);
});

test.concurrent('a missing input', async () => {
  expectUserError(await quantize(put('missing.pbtxt', relu('a', 'nobody'))), /missing\.pbtxt, node 'a'.*'nobody'/);
});

test.concurrent('duplicate names', async () => {
  const file = put('twice.pbtxt', placeholder('DT_FLOAT') + relu('a', 'x') + relu('a', 'x'));
  expectUserError(await quantize(file), /twice\.pbtxt, node 'a'.*(twice|two)/);
});

test.concurrent('wrong dtypes', async () => {
  const file = put('dtype.pbtxt', placeholder('DT_INT32') + relu('a', 'x'));
  expectUserError(await quantize(file), /dtype\.pbtxt, node 'a' \(Relu\).*int32/);
});

test.concurrent('a checkpoint with a bad checksum', async () => {
  const folder = copyOf('tf2', 'checksum');
  const file = `${folder}/variables/variables.data-00000-of-00001`;
  const bytes = readFileSync(file);
  bytes[8]! ^= 1;
  writeFileSync(file, bytes);
  expectUserError(await octet('optimize', folder, '-o', work.path('out/c.pb')), /variables.*checksum/);
  expect(existsSync(work.path('out/c.pb'))).toBe(false);
});

test.concurrent('a checkpoint with a missing shard', async () => {
  const folder = copyOf('tf2', 'shard');
  rmSync(`${folder}/variables/variables.data-00000-of-00001`);
  expectUserError(await octet('inspect', folder), /variables\.data-00000-of-00001/);
});

test.concurrent('an asset whose path leaves the folder of the model', async () => {
  const folder = copyOf('tf2', 'asset');
  const file = `${folder}/saved_model.pb`;
  const proto = fromBinary(SavedModelSchema, readFileSync(file));
  proto.metaGraphs[0]!.assetFileDef[0]!.filename = '../../../etc/passwd';
  writeFileSync(file, toBinary(SavedModelSchema, proto));
  expectUserError(await octet('inspect', folder), /\.\.\/etc\/passwd.*outside/);
});

test.concurrent('an empty data set', async () => {
  mkdirSync(work.path('empty'), { recursive: true });
  const file = put('empty.recipe.json', JSON.stringify(recipe));
  expectUserError(await quantize(model, work.path('empty'), '--recipe', file), /empty: holds no samples/);
});

test.concurrent('unreadable pictures among good ones are passed over and counted', async () => {
  mkdirSync(work.path('pictures'));
  for (let i = 0; i < 3; i++)
    await sharp({ create: { width: 20, height: 16, channels: 3, background: { r: 80 * i, g: 40, b: 99 } } })
      .jpeg()
      .toFile(work.path(`pictures/${i}.jpg`));
  put('pictures/0a.jpg', 'no picture at all');
  put('pictures/1a.png', readFileSync(work.path('pictures/1.jpg')).subarray(0, 80));
  const file = put('pictures.recipe.json', JSON.stringify(recipe));
  const { code, stdout, stderr } = await quantize(model, work.path('pictures'), '--recipe', file, '--json');
  expect(code, stderr).toBe(0);
  const { samples, skipped } = JSON.parse(stdout);
  expect(samples).toBe(3);
  expect(skipped.map((entry: { file: string }) => entry.file.replace(/.*\//, ''))).toEqual(['0a.jpg', '1a.png']);
});

test.concurrent('nothing but unreadable pictures', async () => {
  mkdirSync(work.path('spoilt'));
  put('spoilt/a.jpg', 'no picture');
  const file = put('spoilt.recipe.json', JSON.stringify(recipe));
  expectUserError(
    await quantize(model, work.path('spoilt'), '--recipe', file),
    /none of 1 samples could be read.*a\.jpg/,
  );
});

test.concurrent.each([Number.NaN, Number.POSITIVE_INFINITY])('%d in the activations', async (bad) => {
  const x = new Float32Array(8 * 8 * 3).fill(0.5);
  x[17] = bad;
  const data = put(`${bad}.npz`, writeNpz(new Map([['x', tensor('float32', [1, 8, 8, 3], x)]])));
  expectUserError(await quantize(model, data), /node 'x'.*gives (NaN|Infinity) for sample 0/);
});

test.concurrent('data that does not fit the model', async () => {
  const x = tensor('float32', [1, 4, 4, 3], new Float32Array(48));
  const data = put('small.npz', writeNpz(new Map([['x', x]])));
  expectUserError(
    await quantize(model, data),
    /input 'x' takes float32 \[\?,8,8,3\], the data gives float32 \[1,4,4,3\]/,
  );
});

test.concurrent('a picture, a folder and nothing in place of the model', async () => {
  const picture = put('picture.pb', Uint8Array.of(0xff, 0xd8, 0xff, 0xe0, 0, 0, 0, 0));
  expectUserError(await octet('inspect', picture), /picture\.pb: is a picture/);
  mkdirSync(work.path('folder'), { recursive: true });
  expectUserError(await octet('inspect', work.path('folder')), /folder: the folder holds no model/);
  expectUserError(await octet('inspect', work.path('nowhere.pb')), /nowhere\.pb: can't be read: there is no such file/);
});

test.concurrent('a place that can not be written to is refused before any work', async () => {
  const ended = await octet('quantize', model, '--data', 'random', '-o', `${model}/q.pb`);
  expectUserError(ended, /q\.pb: can't be written: part of the path is a file/);
  expect(ended.stderr).not.toContain('calibrating');
  expectUserError(
    await octet('quantize', model, '--data', 'random', '-o', work.path('q.onnx')),
    /does not write \.onnx/,
  );
  expectUserError(await octet('optimize', model, '-o', work.path('.')), /the folder holds other files/);
});

test.concurrent('a ranges file that is none, or has an entry that is none', async () => {
  const fuse = (ranges: string) => octet('fuse', model, '--ranges', ranges, '-o', work.path('out/f.pb'));
  expectUserError(await fuse(put('none.json', '{}')), /none\.json: is not a ranges file/);
  const entry = '{"format":"octet-ranges","version":1,"ranges":{"x":{"min":2,"max":1}}}';
  expectUserError(await fuse(put('entry.json', entry)), /entry\.json: the range of 'x'/);
  expect(existsSync(work.path('out/f.pb'))).toBe(false);
});

test.concurrent('a text that is no JSON is told of in one line, whatever it holds', async () => {
  const recipe = put('recipe.txt', 'not\n\u001b[31mJSON\n');
  const ended = await octet('quantize', model, '--data', 'random', '-o', work.path('r.pb'), '--config', recipe);
  expectUserError(ended, /recipe\.txt: is not JSON/);
  expect(ended.stderr.trimEnd().split('\n')).toHaveLength(1);
  expect(ended.stderr).not.toContain('\u001b');
});

test.concurrent('a recipe of the wrong shape: what stands there, and what may', async () => {
  const evaluate = (file: string, image: object) =>
    octet(
      'evaluate',
      model,
      '--data',
      'random',
      '--recipe',
      put(file, JSON.stringify({ name: 'r', inputs: [{ name: 'x', from: { kind: 'image', ...image } }] })),
    );
  expectUserError(
    await evaluate('mean.json', { mean: [1, 2] }),
    /from\.mean has 2 entries, not 3 — correct the recipe/,
  );
  expectUserError(
    await evaluate('resize.json', { resize: { mode: 'exact', width: 8, height: 8 } }),
    /from\.resize needs 'filter': one of .*bilinear/,
  );
});

test.concurrent('settings of the environment that make no sense', async () => {
  const inspect = (env: Readonly<Record<string, string>>) => start(['inspect', model], env).ended;
  expectUserError(await inspect({ OCTET_THREADS: 'many' }), /OCTET_THREADS is 'many' — set it to a whole number/);
  expectUserError(
    await inspect({ OCTET_ISA: 'sse' }),
    /'sse' is no instruction set that octet knows — use avx512_vnni/,
  );
});

test.concurrent('what is asked of benchmark and run must make sense', async () => {
  expectUserError(await octet('benchmark', model, '--seconds', 'abc'), /give a number above 0/);
  expectUserError(await octet('benchmark', model, '--isa', 'sse'), /'sse' is invalid.*avx2/);
  expectUserError(
    await octet('benchmark', model, '--profile', '--backend', 'reference'),
    /reference backend can't be timed/,
  );
  expectUserError(
    await octet('run', model, '--input', 'random', '--output', 'out.txt'),
    /out\.txt: outputs are written as \.npz/,
  );
  expectUserError(await octet('zoo', 'resnet49'), /there is no network 'resnet49'/);
});

test.concurrent('a report is refused where it can not be written, before any work', async () => {
  const ended = await octet('report', model, '--data', 'random', '-o', `${model}/report.html`);
  expectUserError(ended, /report\.html: can't be written: part of the path is a file/);
  expect(ended.stderr).not.toContain('evaluating');
});

test.concurrent('arrays that do not fit the input are refused, with what fits', async () => {
  const arrays = (name: string, x: Tensor) => put(name, writeNpz(new Map([['x', x]])));
  const run = (file: string) => octet('run', model, '--input', file);
  const wanted = /input 'x' takes float32 \[\?,8,8,3\], the data gives .* — correct the recipe or the data/;
  expectUserError(await run(arrays('shape.npz', tensor('float32', [1, 5, 4, 3], new Float32Array(60)))), wanted);
  expectUserError(await run(arrays('text.npz', stringTensor(['a'], [1]))), wanted);
  expectUserError(await run(put('bad.npz', Buffer.from('PK nonsense'))), /bad\.npz: is not an archive/);
});

test.concurrent('a reader that has seen enough ends the command without a word', async () => {
  const { child, ended } = start(['zoo', '--json']);
  child.stdout!.destroy();
  const { code, stderr } = await ended;
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
