import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { UserError } from '../../base/errors.ts';
import { readBytes } from '../../base/files.ts';
import { parseRecipe } from '../../data/recipe/parse.ts';
import type { Recipe } from '../../data/recipe/recipe.ts';
import { efficientnetLite0, googlenet, mobilenetV2, resnet20Cifar10 } from './imagenet.ts';
import { dsCnnKws, ncfMlpMl1m, ssdMobilenetV1Coco, wideDeepTaxi } from './other.ts';

/** The recipes that come with octet, by name. */
export const recipes: ReadonlyMap<string, Recipe> = new Map(
  [
    mobilenetV2,
    efficientnetLite0,
    googlenet,
    resnet20Cifar10,
    ssdMobilenetV1Coco,
    ncfMlpMl1m,
    wideDeepTaxi,
    dsCnnKws,
  ].map((recipe) => [recipe.name, recipe] as const),
);

/** Other file names of models that have a recipe. */
const aliases: ReadonlyMap<string, string> = new Map([['ssd_mobilenet_v1_coco_loop', 'ssd_mobilenet_v1_coco']]);

/** Where a model's own recipe lies: `MODEL.recipe.json` beside `MODEL.pb`, `MODEL.json` or the folder `MODEL`. */
export function recipeFileOf(modelPath: string): string {
  const path = modelPath.replace(/[/\\]+$/, '');
  return join(dirname(path), `${basename(path).replace(/\.(pb|pbtxt|json)$/, '')}.recipe.json`);
}

/**
 * The recipe for a model: `explicit`, a built-in recipe's name or a file; else the file beside the model; else the
 * built-in recipe that is called as the model's file is up to its first dot (`mobilenet_v2.int8.pb`). Undefined when there
 * is none. Throws `UserError` when the file is not a recipe or `explicit` names none.
 */
export async function findRecipe(modelPath: string, explicit?: string): Promise<Recipe | undefined> {
  if (explicit !== undefined) {
    const builtIn = recipes.get(explicit);
    if (existsSync(explicit)) return readRecipe(explicit);
    if (builtIn !== undefined) return builtIn;
    const names = [...recipes.keys()].join(', ');
    throw new UserError(`there is no recipe '${explicit}'`, {}, `give a JSON file, or one of ${names}`);
  }
  const beside = recipeFileOf(modelPath);
  if (existsSync(beside)) return readRecipe(beside);
  const stem = basename(modelPath.replace(/[/\\]+$/, '')).split('.')[0]!;
  return recipes.get(aliases.get(stem) ?? stem);
}

const readRecipe = async (file: string): Promise<Recipe> =>
  parseRecipe(new TextDecoder().decode(await readBytes(file)), { file });
