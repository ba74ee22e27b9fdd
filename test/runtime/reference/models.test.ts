import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { stringTensor, type Tensor, tensor, textAt } from '../../../src/base/tensor.ts';
import { load } from '../../../src/formats/load.ts';
import { parseValue } from '../../../src/graph/graph.ts';
import { encodeWav } from '../../../src/kernels/audio/wav.ts';
import { openReference } from '../../../src/runtime/reference/open.ts';
import { compile } from '../../../src/runtime/session.ts';
import { sharedPath } from '../../support/shared.ts';

/** What TensorFlow 2.21 gave, by record_models.py beside this file. */
const recorded = JSON.parse(readFileSync(new URL('models.golden.json', import.meta.url), 'utf8'));
type Outputs = Readonly<Record<string, readonly number[]>>;

function picture(size: number, scale = 1): Tensor {
  const data = new Float32Array(size * size * 3);
  for (let y = 0, i = 0; y < size; y++)
    for (let x = 0; x < size; x++)
      for (let c = 0; c < 3; c++) data[i++] = ((x * 7 + y * 13 + c * 29 + Math.floor((x * y) / 64)) % 256) / scale;
  return tensor('float32', [1, size, size, 3], data);
}

function sound(): Tensor {
  const samples = Float32Array.from({ length: 16000 }, (_, i) => (((i * i) % 20011) - 10005) / 32768);
  return encodeWav(tensor('float32', [16000, 1], samples), 16000);
}

/** Within 1e-4 of the largest value. */
function expectClose(got: Tensor, wanted: readonly number[], what: string): void {
  const range = Math.max(...wanted.map(Math.abs));
  expect(got.data.length, what).toBe(wanted.length);
  const worst = wanted.reduce((most, x, i) => Math.max(most, Math.abs(x - (got.data[i] as number))), 0);
  expect(worst / range, what).toBeLessThan(1e-4);
}

describe('the shared models give what TensorFlow gives', () => {
  it.for([
    ['ssd_mobilenet_v1_coco_loop.pb', 'image_tensor', () => picture(300)],
    ['ssd_mobilenet_v1_coco.pb', 'image_tensor', () => picture(300)],
    ['ds_cnn_kws.pb', 'wav_data', sound],
    ['resnet20_cifar10.pb', 'input', () => picture(32, 255)],
  ] as const)('%s', async ([name, key, input], { skip }) => {
    const path = sharedPath(`models/${name}`);
    if (path === undefined) return skip('the shared models are absent');
    const wanted = recorded[name] as Outputs;
    const model = await load(path);
    const runner = await openReference(model, Object.keys(wanted).map(parseValue));
    const out = await runner.run(new Map([[key, input()]]));
    for (const [i, [fetch, values]] of Object.entries(wanted).entries()) expectClose(out[i]!, values, fetch);
  });

  it('wide_deep_taxi: parsing, vocabularies, hashes, sparse embeddings', async ({ skip }) => {
    const path = sharedPath('models/wide_deep_taxi');
    if (path === undefined) return skip('the shared models are absent');
    const { examples, outputs, classes } = recorded.wide_deep_taxi as {
      examples: string[];
      outputs: Outputs;
      classes: string[];
    };
    using session = await compile(await load(path, { signature: 'predict' }));
    const serialized = stringTensor(examples.map((text) => new Uint8Array(Buffer.from(text, 'base64'))));
    const got = await session.run({ examples: serialized });
    for (const [key, values] of Object.entries(outputs)) expectClose(got[key]!, values, key);
    expect(classes.map((_, i) => textAt(got.classes as Tensor<'string'>, i))).toEqual(classes);
  });
});
