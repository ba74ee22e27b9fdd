import { messageOf, type Place, UserError } from '../../base/errors.ts';
import { problemOf } from '../../base/schema.ts';
import type { Recipe } from './recipe.ts';
import { recipeSchema } from './schema.ts';

/** The recipe in a JSON text. Throws `UserError` naming the place in it, what was found and what may stand there. */
export function parseRecipe(text: string, place: Place = {}): Recipe {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UserError(`is not JSON: ${messageOf(error)}`, place, undefined, { cause: error });
  }
  return checkRecipe(json, place);
}

/** `value` as a recipe, checked against `recipeSchema` and for what a schema can't say. */
export function checkRecipe(value: unknown, place: Place = {}): Recipe {
  const problem = problemOf(recipeSchema, value, 'recipe') ?? contradictionIn(value as Recipe);
  if (problem !== undefined) throw new UserError(problem, place, 'correct the recipe');
  return value as Recipe;
}

function contradictionIn(recipe: Recipe): string | undefined {
  const names = recipe.inputs.map((input) => input.name);
  const twice = names.find((name, i) => names.indexOf(name) !== i);
  if (twice !== undefined) return `recipe.inputs has '${twice}' twice`;
  if (recipe.calibration?.first !== undefined && recipe.calibration.spread !== undefined)
    return "recipe.calibration has both 'first' and 'spread'";
  if (recipe.evaluation === 'rest' && recipe.calibration === undefined)
    return "recipe.evaluation is 'rest', but there is no recipe.calibration";
  return undefined;
}
