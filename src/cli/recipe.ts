import { writeWhole } from '../base/files.ts';
import { findRecipe } from '../zoo/recipes/index.ts';

/** Writes the recipe of a model beside another made from it, so that it is found by itself there. */
export async function copyRecipe(from: string, to: string, explicit?: string): Promise<void> {
  const recipe = await findRecipe(from, explicit);
  if (recipe === undefined) return;
  const beside = `${to.replace(/\/$/, '').replace(/\.(pb|pbtxt|json)$/, '')}.recipe.json`;
  await writeWhole(beside, `${JSON.stringify(recipe, undefined, 2)}\n`);
}
