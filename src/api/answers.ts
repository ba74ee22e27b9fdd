import { fitter } from '../data/batch.ts';
import type { Dataset } from '../data/dataset.ts';
import type { Model } from '../graph/model.ts';
import type { OpenRunner } from '../graph/runner.ts';

/** How many classes some samples are of, and how many a model tells them apart as. */
export type Answers = { readonly samples: number; readonly labels: number; readonly classes: number };

/** So many samples are looked at: enough that a model which sees anything in them does not give the same answer to all. */
const answered = 12;

/**
 * What an fp32 model makes of samples whose labels are known. Undefined for a model that is not a classifier (its first output
 * has no row of scores), and for data without classes, or with as good as one.
 */
export async function measureAnswers(
  model: Model,
  data: Dataset,
  openRunner: OpenRunner,
): Promise<Answers | undefined> {
  const [output] = model.outputs;
  if (output === undefined || output.dtype !== 'float32') return undefined;
  const labels = new Set<number>();
  const classes = new Set<number>();
  const adapt = fitter(model);
  let samples = 0;
  const runner = await openRunner(model, [output.value]);
  try {
    for await (const { feeds, labels: [label] = [] } of data.samples({ limit: answered })) {
      if (typeof label !== 'number') return undefined;
      const [scores] = await runner.run(adapt(feeds));
      if (scores?.dtype !== 'float32' || scores.data.length < answered || scores.data.length !== scores.shape.at(-1))
        return undefined;
      labels.add(label);
      classes.add(scores.data.indexOf(scores.data.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY)));
      samples++;
    }
  } finally {
    runner.dispose();
  }
  return labels.size < answered / 2 ? undefined : { samples, labels: labels.size, classes: classes.size };
}
