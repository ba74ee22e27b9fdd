import { load, type SavableModel } from '../api/model.ts';
import type { Dataset } from '../data/dataset.ts';
import { openDataset } from '../data/open.ts';
import type { Recipe } from '../data/recipe/recipe.ts';
import { calibrationSplit, evaluationSplit } from '../data/subset.ts';
import type { Model } from '../graph/model.ts';
import type { Session } from '../runtime/session.ts';
import { findRecipe } from '../zoo/recipes/index.ts';
import type { BackendOption, DataOptions, ModelOptions, RecipeOption } from './options.ts';

/**
 * The model, with the outputs that are asked for; those of its recipe where a frozen graph, which has no signature, is not
 * told any: networks often end in a softmax of the logits that are measured.
 */
export async function loadModel(
  path: string,
  { inputs, outputs, signature, tags, recipe }: ModelOptions & RecipeOption,
): Promise<SavableModel> {
  const frozen = /\.pb(txt)?$/.test(path);
  const wanted = outputs ?? (frozen ? (await findRecipe(path, recipe))?.outputs : undefined);
  return load(path, {
    ...(inputs && { inputs }),
    ...(wanted && { outputs: wanted }),
    ...(signature && { signature }),
    ...(tags && { tags }),
  });
}

export type Opened = {
  readonly recipe: Recipe | undefined;
  readonly all: Dataset;
  readonly calibration: Dataset;
  readonly evaluation: Dataset;
};

/** The data that a command was given, with the recipe beside the model or the one named, split for its two uses. */
export async function openData(
  modelPath: string,
  model: Model,
  { data, recipe: explicit }: DataOptions,
): Promise<Opened> {
  const recipe = await findRecipe(modelPath, explicit);
  const all = await openDataset(data, model, recipe);
  return { recipe, all, calibration: calibrationSplit(all, recipe), evaluation: evaluationSplit(all, recipe) };
}

export const threadsOf = ({ threads }: BackendOption) => (threads === undefined ? {} : { threads });

/** Says on stderr which better backends were not taken, and why: the one that is left may be a hundred times slower. */
export function tellFallbacks({ backend, fallbacks }: Session): void {
  for (const { backend: better, reason } of fallbacks)
    console.error(`octet: runs on the ${backend} backend, since ${better} can't: ${reason}`);
}
