import { atLeast, listOf, object, oneOf, type Schema, text } from '../../base/schema.ts';
import { resizeFilters } from '../image/resize.ts';

const pixels: Schema = { type: 'integer', minimum: 1, maximum: 16_384 };

const perChannel = (item: Schema): Schema => ({
  description: 'a number, or one for each of the three channels',
  anyOf: [item, { type: 'array', items: item, minItems: 3, maxItems: 3 }],
});
const anyNumber: Schema = { type: 'number' };

const filter = oneOf(...resizeFilters);
const resize: Schema = {
  description: 'a way to resize',
  anyOf: [
    object({ mode: { const: 'shortSide' }, size: pixels, filter }),
    object({ mode: { const: 'exact' }, width: pixels, height: pixels, filter }),
    object({
      mode: { const: 'centreFraction' },
      fraction: { type: 'number', exclusiveMinimum: 0, maximum: 1 },
      size: pixels,
      filter,
    }),
  ],
};

const source: Schema = {
  description: 'a kind of input',
  anyOf: [
    object(
      {
        kind: { const: 'image' },
        resize,
        crop: object({ width: pixels, height: pixels }),
        channels: oneOf('RGB', 'BGR'),
        layout: oneOf('NHWC', 'NCHW'),
        scale: perChannel(anyNumber),
        mean: perChannel(anyNumber),
        std: perChannel({ type: 'number', exclusiveMinimum: 0 }),
        dtype: oneOf('float32', 'uint8', 'int32'),
        feature: text,
      },
      ['kind'],
    ),
    object({ kind: { const: 'file' }, extensions: listOf(text), feature: text }, ['kind', 'extensions']),
    object({
      kind: { const: 'example' },
      features: object({ int64: listOf(text), float: listOf(text), bytes: listOf(text) }, []),
    }),
    object(
      {
        kind: { const: 'feature' },
        name: text,
        dtype: oneOf('float32', 'int32', 'int64', 'string'),
        shape: listOf(atLeast(0), 0),
      },
      ['kind', 'name', 'dtype'],
    ),
    object({ kind: { const: 'rating' }, column: oneOf('user', 'item') }),
  ],
};

const metric: Schema = {
  description: 'a metric',
  anyOf: [
    object({ kind: { const: 'topK' }, output: text, k: listOf(atLeast(1)) }, ['kind']),
    object({ kind: { const: 'auc' }, output: text }, ['kind']),
    object({ kind: { const: 'ranking' }, output: text, k: atLeast(1) }, ['kind', 'k']),
    object(
      {
        kind: { const: 'detection' },
        boxes: text,
        scores: text,
        classes: text,
        count: text,
        minScore: { type: 'number', minimum: 0, maximum: 1 },
        minOverlap: { type: 'number', minimum: 0, maximum: 1 },
      },
      ['kind', 'boxes', 'scores', 'classes'],
    ),
    object({ kind: { const: 'none' } }),
  ],
};

const subset = object({ labelMultipleOf: atLeast(1), first: atLeast(1), spread: atLeast(1) }, []);

/** The JSON schema of `MODEL.recipe.json`; also what octet checks recipes with. */
export const recipeSchema = {
  $schema: 'https://json-schema.org/draft/2020-12/schema',
  title: 'octet recipe',
  ...object(
    {
      $schema: text,
      name: text,
      description: text,
      inputs: listOf(object({ name: text, from: source })),
      outputs: listOf(text),
      labels: object({ offset: { type: 'integer' }, expression: text, feature: text }, []),
      metric,
      calibration: subset,
      evaluation: { description: "'all', 'rest' or a subset", anyOf: [oneOf('all', 'rest'), subset] },
    },
    ['name', 'inputs'],
  ),
};
