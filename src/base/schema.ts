import { messageOf, type Place, UserError } from './errors.ts';

/** The part of JSON Schema (2020-12) that octet's files are described with. */
export type Schema =
  | { readonly type: 'boolean' }
  | { readonly type: 'string'; readonly enum?: readonly string[]; readonly minLength?: number }
  | {
      readonly type: 'number' | 'integer';
      readonly minimum?: number;
      readonly maximum?: number;
      readonly exclusiveMinimum?: number;
    }
  | {
      readonly type: 'array';
      readonly items: Schema;
      readonly minItems?: number;
      readonly maxItems?: number;
    }
  | ObjectSchema
  | { readonly anyOf: readonly Schema[]; readonly description: string };

export type ObjectSchema = {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Schema | { readonly const: string }>>;
  readonly required?: readonly string[];
  readonly additionalProperties: false;
};

export const text: Schema = { type: 'string', minLength: 1 };
export const truth: Schema = { type: 'boolean' };
export const oneOf = (...values: string[]): Schema => ({ type: 'string', enum: values });
export const atLeast = (minimum: number): Schema => ({ type: 'integer', minimum });
export const listOf = (items: Schema, minItems = 1): Schema => ({ type: 'array', items, minItems });

export const object = (
  properties: ObjectSchema['properties'],
  required: readonly string[] = Object.keys(properties),
): ObjectSchema => ({ type: 'object', properties, required, additionalProperties: false });

/** The JSON value in `text`, checked by `schema`. Throws `UserError` that begins with `name` and says where it is wrong. */
export function parseWith(schema: Schema, text: string, name: string, place: Place = {}): unknown {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    throw new UserError(`is not JSON: ${messageOf(error)}`, place, undefined, { cause: error });
  }
  const problem = problemOf(schema, json, name);
  if (problem !== undefined) throw new UserError(problem, place, `correct the ${name}`);
  return json;
}

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
};

const counted = (n: number): string => `${n} ${n === 1 ? 'entry' : 'entries'}`;

function lengthText(least: number, most: number): string {
  if (least === most) return String(least);
  return most === Number.POSITIVE_INFINITY ? `${least} or more` : `${least} to ${most}`;
}

/** What may stand in a place, in words. */
function wantedBy(schema: Schema | { readonly const: string }): string {
  if ('const' in schema) return `'${schema.const}'`;
  if ('anyOf' in schema) return schema.description;
  switch (schema.type) {
    case 'boolean':
      return 'true or false';
    case 'string':
      return schema.enum === undefined ? 'a text' : `one of ${schema.enum.join(', ')}`;
    case 'number':
      return 'a number';
    case 'integer':
      return 'a whole number';
    case 'array':
      return 'a list';
    case 'object':
      return `an object with ${Object.keys(schema.properties).join(', ')}`;
  }
}

/** What is wrong with `value`, which is called `at`: the place in it, what was found and what may stand there; or undefined. */
export function problemOf(schema: Schema | { readonly const: string }, value: unknown, at: string): string | undefined {
  if ('const' in schema) return value === schema.const ? undefined : `${at} is ${shown(value)}, not '${schema.const}'`;
  if ('anyOf' in schema) return problemOfAny(schema, value, at);
  switch (schema.type) {
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `${at} is ${shown(value)}, not true or false`;
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
      if (value.length < minItems || value.length > maxItems)
        return `${at} has ${counted(value.length)}, not ${lengthText(minItems, maxItems)}`;
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
  if (missing !== undefined) return `${at} needs '${missing}': ${wantedBy(schema.properties[missing]!)}`;
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
