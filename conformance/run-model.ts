import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '../src/base/tensor.ts';
import { writeGraphDef } from '../src/formats/graph-def/graph-def.ts';
import { save } from '../src/formats/save.ts';
import { formatValue } from '../src/graph/graph.ts';
import type { Model } from '../src/graph/model.ts';
import type { Feeds } from '../src/graph/runner.ts';
import type { RunRequest, TensorFlow } from './tensorflow.ts';

/** A model of octet's that TensorFlow runs: feeds and outputs by the keys of its inputs and outputs. */
export type TensorFlowModel = AsyncDisposable & { readonly run: (feeds: Feeds) => Promise<Map<string, Tensor>> };

/**
 * The model as TensorFlow takes it: a GraphDef, or where tables are filled first a SavedModel in a folder of its own, with
 * its initializers and assets. `grappler: false` is without Grappler's rewrites (GraphDefs only).
 */
export async function openInTensorFlow(
  tf: TensorFlow,
  model: Model,
  options: Pick<RunRequest, 'grappler' | 'timeoutSeconds'> = {},
): Promise<TensorFlowModel> {
  return model.initializers.length > 0 ? asSavedModel(tf, model) : asGraph(tf, model, options);
}

function asGraph(tf: TensorFlow, model: Model, options: Pick<RunRequest, 'grappler' | 'timeoutSeconds'>) {
  const graph = writeGraphDef(model.graph);
  const nameOf = new Map(model.inputs.map(({ key, value }) => [key, formatValue(value)]));
  // Several keys may stand for one tensor, which is fetched once.
  const fetches = [...new Set(model.outputs.map(({ value }) => formatValue(value)))];
  const run = async (feeds: Feeds) => {
    const named = new Map([...feeds].map(([key, t]) => [nameOf.get(key)!, t]));
    const results = await tf.run({ graph, feeds: named, fetches, ...options });
    return new Map(model.outputs.map(({ key, value }) => [key, results.get(formatValue(value))!]));
  };
  return { run, [Symbol.asyncDispose]: async () => {} };
}

async function asSavedModel(tf: TensorFlow, model: Model): Promise<TensorFlowModel> {
  const folder = await mkdtemp(join(tmpdir(), 'octet-saved-model-'));
  const savedModel = join(folder, 'model');
  const close = () => rm(folder, { recursive: true, force: true });
  try {
    await save(model, savedModel);
  } catch (error) {
    await close();
    throw error;
  }
  const signature = model.signature ?? 'serving_default';
  const fetches = model.outputs.map(({ key }) => key);
  return { run: (feeds) => tf.run({ savedModel, signature, feeds, fetches }), [Symbol.asyncDispose]: close };
}
