/**
 * Runs shared models, quantized with the defaults, over their whole data set on the native engine and on the reference
 * runtime, and compares what they give bit for bit, up to the last integer layer: a softmax behind it is fp32, and cut off.
 * Integer layers agree in every bit, and so does an fp32 LRN between them.
 * Ends with 1 if a prediction differs. The reference takes seconds a picture, so this is a script and not a test;
 * `--part 1/2` does the second half.
 *
 *     npx tsx scripts/same-predictions.ts [--models mobilenet_v2,googlenet] [--part 0/2]
 */
import { parseArgs } from 'node:util';
import { quantize } from '../src/api/quantize.ts';
import { UserError } from '../src/base/errors.ts';
import { terminalProgress } from '../src/cli/progress.ts';
import { argmax } from '../src/data/metrics/classification.ts';
import type { Graph, Value } from '../src/graph/graph.ts';
import type { Model } from '../src/graph/model.ts';
import { compile } from '../src/index.ts';
import { nameOf, prepare, subjects } from './accuracy/subjects.ts';

const { values: options } = parseArgs({
  options: {
    models: { type: 'string', default: 'mobilenet_v2,googlenet' },
    part: { type: 'string', default: '0/1' },
  },
});
const [part, parts] = options.part.split('/').map(Number) as [number, number];

/** What stands before the softmax, whose exponential is rounded as each backend does it. */
function beforeSoftmax(graph: Graph, value: Value): Value {
  const node = graph.nodes.get(value.node);
  return node !== undefined && ['Softmax', 'Sigmoid', 'Reshape', 'Squeeze', 'Identity'].includes(node.op)
    ? beforeSoftmax(graph, node.inputs[0]!)
    : value;
}

const withoutSoftmax = (model: Model): Model => ({
  ...model,
  outputs: model.outputs.map((output) => ({ ...output, value: beforeSoftmax(model.graph, output.value) })),
});

let otherPredictions = 0;
for (const name of options.models.split(',')) {
  const subject = subjects.find((subject) => nameOf(subject) === name);
  if (subject === undefined) throw new UserError(`no model ${name}; there are ${subjects.map(nameOf).join(', ')}`);
  const prepared = await prepare({ ...subject, batch: 1, evaluation: 'all' }, undefined);
  if (prepared === undefined) {
    console.error(`skipped: ${name} or its data is not on this machine`);
    continue;
  }
  const { model, calibration, data } = prepared;
  const int8 = withoutSoftmax(await quantize(model, { calibration, progress: terminalProgress() }));
  using native = await compile(int8, { backend: 'native' });
  using reference = await compile(int8, { backend: 'reference' });
  let [samples, values, different, samePrediction, index] = [0, 0, 0, 0, 0];
  for await (const { feeds } of data.samples()) {
    const isOurs = index * parts >= part * data.size! && index * parts < (part + 1) * data.size!;
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
