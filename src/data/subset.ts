import { type Dataset, datasetOf, type Item } from './dataset.ts';
import type { Recipe, Subset } from './recipe/recipe.ts';

/** Calibration without a rule of the recipe: so many samples, spread over the whole set as classes often lie in order. */
const defaultCalibration = { spread: 100 } as const satisfies Subset;

/** The samples to calibrate on: the recipe's rule, or 100 spread evenly over the data. */
export const calibrationSplit = (dataset: Dataset, recipe?: Recipe): Dataset =>
  subset(dataset, recipe?.calibration ?? defaultCalibration);

/** The samples to evaluate on: all of them unless `rule` or the recipe says otherwise. */
export function evaluationSplit(
  dataset: Dataset,
  recipe?: Recipe,
  rule: NonNullable<Recipe['evaluation']> = recipe?.evaluation ?? 'all',
): Dataset {
  if (rule === 'all') return dataset;
  if (rule !== 'rest') return subset(dataset, rule);
  const calibration = recipe?.calibration ?? defaultCalibration;
  return datasetOf(async function* () {
    const taken = new Set<number>();
    for await (const { index } of chosen(dataset, calibration)) taken.add(index);
    for await (const { item, index } of numbered(dataset)) if (!taken.has(index)) yield item;
  });
}

/** The samples of `dataset` that `rule` chooses, in the same order. Nothing is decoded to choose. */
export function subset(dataset: Dataset, rule: Subset): Dataset {
  return datasetOf(
    async function* () {
      for await (const { item } of chosen(dataset, rule)) yield item;
    },
    sizeIfKnown(dataset, rule),
  );
}

function sizeIfKnown({ size }: Dataset, { labelMultipleOf, first, spread }: Subset): number | undefined {
  if (size === undefined || labelMultipleOf !== undefined) return undefined;
  return Math.min(size, first ?? spread ?? size);
}

type Numbered = { readonly item: Item; readonly index: number };

async function* numbered(dataset: Dataset): AsyncGenerator<Numbered> {
  let index = 0;
  for await (const item of dataset.items()) yield { item, index: index++ };
}

async function* chosen(dataset: Dataset, wanted: Subset): AsyncGenerator<Numbered> {
  const rule = await applicable(dataset, wanted);
  if (rule.spread !== undefined) {
    yield* spread(dataset, rule, rule.spread);
    return;
  }
  let left = rule.first ?? Number.POSITIVE_INFINITY;
  for await (const entry of eligible(dataset, rule)) {
    if (left-- <= 0) return;
    yield entry;
  }
}

/** A rule by class makes no sense for data without classes: as many samples spread over it then. */
async function applicable(dataset: Dataset, rule: Subset): Promise<Subset> {
  if (rule.labelMultipleOf === undefined) return rule;
  for await (const { label } of dataset.items())
    return typeof label === 'number' ? rule : { spread: rule.first ?? rule.spread ?? defaultCalibration.spread };
  return rule;
}

/** `count` of the eligible samples at even distances. */
async function* spread(dataset: Dataset, rule: Subset, count: number): AsyncGenerator<Numbered> {
  // The listing is gone through twice rather than kept: samples of a stream are held in their items.
  let total = 0;
  for await (const _ of eligible(dataset, rule)) total++;
  const wanted = Math.min(count, total);
  let position = 0;
  let taken = 0;
  for await (const entry of eligible(dataset, rule)) {
    if (taken >= wanted) return;
    if (position++ !== Math.floor((taken * total) / wanted)) continue;
    taken++;
    yield entry;
  }
}

async function* eligible(dataset: Dataset, { labelMultipleOf = 1 }: Subset): AsyncGenerator<Numbered> {
  for await (const entry of numbered(dataset)) {
    const { label } = entry.item;
    if (labelMultipleOf === 1 || (typeof label === 'number' && label % labelMultipleOf === 0)) yield entry;
  }
}
