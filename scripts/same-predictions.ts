/**
 * Runs shared models, quantized with the defaults, over a whole data set on the native engine and on the reference
 * runtime, and compares what they give bit for bit, up to the last integer layer: a softmax behind it is fp32, and cut off.
 * Integer layers agree in every bit; behind an fp32 layer between them (googlenet's LRN) a code at a tie may be one apart.
 * Ends with 1 if a prediction differs. The reference takes seconds a picture, so this is a script and not a test;
 * `--part 1/2` does the second half.
 *
 *     npx tsx scripts/same-predictions.ts [--models mobilenet_v2,googlenet] [--data imagenet500] [--part 0/2]
 */
import { parseArgs } from 'node:util';
import { quantize } from '../src/api/quantize.ts';
import { terminalProgress } from '../src/cli/progress.ts';
import { fittedTo, openDataset } from '../src/data/open.ts';
import { calibrationSplit } from '../src/data/subset.ts';
import type { Graph, Value } from '../src/graph/graph.ts';
import type { Model } from '../src/graph/model.ts';
import { compile, load } from '../src/index.ts';
import { findRecipe } from '../src/zoo/recipes/index.ts';
import { sharedPath } from '../test/support/shared.ts';

const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: 'mobilenet_v2,googlenet' },
    data: { type: 'string', default: 'imagenet500' },
    part: { type: 'string', default: '0/1' },
  },
});
const [part, parts] = options.part.split('/').map(Number) as [number, number];

/** What stands before the softmax, whose exponential is rounded as each backend does it. */
function beforeSoftmax(graph: Graph, value: Value): Value {
  const node = graph.nodes.get(value.node);
  return node !== undefined && ['Softmax', 'Reshape', 'Squeeze', 'Identity'].includes(node.op)
    ? beforeSoftmax(graph, node.inputs[0]!)
    : value;
}

const withoutSoftmax = (model: Model): Model => ({
  ...model,
  outputs: model.outputs.map((output) => ({ ...output, value: beforeSoftmax(model.graph, output.value) })),
});

let otherPredictions = 0;
for (const name of options.models.split(',')) {
  const path = sharedPath(`models/${name}.pb`);
  const dataPath = sharedPath(`data/${options.data}`);
  if (path === undefined || dataPath === undefined) {
    console.error(`skipped: ${name} or its data is not on this machine`);
    continue;
  }
  const recipe = await findRecipe(path);
  const model = await load(path, recipe?.outputs ? { outputs: recipe.outputs } : {});
  const data = fittedTo(model, await openDataset(dataPath, model, recipe));
  const int8 = withoutSoftmax(
    await quantize(model, { calibration: calibrationSplit(data, recipe), progress: terminalProgress() }),
  );
  using native = await compile(int8, { backend: 'native' });
  using reference = await compile(int8, { backend: 'reference' });
  let [samples, values, different, samePrediction, index] = [0, 0, 0, 0, 0];
  for await (const { feeds } of data.samples({ batch: 1 })) {
    const isOurs = index * parts >= part * (data.size ?? 500) && index * parts < (part + 1) * (data.size ?? 500);
    index++;
    if (!isOurs) continue;
    const named = Object.fromEntries(feeds);
    const [ours, theirs] = [await native.run(named), await reference.run(named)];
    let isSame = true;
    for (const [key, expected] of Object.entries(theirs)) {
      const [a, b] = [ours[key]!.data as Float32Array, expected.data as Float32Array];
      values += b.length;
      for (let i = 0; i < b.length; i++) if (!Object.is(a[i], b[i])) different++;
      isSame &&= argmax(a) === argmax(b);
    }
    samples++;
    if (isSame) samePrediction++;
    if (samples % 10 === 0) console.log(`${name}: ${samples} samples, ${different} of ${values} values differ`);
  }
  console.log(
    `${name}: ${samples} samples, the same prediction for ${samePrediction}; ${different} of ${values} values differ`,
  );
  otherPredictions += samples - samePrediction;
}
process.exitCode = otherPredictions === 0 ? 0 : 1;

function argmax(values: Float32Array): number {
  return values.reduce((best, value, i) => (value > values[best]! ? i : best), 0);
}
