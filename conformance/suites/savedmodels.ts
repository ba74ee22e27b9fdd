import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageOf } from '../../src/base/errors.ts';
import { stringTensor, type Tensor } from '../../src/base/tensor.ts';
import { load } from '../../src/formats/load.ts';
import { save } from '../../src/formats/save.ts';
import type { Model } from '../../src/graph/model.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import { openReference } from '../../src/runtime/reference/open.ts';
import { differenceOf, type Tolerance } from '../difference.ts';
import { loadReal, type RealModel, realModels } from '../models.ts';
import { normal } from '../ops/values.ts';
import { stagesOf } from '../pipeline.ts';
import { type Case, failed, type Outcome, passed, type Suite, skipped } from '../suite.ts';
import type { SignatureInfo, TensorFlow } from '../tensorflow.ts';

/** SavedModels through their signatures: as TensorFlow exported them, and as octet writes them again. */
export const savedModels: Suite = {
  about: 'SavedModels through their signatures, against TensorFlow',
  cases: async (tf) => [
    ...(await fixture(tf, 'tf1')),
    ...(await fixture(tf, 'tf2')),
    ...(await taxi(tf)),
    ...realModels()
      .filter(({ name }) => ['resnet20_cifar10', 'ncf_mlp_ml1m', 'wide_deep_taxi'].includes(name))
      .map(written),
  ],
};

const tolerance: Tolerance = { relative: 1e-4, absolute: 1e-5 };

/** Small SavedModels with variables, assets, tables, functions, control flow; each signature on inputs of its shapes. */
async function fixture(tf: TensorFlow, name: string): Promise<readonly Case[]> {
  const folder = fileURLToPath(new URL(`../../test/fixtures/saved_models/${name}`, import.meta.url));
  if (!existsSync(folder)) return [{ name, run: async () => skipped(`${folder} is absent`) }];
  const signatures = await tf.signatures(folder);
  return Object.entries(signatures)
    .filter(([, { outputs }]) => Object.keys(outputs).length > 0 && !('__saved_model_init_op' in outputs))
    .map(([signature, info]) => ({
      name: `${name}/${signature}`,
      run: (client) => readByBoth(client, folder, signature, inputsFor(info)),
    }));
}

const words = ['the', 'cat', 'nothing', 'b'];

/** An input of two rows for each of the signature's, by its shape and type. */
const inputsFor = ({ inputs }: SignatureInfo): Feeds =>
  new Map(
    Object.entries(inputs).map(([key, { dtype, shape }]): [string, Tensor] => {
      const full = (shape ?? [2]).map((size) => (size < 0 ? 2 : size));
      if (dtype !== 'string') return [key, normal(full, 2, dtype as 'float32')];
      const count = full.reduce((a, b) => a * b, 1);
      return [
        key,
        stringTensor(
          Array.from({ length: count }, (_, i) => words[i % words.length]!),
          full,
        ),
      ];
    }),
  );

/** Wide & Deep as its Estimator exported it: all signatures, which share the graph and read different inputs of it. */
async function taxi(tf: TensorFlow): Promise<readonly Case[]> {
  const real = realModels().find(({ name }) => name === 'wide_deep_taxi')!;
  const { missing } = real;
  if (missing !== undefined) return [{ name: real.name, run: async () => skipped(missing) }];
  const signatures = await tf.signatures(real.path);
  return Object.entries(signatures).map(([signature, { inputs }]) => ({
    name: `${real.name}/${signature}`,
    run: async (client) => {
      const [sample] = await samplesOf(real, await loadReal(real));
      const only = Object.keys(inputs);
      return readByBoth(client, real.path, signature, new Map([[only[0]!, [...sample!.values()][0]!]]));
    },
  }));
}

async function samplesOf(real: RealModel, model: Model): Promise<readonly Feeds[]> {
  const feeds: Feeds[] = [];
  for await (const sample of (await real.data(model)).samples({ limit: 2 })) feeds.push(sample.feeds);
  return feeds;
}

/** What TensorFlow refuses, octet refuses too. */
async function readByBoth(tf: TensorFlow, folder: string, signature: string, feeds: Feeds): Promise<Outcome> {
  const model = await load(folder, { signature });
  const keys = model.outputs.map(({ key }) => key);
  const theirs = await tf.tryRun({ savedModel: folder, signature, feeds, fetches: keys });
  const ours = await outputsOf(model, feeds).catch((error: unknown) =>
    error instanceof Error ? error : new Error(String(error)),
  );
  if (ours instanceof Error) return theirs.status === 'ok' ? failed(messageOf(ours)) : passed('both refuse');
  if (theirs.status !== 'ok') return failed(`TensorFlow: ${theirs.message.slice(0, 300)}`);
  return compared(keys, ours, theirs.outputs);
}

function compared(keys: readonly string[], ours: readonly Tensor[], theirs: ReadonlyMap<string, Tensor>): Outcome {
  for (const [i, key] of keys.entries()) {
    const { problem } = differenceOf(ours[i]!, theirs.get(key)!, tolerance);
    if (problem !== undefined) return failed(`${key}: ${problem}`);
  }
  return passed(`${keys.join(', ')}`);
}

async function outputsOf(model: Model, feeds: Feeds): Promise<readonly Tensor[]> {
  const runner = await openReference(
    model,
    model.outputs.map((end) => end.value),
  );
  try {
    return runner.runSync(feeds);
  } finally {
    runner.dispose();
  }
}

/** A quantized model written as a SavedModel keeps its signature, tables and assets, and TensorFlow runs it. */
const written = (real: RealModel): Case => ({
  name: `${real.name}/written by octet, int8`,
  run: async (tf) => {
    if (real.missing !== undefined) return skipped(real.missing);
    const model = await loadReal(real);
    const feeds = await samplesOf(real, model);
    const { c } = await stagesOf(model, feeds, true);
    const folder = await mkdtemp(join(tmpdir(), 'octet-conformance-'));
    try {
      const path = join(folder, 'model');
      await save(c, path);
      const name = model.signature ?? 'serving_default';
      const signature = (await tf.signatures(path))[name];
      const same =
        JSON.stringify(Object.keys(signature?.inputs ?? {}).sort()) ===
        JSON.stringify(model.inputs.map(({ key }) => key).sort());
      if (!same) return failed(`TensorFlow finds the signature ${name} as ${JSON.stringify(signature)}`);
      const keys = c.outputs.map(({ key }) => key);
      const theirs = await tf.run({ savedModel: path, signature: name, feeds: feeds[0]!, fetches: keys });
      const [inMemory, readAgain] = [
        await outputsOf(c, feeds[0]!),
        await outputsOf(await load(path, { signature: name }), feeds[0]!),
      ];
      const outcome = compared(keys, inMemory, new Map(keys.map((key, i) => [key, readAgain[i]!])));
      return outcome.status === 'failed'
        ? failed(`read again by octet: ${outcome.detail}`)
        : comparedNear(keys, inMemory, theirs);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
});

/** Codes one step apart may move what follows: within 2 % of the largest value. */
function comparedNear(keys: readonly string[], ours: readonly Tensor[], theirs: ReadonlyMap<string, Tensor>): Outcome {
  for (const [i, key] of keys.entries()) {
    const { problem } = differenceOf(ours[i]!, theirs.get(key)!, { relative: 0, absolute: 0.02 });
    if (problem !== undefined) return failed(`${key}: ${problem}`);
  }
  return passed(keys.join(', '));
}
