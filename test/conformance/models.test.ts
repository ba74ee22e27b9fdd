import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { realModels } from '../../conformance/models.ts';
import { models } from '../../conformance/suites/models.ts';
import { nameOf, subjects } from '../../scripts/accuracy/subjects.ts';
import { sharedPath } from '../support/shared.ts';

const folder = sharedPath('models');
const shared = folder === undefined ? [] : readdirSync(folder).filter((name) => !/\.(md|json)$/.test(name));

test.skipIf(folder === undefined)(
  'every shared model is compared with TensorFlow and has its accuracy measured',
  () => {
    const names = shared.map((name) => name.replace(/\.pb$/, '')).sort();
    expect(subjects.map(nameOf).sort()).toEqual(names);
    expect(realModels().map(({ name }) => name)).toEqual(expect.arrayContaining(names));
  },
);

test('every model is compared whole and op by op, in each stage and both kinds of weights', async () => {
  const cases = (await models.cases(undefined as never)).map(({ name }) => name);
  for (const { name } of realModels())
    expect(cases.filter((one) => one.startsWith(`${name}/`)).map((one) => one.slice(name.length + 1))).toEqual([
      'as loaded',
      'a',
      'b, op by op',
      'b',
      'c, op by op',
      'c',
      'c per tensor, op by op',
      'c per tensor',
    ]);
});

test('the slow models are models', () => {
  expect(models.groups!()).toEqual(expect.arrayContaining([...models.slowest!]));
});
