import { messageOf, type Place, UserError } from '../../base/errors.ts';
import type { Recipe } from './recipe.ts';
import { type ObjectSchema, recipeSchema, type Schema } from './schema.ts';

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

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

/** What is wrong with `value`, or undefined. */
function problemOf(schema: Schema | { readonly const: string }, value: unknown, at: string): string | undefined {
  if ('const' in schema) return value === schema.const ? undefined : `${at} is ${shown(value)}, not '${schema.const}'`;
  if ('anyOf' in schema) return problemOfAny(schema, value, at);
  switch (schema.type) {
    case 'string':
      if (typeof value !== 'string' || value.length < (schema.minLength ?? 0))
        return `${at} is ${shown(value)}, not a text`;
      if (schema.enum !== undefined && !schema.enum.includes(value))
        return `${at} is '${value}', not one of ${schema.enum.join(', ')}`;
      return undefined;
    case 'number':
    case 'integer':
      return problemOfNumber(schema, value, at);
    case 'array': {
      if (!Array.isArray(value)) return `${at} is ${shown(value)}, not a list`;
      const { minItems = 0, maxItems = Number.POSITIVE_INFINITY, items } = schema;
      if (value.length < minItems || value.length > maxItems) return `${at} has ${value.length} entries`;
      return firstProblem(value.map((item, i) => () => problemOf(items, item, `${at}[${i}]`)));
    }
    case 'object':
      return problemOfObject(schema, value, at);
  }
}

function problemOfNumber(
  schema: Extract<Schema, { type: 'number' | 'integer' }>,
  value: unknown,
  at: string,
): string | undefined {
  if (typeof value !== 'number' || (schema.type === 'integer' && !Number.isInteger(value)))
    return `${at} is ${shown(value)}, not ${schema.type === 'integer' ? 'a whole number' : 'a number'}`;
  const { minimum, maximum, exclusiveMinimum } = schema;
  if (minimum !== undefined && value < minimum) return `${at} is ${value}, less than ${minimum}`;
  if (maximum !== undefined && value > maximum) return `${at} is ${value}, more than ${maximum}`;
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum)
    return `${at} is ${value}, not above ${exclusiveMinimum}`;
  return undefined;
}

function problemOfObject(schema: ObjectSchema, value: unknown, at: string): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return `${at} is ${shown(value)}, not an object`;
  const known = Object.keys(schema.properties);
  const unknown = Object.keys(value).find((key) => !Object.hasOwn(schema.properties, key));
  if (unknown !== undefined) return `${at} has no '${unknown}'; there are ${known.join(', ')}`;
  const missing = schema.required?.find((key) => !Object.hasOwn(value, key));
  if (missing !== undefined) return `${at} needs '${missing}'`;
  return firstProblem(
    Object.entries(value).map(
      ([key, item]) =>
        () =>
          problemOf(schema.properties[key]!, item, `${at}.${key}`),
    ),
  );
}

/** Objects are told apart by the constant of their first property, so that the error speaks of the one that was meant. */
function problemOfAny(schema: Extract<Schema, { anyOf: unknown }>, value: unknown, at: string): string | undefined {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  const variants = schema.anyOf.flatMap((variant) => {
    if (!('type' in variant) || variant.type !== 'object') return [];
    const tag = Object.entries(variant.properties).find(([, property]) => 'const' in property);
    return tag === undefined ? [] : [{ key: tag[0], name: (tag[1] as { const: string }).const, variant }];
  });
  if (isObject && variants.length > 0) {
    const { key } = variants[0]!;
    const name = (value as Record<string, unknown>)[key];
    const meant = variants.find((variant) => variant.name === name);
    if (meant !== undefined) return problemOfObject(meant.variant, value, at);
    return `${at}.${key} is ${shown(name)}, not one of ${variants.map((variant) => variant.name).join(', ')}`;
  }
  const problems = schema.anyOf.map((variant) => problemOf(variant, value, at));
  if (problems.includes(undefined)) return undefined;
  const list = Array.isArray(value);
  const near = schema.anyOf.findIndex(
    (v) => 'type' in v && v.type === (isObject ? 'object' : list ? 'array' : undefined),
  );
  return problems[near] ?? `${at} is ${shown(value)}, not ${schema.description}`;
}

function firstProblem(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const problem = check();
    if (problem !== undefined) return problem;
  }
  return undefined;
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
