import { readdirSync, readFileSync, statSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { messageOf, UserError } from '../../base/errors.ts';
import { inside } from '../../base/files.ts';
import { stringTensor, type Tensor } from '../../base/tensor.ts';
import { type Dataset, datasetOf, type Item, UnreadableSample } from '../dataset.ts';
import { decodePicture } from '../image/decode.ts';
import { preprocessor } from '../image/preprocess.ts';
import type { InputSource, Recipe } from '../recipe/recipe.ts';

const pictureExtensions: readonly string[] = ['.jpg', '.jpeg', '.png', '.webp', '.gif', '.tif', '.tiff', '.avif'];

type Entry = { readonly file: string; readonly label?: number };

const list = (folder: string): string[] => {
  try {
    return readdirSync(folder)
      .filter((name) => !name.startsWith('.'))
      .sort();
  } catch (error) {
    throw new UserError(`can't be read: ${messageOf(error)}`, { file: folder }, 'check the path', { cause: error });
  }
};
const isFolder = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
export const hasExtension = (name: string, extensions: readonly string[]): boolean =>
  extensions.some((extension) => name.toLowerCase().endsWith(extension.toLowerCase()));

/**
 * A folder's files, sorted by name (as bytes): those that `labels.txt` names (`file class` a line), else those of its
 * subfolders, each a class, numbered in sorted order, else its own, without labels.
 */
function entries(folder: string, extensions: readonly string[]): Entry[] {
  const names = list(folder);
  if (names.includes('labels.txt')) return labelled(folder);
  const classes = names.filter((name) => isFolder(join(folder, name)));
  if (classes.length === 0)
    return names.filter((name) => hasExtension(name, extensions)).map((name) => ({ file: join(folder, name) }));
  return classes.flatMap((name, label) =>
    list(join(folder, name))
      .filter((file) => hasExtension(file, extensions))
      .map((file) => ({ file: join(folder, name, file), label })),
  );
}

function labelled(folder: string): Entry[] {
  const file = join(folder, 'labels.txt');
  return readFileSync(file, 'utf8')
    .split(/\r?\n/)
    .flatMap((line, i): Entry[] => {
      if (line.trim() === '') return [];
      const match = /^(.*\S)\s+(\d+)$/.exec(line.trim());
      if (match === null)
        throw new UserError(
          `line ${i + 1} is '${line.slice(0, 80)}'`,
          { file },
          'write a file and a class index on each line',
        );
      return [{ file: inside(folder, match[1]!), label: Number(match[2]) }];
    });
}

/** Reads one file into the one input that the recipe has. Files are found, and may turn out unreadable, one by one. */
function loader(from: InputSource): ((file: string) => Promise<Tensor>) | undefined {
  if (from.kind === 'image') {
    const toTensor = preprocessor(from);
    return async (file) => toTensor(await decodePicture(file));
  }
  if (from.kind !== 'file') return undefined;
  return async (file) => {
    try {
      return stringTensor([await readFile(file)], []);
    } catch (error) {
      throw new UnreadableSample(`the file can't be read: ${messageOf(error)}`, { file }, undefined, { cause: error });
    }
  };
}

function filesDataset(found: readonly Entry[], recipe: Recipe, folder: string): Dataset {
  const [input, ...others] = recipe.inputs;
  const load = input === undefined ? undefined : loader(input.from);
  if (input === undefined || others.length > 0 || load === undefined)
    throw new UserError(`recipe '${recipe.name}' does not take files`, { file: folder }, 'see its inputs');
  if (found.length === 0)
    throw new UserError('holds no samples', { file: folder }, `it needs ${extensionsOf(input.from).join(', ')} files`);
  const items = found.map(
    ({ file, label }): Item => ({
      name: file,
      ...(label === undefined ? {} : { label }),
      load: async () => new Map([[input.name, await load(file)]]),
    }),
  );
  return datasetOf(async function* () {
    yield* items;
  }, items.length);
}

const extensionsOf = (from: InputSource): readonly string[] =>
  from.kind === 'file' ? from.extensions : pictureExtensions;

/**
 * The pictures in a folder (a folder a class, or a `labels.txt` of `file class`, or just pictures), prepared by the
 * recipe's only input; or whole files, where that is what the recipe takes. Listed at once, decoded when asked for.
 * Throws `UserError` on a folder that can't be read or has none.
 */
export function imageFolder(folder: string, recipe: Recipe): Dataset {
  return filesDataset(entries(folder, extensionsOf(recipe.inputs[0]!.from)), recipe, folder);
}

/** A data set of the one picture (or other file that the recipe takes). */
export const singleFile = (file: string, recipe: Recipe): Dataset => filesDataset([{ file }], recipe, file);
