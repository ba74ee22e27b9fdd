import { type Command, InvalidArgumentError, Option } from 'commander';
import { load, type SavableModel } from '../api/model.ts';
import type { Dataset } from '../data/dataset.ts';
import { openDataset } from '../data/open.ts';
import type { Recipe } from '../data/recipe/recipe.ts';
import { calibrationSplit, evaluationSplit } from '../data/subset.ts';
import type { Model } from '../graph/model.ts';
import { type BackendName, backendNames } from '../runtime/backends.ts';
import type { Session } from '../runtime/session.ts';
import { findRecipe } from '../zoo/recipes/index.ts';

export type ModelOptions = {
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly signature?: string;
  readonly tags?: readonly string[];
};
export type DataOptions = { readonly data: string; readonly recipe?: string };
export type BackendOption = { readonly backend: BackendName | 'auto'; readonly threads?: number };
export type JsonOption = { readonly json?: boolean };

const list = (text: string): string[] => text.split(',').filter((item) => item !== '');

/** Adds what a list may gather over several uses of an option: `--exclude-op A,B --exclude-op C`. */
export const gather = (text: string, before: readonly string[] = []): string[] => [...before, ...list(text)];

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('give a whole number from 1');
  return value;
}

export const samplesText = 'how many samples to calibrate with: 100, or 20 on the reference backend';

export const withJson = (command: Command): Command => command.option('--json', 'print the result as JSON on stdout');

export const withModel = (command: Command): Command =>
  command
    .option('--inputs <names>', 'the values that are inputs, where the model has no signature', list)
    .option('--outputs <names>', 'the values that are outputs', list)
    .option('--signature <key>', 'the signature of a SavedModel')
    .option('--tags <tags>', 'the tags of a SavedModel', list);

export const withData = (command: Command, { required = true } = {}): Command => {
  const option = new Option('--data <path>', "image folder, TFRecord, CSV, rating files, .npz of arrays, or 'random'");
  return command
    .addOption(required ? option.makeOptionMandatory() : option)
    .option(
      '--recipe <recipe>',
      'how samples become inputs: a JSON file or a built-in name; found beside the model by itself',
    );
};

export const withBackend = (command: Command): Command =>
  command
    .addOption(new Option('--backend <name>', 'what runs the model').choices([...backendNames, 'auto']).default('auto'))
    .option('--threads <n>', 'how many threads', wholeNumber);

/**
 * The model, with the outputs that are asked for; those of its recipe where a frozen graph, which has no signature, is not
 * told any: networks often end in a softmax of the logits that are measured.
 */
export async function loadModel(
  path: string,
  { inputs, outputs, signature, tags, recipe }: ModelOptions & { readonly recipe?: string },
): Promise<SavableModel> {
  const frozen = /\.pb(txt)?$/.test(path);
  const wanted = outputs ?? (frozen ? (await findRecipe(path, recipe))?.outputs : undefined);
  return load(path, {
    ...(inputs && { inputs }),
    ...(wanted && { outputs: wanted }),
    ...(signature && { signature }),
    ...(tags && { tags }),
  });
}

export type Opened = {
  readonly recipe: Recipe | undefined;
  readonly all: Dataset;
  readonly calibration: Dataset;
  readonly evaluation: Dataset;
};

/** The data that a command was given, with the recipe beside the model or the one named, split for its two uses. */
export async function openData(
  modelPath: string,
  model: Model,
  { data, recipe: explicit }: DataOptions,
): Promise<Opened> {
  const recipe = await findRecipe(modelPath, explicit);
  const all = await openDataset(data, model, recipe);
  return { recipe, all, calibration: calibrationSplit(all, recipe), evaluation: evaluationSplit(all, recipe) };
}

export const threadsOf = ({ threads }: BackendOption) => (threads === undefined ? {} : { threads });

/** Says on stderr which better backends were not taken, and why: the one that is left may be a hundred times slower. */
export function tellFallbacks({ backend, fallbacks }: Session): void {
  for (const { backend: better, reason } of fallbacks)
    console.error(`octet: runs on the ${backend} backend, since ${better} can't: ${reason}`);
}

/** One result as JSON on stdout, or as text for people. */
export function print(result: unknown, { json }: JsonOption, text: () => string): void {
  console.log(json ? JSON.stringify(result, jsonValue, 2) : text());
}

/** JSON has no infinity and no bigint. */
const jsonValue = (_key: string, value: unknown): unknown => {
  if (typeof value === 'bigint') return Number(value);
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
};
