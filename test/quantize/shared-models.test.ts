import { describe, expect, it } from 'vitest';
import { evaluate, type Run } from '../../src/data/evaluate.ts';
import { fittedTo, openDataset } from '../../src/data/open.ts';
import { calibrationSplit } from '../../src/data/subset.ts';
import { compile, load, optimize, quantize } from '../../src/index.ts';
import type { Corrections } from '../../src/quantize/quantize.ts';
import { findRecipe } from '../../src/zoo/recipes/index.ts';
import { sharedPath } from '../support/shared.ts';

const [modelPath, dataPath] = [sharedPath('models/ncf_mlp_ml1m.pb'), sharedPath('data/ml1m')];
const users = 150;

describe.skipIf(modelPath === undefined || dataPath === undefined)('corrections of NCF', () => {
  const measured = (async () => {
    if (modelPath === undefined || dataPath === undefined) return undefined;
    const recipe = (await findRecipe(modelPath))!;
    const model = await load(modelPath, { outputs: recipe.outputs! });
    const data = fittedTo(model, await openDataset(dataPath, model, recipe));
    const runOf = async (of: Parameters<typeof compile>[0]): Promise<Run> => {
      const session = await compile(of);
      return async (feeds) => new Map(Object.entries(await session.run(Object.fromEntries(feeds))));
    };
    const reference = await runOf(optimize(model));
    return async (corrections: Partial<Corrections>): Promise<number> => {
      const calibration = calibrationSplit(data, recipe);
      const int8 = await quantize(model, { calibration, samples: 100, corrections });
      const { figures } = await evaluate(await runOf(int8), data, { recipe, reference, limit: users });
      return figures.sqnr!;
    };
  })();

  it('balanced scales gain a decibel and more, SmoothQuant as it is and equal ranges of weights do not', async () => {
    const sqnr = (await measured)!;
    const none = await sqnr({ equalization: 'none' });
    expect(await sqnr({ equalization: 'balanced' })).toBeGreaterThan(none + 1);
    expect(await sqnr({ equalization: 'smooth' })).toBeLessThan(none);
    expect(Math.abs((await sqnr({ equalization: 'weights' })) - none)).toBeLessThan(1);
  }, 120_000);

  it('absorption finds next to no high bias, and rounding by covariance changes little', async () => {
    const sqnr = (await measured)!;
    const none = await sqnr({});
    expect(Math.abs((await sqnr({ absorption: true })) - none)).toBeLessThan(0.5);
    expect(Math.abs((await sqnr({ rounding: 'all' })) - none)).toBeLessThan(0.5);
  }, 120_000);
});
