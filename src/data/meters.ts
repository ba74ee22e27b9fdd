import { UserError } from '../base/errors.ts';
import { numbersOf, type Tensor } from '../base/tensor.ts';
import type { Detection, Sample } from './dataset.ts';
import { agreement, auc, type Numbers, ranking, topK } from './metrics/classification.ts';
import { detectionAgreement, meanAveragePrecision } from './metrics/detection.ts';
import { sqnr } from './metrics/sqnr.ts';
import type { MetricRecipe, Recipe } from './recipe/recipe.ts';

export type Outputs = ReadonlyMap<string, Tensor>;
export type Figures = Readonly<Record<string, number>>;

/** Takes in batches of outputs with what is known of the samples, gives figures at the end (none if nothing was added). */
export type Meter = {
  readonly add: (outputs: Outputs, sample: Sample, reference: Outputs | undefined) => void;
  readonly figures: () => Figures;
};

type MeterTable = {
  readonly [K in MetricRecipe['kind']]: (
    metric: Extract<MetricRecipe, { kind: K }>,
    recipe: Recipe | undefined,
    compare: boolean,
  ) => readonly Meter[];
};

/** The meters of each kind of metric; with `compare`, those that need a reference model too. */
const meters: MeterTable = {
  topK: (metric, recipe, compare) => {
    const labels = (metric.k ?? [1, 5]).map((k) => classMeter(metric.output, k, recipe?.labels?.offset ?? 0));
    return compare ? [...labels, agreementMeter(metric.output), noiseMeter(metric.output)] : labels;
  },
  auc: (metric, _, compare) =>
    compare ? [aucMeter(metric.output), noiseMeter(metric.output)] : [aucMeter(metric.output)],
  ranking: (metric, _, compare) => {
    const own = rankingMeter(metric.output, metric.k);
    return compare ? [own, agreementMeter(metric.output), noiseMeter(metric.output)] : [own];
  },
  detection: (metric, _, compare) =>
    compare ? [precisionMeter(metric), detectionMeter(metric)] : [precisionMeter(metric)],
  none: (_, __, compare) => (compare ? [noiseMeter(undefined)] : []),
};

/**
 * What the recipe measures. Figures are called `top-1`, `top-5` …; `auc`; `hr@10`, `ndcg@10`; `map`, `map@0.5`; and against
 * a reference `agreement` (same top-1, or detections found again) and `sqnr`.
 */
export function metersFor(recipe: Recipe | undefined, compare: boolean): readonly Meter[] {
  const metric = recipe?.metric ?? { kind: 'none' };
  return (meters[metric.kind] as (m: MetricRecipe, r: Recipe | undefined, c: boolean) => readonly Meter[])(
    metric,
    recipe,
    compare,
  );
}

/**
 * The output called `name`, or the first one. A frozen graph has lost its signature's names, but nodes tend to end in them
 * (`head/predictions/logistic`): the only output that does is taken.
 */
function pick(outputs: Outputs, name: string | undefined): Tensor {
  const found = name === undefined ? [...outputs.values()][0] : outputs.get(name);
  if (found !== undefined) return found;
  const [similar, ...others] = [...outputs.keys()].filter((key) => key.endsWith(`/${name}`));
  if (similar !== undefined && others.length === 0) return outputs.get(similar)!;
  const there = [...outputs.keys()].join(', ');
  throw new UserError(`the model gave no output '${name}'`, {}, `correct the recipe's metric; there are: ${there}`);
}

/** An output's numbers, split among the samples of the batch: evenly, or by their lengths. */
function rows(t: Tensor, { count, lengths = new Array<number>(count).fill(1) }: Sample): Numbers[] {
  const values = t.dtype === 'float32' ? t.data : numbersOf(t);
  const step = values.length / lengths.reduce((sum, length) => sum + length, 0);
  if (!Number.isInteger(step)) throw new UserError(`an output of ${values.length} numbers is not for ${count} samples`);
  let at = 0;
  return lengths.map((length) => {
    const start = at;
    at += length * step;
    return values.slice(start, at);
  });
}

const labelOf = (sample: Sample, i: number): number | undefined => {
  const label = sample.labels?.[i];
  return typeof label === 'number' ? label : undefined;
};

/** A meter that looks at one output of labelled samples, one at a time. */
function labelMeter(
  output: string | undefined,
  add: (scores: Numbers, label: number) => void,
  figures: () => Figures,
): Meter {
  let seen = false;
  return {
    add: (outputs, sample) =>
      rows(pick(outputs, output), sample).forEach((scores, i) => {
        const label = labelOf(sample, i);
        if (label === undefined) return;
        seen = true;
        add(scores, label);
      }),
    figures: () => (seen ? figures() : {}),
  };
}

function classMeter(output: string | undefined, k: number, offset: number): Meter {
  const meter = topK(k);
  return labelMeter(
    output,
    (scores, label) => {
      if (label + offset < 0 || label + offset >= scores.length)
        throw new UserError(
          `class ${label} is not one of the model's ${scores.length}`,
          {},
          "check the recipe's offset",
        );
      meter.add(scores, label + offset);
    },
    () => ({ [`top-${k}`]: meter.value() }),
  );
}

function aucMeter(output: string | undefined): Meter {
  const meter = auc();
  return labelMeter(
    output,
    // A two-class output has the positive class last.
    (scores, label) => meter.add(scores[scores.length - 1]!, label > 0),
    () => ({ auc: meter.value() }),
  );
}

function rankingMeter(output: string | undefined, k: number): Meter {
  const meter = ranking(k);
  return labelMeter(
    output,
    (scores, chosen) => meter.add(scores, chosen),
    () => ({ [`hr@${k}`]: meter.hitRate(), [`ndcg@${k}`]: meter.ndcg() }),
  );
}

function agreementMeter(output: string | undefined): Meter {
  const meter = agreement();
  return {
    add: (outputs, sample, reference) => {
      if (reference === undefined) return;
      const expected = rows(pick(reference, output), sample);
      rows(pick(outputs, output), sample).forEach((scores, i) => {
        meter.add(expected[i]!, scores);
      });
    },
    figures: () => ({ agreement: meter.value() }),
  };
}

/** SQNR of one output, or of every float output that both models have, each by its name. */
function noiseMeter(output: string | undefined): Meter {
  const byName = new Map<string, ReturnType<typeof sqnr>>();
  return {
    add: (outputs, _, reference) => {
      if (reference === undefined) return;
      for (const name of output === undefined ? reference.keys() : [output]) {
        const [a, b] = [pick(reference, name), pick(outputs, name)];
        if (a.dtype !== 'float32') continue;
        const meter = byName.get(name) ?? sqnr();
        byName.set(name, meter);
        meter.add(a.data, numbersOf(b));
      }
    },
    figures: () =>
      Object.fromEntries(
        Array.from(byName, ([name, meter]) => [byName.size === 1 ? 'sqnr' : `sqnr ${name}`, meter.value()]),
      ),
  };
}

type DetectionRecipe = Extract<MetricRecipe, { kind: 'detection' }>;

/** The detections of each picture of a batch: boxes [B, N, 4], scores and classes [B, N], and how many are real [B]. */
function detectionsOf(outputs: Outputs, metric: DetectionRecipe, sample: Sample): Detection[][] {
  const [boxes, scores, classes] = [metric.boxes, metric.scores, metric.classes].map((name) =>
    rows(pick(outputs, name), sample),
  ) as [Numbers[], Numbers[], Numbers[]];
  const real = metric.count === undefined ? undefined : numbersOf(pick(outputs, metric.count));
  return scores.map((list, picture) => {
    const length = Math.min(list.length, real?.[picture] ?? list.length);
    return Array.from({ length }, (_, i): Detection => {
      const [y1, x1, y2, x2] = [0, 1, 2, 3].map((corner) => boxes[picture]![i * 4 + corner]!) as [
        number,
        number,
        number,
        number,
      ];
      return { box: [y1, x1, y2, x2], category: classes[picture]![i]!, score: list[i]! };
    });
  });
}

function precisionMeter(metric: DetectionRecipe): Meter {
  const all = meanAveragePrecision();
  const half = meanAveragePrecision([0.5]);
  let seen = false;
  return {
    add: (outputs, sample) =>
      detectionsOf(outputs, metric, sample).forEach((found, i) => {
        const truth = sample.labels?.[i];
        if (truth === undefined || typeof truth === 'number') return;
        seen = true;
        all.add(truth, found);
        half.add(truth, found);
      }),
    figures: (): Figures => (seen ? { map: all.value(), 'map@0.5': half.value() } : {}),
  };
}

function detectionMeter(metric: DetectionRecipe): Meter {
  const meter = detectionAgreement(metric);
  return {
    add: (outputs, sample, reference) => {
      if (reference === undefined) return;
      const expected = detectionsOf(reference, metric, sample);
      detectionsOf(outputs, metric, sample).forEach((found, i) => {
        meter.add(expected[i]!, found);
      });
    },
    figures: () => ({ agreement: meter.value(), detections: meter.count() }),
  };
}
