import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { checkRecipe, parseRecipe } from '../../src/data/recipe/parse.ts';
import { findRecipe, recipeFileOf, recipes } from '../../src/zoo/recipes/index.ts';

const image = { kind: 'image', resize: { mode: 'shortSide', size: 256, filter: 'bilinear' }, mean: [1, 2, 3] };
const good = {
  name: 'x',
  inputs: [{ name: 'input', from: image }],
  metric: { kind: 'topK', k: [1, 5] },
  evaluation: 'all',
};
const changed = (change: object): unknown => ({ ...good, ...change });
const from = (source: object): unknown => changed({ inputs: [{ name: 'input', from: source }] });

test('a recipe is returned as it is', () => {
  expect(parseRecipe(JSON.stringify(good))).toEqual(good);
});

test.each([...recipes])('the built-in recipe %s is valid', (name, recipe) => {
  expect(checkRecipe(JSON.parse(JSON.stringify(recipe)))).toEqual(recipe);
  expect(recipe.name).toBe(name);
});

describe('what is wrong is named, with what may stand there', () => {
  const cases: [string, unknown, RegExp][] = [
    ['not an object', 3, /recipe is 3, not an object/],
    ['no name', { inputs: good.inputs }, /recipe needs 'name'/],
    ['an unknown key', changed({ outptus: [] }), /recipe has no 'outptus'; there are .*outputs/],
    ['__proto__', JSON.parse('{"name": "x", "inputs": [], "__proto__": {}}'), /recipe has no '__proto__'/],
    ['no inputs', changed({ inputs: [] }), /recipe\.inputs has 0 entries/],
    ['an unknown kind', from({ kind: 'video' }), /recipe\.inputs\[0\]\.from\.kind is "video", not one of image, file/],
    ['an unknown key inside', from({ kind: 'image', means: 1 }), /from has no 'means'; there are kind, resize/],
    [
      'a wrong filter',
      from({ ...image, resize: { mode: 'exact', width: 2, height: 2, filter: 'area' } }),
      /filter is 'area', not one of box/,
    ],
    [
      'a size of nothing',
      from({ ...image, resize: { mode: 'shortSide', size: 0, filter: 'box' } }),
      /size is 0, less than 1/,
    ],
    ['half a pixel', from({ ...image, crop: { width: 1.5, height: 2 } }), /width is 1\.5, not a whole number/],
    ['two means', from({ ...image, mean: [1, 2] }), /mean has 2 entries/],
    ['a mean that is a text', from({ ...image, mean: '1' }), /mean is "1", not a number, or one for each/],
    ['a std of 0', from({ ...image, std: 0 }), /std is 0, not a number|std is 0, not above 0/],
    ['a wrong evaluation', changed({ evaluation: 'some' }), /evaluation is "some", not 'all', 'rest'/],
    ['rest of nothing', changed({ evaluation: 'rest' }), /no recipe\.calibration/],
    ['first and spread', changed({ calibration: { first: 1, spread: 1 } }), /both/],
    ['an input twice', changed({ inputs: [good.inputs[0], good.inputs[0]] }), /'input' twice/],
  ];
  test.each(cases)('%s', (_, value, message) => {
    expect(() => checkRecipe(value, { file: 'm.recipe.json' })).toThrow(UserError);
    expect(() => checkRecipe(value, { file: 'm.recipe.json' })).toThrow(message);
    expect(() => checkRecipe(value, { file: 'm.recipe.json' })).toThrow(/^m\.recipe\.json: /);
  });
  test('text that is no JSON', () => {
    expect(() => parseRecipe('{', { file: 'm.recipe.json' })).toThrow(/m\.recipe\.json: is not JSON/);
  });
});

describe('findRecipe', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'octet-'));
    await writeFile(join(folder, 'googlenet.recipe.json'), JSON.stringify({ ...good, name: 'mine' }));
    await writeFile(join(folder, 'broken.json'), '{"name": 1}');
  });
  afterAll(() => rm(folder, { recursive: true }));

  test('the file beside the model comes before the built-in one', async () => {
    expect((await findRecipe(join(folder, 'googlenet.pb')))?.name).toBe('mine');
    expect((await findRecipe(join(folder, 'mobilenet_v2.int8.pb')))?.name).toBe('mobilenet_v2');
    expect((await findRecipe(`${folder}/wide_deep_taxi/`))?.name).toBe('wide_deep_taxi');
    expect((await findRecipe('ssd_mobilenet_v1_coco_loop.pb'))?.name).toBe('ssd_mobilenet_v1_coco');
    expect(await findRecipe(join(folder, 'mobilenet_v2_other.pb'))).toBeUndefined();
  });
  test('what is asked for comes first; a name or a file', async () => {
    expect((await findRecipe(join(folder, 'googlenet.pb'), 'ncf_mlp_ml1m'))?.name).toBe('ncf_mlp_ml1m');
    expect((await findRecipe('x.pb', join(folder, 'googlenet.recipe.json')))?.name).toBe('mine');
    await expect(findRecipe('x.pb', 'resnet99')).rejects.toThrow(/no recipe 'resnet99'.*mobilenet_v2/);
    await expect(findRecipe('x.pb', join(folder, 'broken.json'))).rejects.toThrow(/broken\.json: /);
  });
  test('recipeFileOf', () => {
    expect(recipeFileOf('/a/model.pb')).toBe('/a/model.recipe.json');
    expect(recipeFileOf('/a/saved/')).toBe('/a/saved.recipe.json');
    expect(recipeFileOf('/a/m.int8.pb')).toBe('/a/m.int8.recipe.json');
  });
});
