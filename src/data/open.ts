import { existsSync, readdirSync, statSync } from 'node:fs';
import { UserError } from '../base/errors.ts';
import type { Model } from '../graph/model.ts';
import { fitter } from './batch.ts';
import { type Dataset, datasetOf } from './dataset.ts';
import type { Recipe } from './recipe/recipe.ts';
import { csvDataset } from './sources/csv.ts';
import { hasExtension, imageFolder, singleFile } from './sources/folder.ts';
import { npzDataset } from './sources/npz.ts';
import { randomDataset } from './sources/random.ts';
import { isRatings, ratingDataset } from './sources/ratings.ts';
import { isRecordFile, recordDataset } from './sources/records.ts';

/**
 * The data set that `--data` names: `random`, or the path of a picture, a folder of pictures, a TFRecord (or a folder of
 * shards), a CSV, an `.npz`, or a rating file's folder. Feeds are keyed by the model's inputs and fitted to their types
 * and ranks. Throws `UserError` when the path is not there or needs a recipe that is not given.
 */
export async function openDataset(spec: string, model: Model, recipe?: Recipe): Promise<Dataset> {
  if (spec === 'random') return randomDataset(model, recipe);
  if (!existsSync(spec))
    throw new UserError('is not there', { file: spec }, "give a folder, .tfrecord, .csv or .npz, or 'random'");
  return fittedTo(model, await openPath(spec, model, recipe));
}

async function openPath(path: string, model: Model, recipe: Recipe | undefined): Promise<Dataset> {
  if (hasExtension(path, ['.npz']))
    return npzDataset(
      path,
      model.inputs.map((end) => end.key),
    );
  if (recipe === undefined)
    throw new UserError(
      'needs a recipe: how its samples become inputs',
      { file: path },
      'put MODEL.recipe.json beside the model, or give --recipe FILE or --recipe NAME',
    );
  if (isRatings(path)) return ratingDataset(path, recipe);
  const folder = statSync(path).isDirectory();
  if (folder ? readdirSync(path).some(isRecordFile) : isRecordFile(path)) return recordDataset(path, recipe);
  if (hasExtension(path, ['.csv'])) return csvDataset(path, recipe);
  return folder ? imageFolder(path, recipe) : singleFile(path, recipe);
}

/** The same samples, keyed and shaped as the model takes them. */
export function fittedTo(model: Model, dataset: Dataset): Dataset {
  const adapt = fitter(model);
  return datasetOf(async function* () {
    for await (const item of dataset.items()) yield { ...item, load: async () => adapt(await item.load()) };
  }, dataset.size);
}
