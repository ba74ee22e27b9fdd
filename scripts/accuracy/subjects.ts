import { type Dataset, datasetOf, type Sample } from '../../src/data/dataset.ts';
import { fittedTo, openDataset } from '../../src/data/open.ts';
import type { Recipe } from '../../src/data/recipe/recipe.ts';
import { calibrationSplit, evaluationSplit } from '../../src/data/subset.ts';
import type { Model } from '../../src/graph/model.ts';
import { load } from '../../src/index.ts';
import { findRecipe } from '../../src/zoo/recipes/index.ts';
import { sharedPath } from '../../test/support/shared.ts';
import { sounds } from './sounds.ts';

/** A model of the shared folder with the data it is measured on. */
export type Subject = {
  readonly file: string;
  /** A file or folder of the shared data; `sounds` are made here. */
  readonly data: string;
  /** Samples in one run; 1 where the graph takes no more. */
  readonly batch: number;
  readonly evaluation?: 'all' | 'rest';
  readonly signature?: string;
  /** An output of classes to compare predictions by, where the recipe's metric does not. */
  readonly classes?: string;
  /** `--effort high`, which takes minutes of a large network, is measured too. */
  readonly high?: true;
};

export const subjects: readonly Subject[] = [
  { file: 'mobilenet_v2.pb', data: 'imagenet500', batch: 20, evaluation: 'rest', high: true },
  { file: 'efficientnet_lite0.pb', data: 'imagenet500', batch: 20, evaluation: 'rest', high: true },
  { file: 'googlenet.pb', data: 'imagenet500', batch: 20, evaluation: 'rest', high: true },
  { file: 'resnet20_cifar10.pb', data: 'cifar10/test', batch: 100, high: true },
  { file: 'ncf_mlp_ml1m.pb', data: 'ml1m', batch: 40, high: true },
  { file: 'wide_deep_taxi', data: 'taxi/trips.csv', batch: 500, signature: 'predict', classes: 'probabilities' },
  { file: 'ds_cnn_kws.pb', data: 'sounds', batch: 1 },
  { file: 'ssd_mobilenet_v1_coco.pb', data: 'imagenet500', batch: 1 },
  { file: 'ssd_mobilenet_v1_coco_loop.pb', data: 'imagenet500', batch: 1 },
];

export const nameOf = ({ file }: Subject): string => file.replace(/\.pb$/, '');

export type Prepared = {
  readonly model: Model;
  readonly recipe: Recipe | undefined;
  readonly calibration: Dataset;
  /** Decoded once and kept: every variant and runtime sees the same batches. */
  readonly data: Dataset;
};

/** The model and its data, or undefined where the shared folder is not on this machine. */
export async function prepare(subject: Subject, limit: number | undefined): Promise<Prepared | undefined> {
  const { file, batch, signature, evaluation = 'all' } = subject;
  const path = sharedPath(`models/${file}`);
  const dataPath = subject.data === 'sounds' ? undefined : sharedPath(`data/${subject.data}`);
  if (path === undefined || (dataPath === undefined && subject.data !== 'sounds')) return undefined;
  const recipe = await findRecipe(path);
  const outputs = recipe?.outputs;
  const model = await load(path, {
    ...(signature && { signature }),
    ...(outputs && /\.pb$/.test(path) && { outputs }),
  });
  const all =
    dataPath === undefined ? sounds(model.inputs[0]!.key) : fittedTo(model, await openDataset(dataPath, model, recipe));
  const part = dataPath === undefined ? 'rest' : evaluation;
  return {
    model,
    recipe,
    calibration: calibrationSplit(all, recipe),
    data: await kept(evaluationSplit(all, recipe, part), batch, limit),
  };
}

async function kept(data: Dataset, batch: number, limit: number | undefined): Promise<Dataset> {
  const samples: Sample[] = [];
  for await (const sample of data.samples({ batch, ...(limit && { limit }) })) samples.push(sample);
  return {
    ...datasetOf(
      data.items,
      samples.reduce((sum, { count }) => sum + count, 0),
    ),
    samples: async function* () {
      yield* samples;
    },
    skipped: data.skipped,
  };
}
