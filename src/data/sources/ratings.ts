import { createReadStream, readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { UserError } from '../../base/errors.ts';
import { tensor } from '../../base/tensor.ts';
import { type Dataset, datasetOf } from '../dataset.ts';
import type { Recipe } from '../recipe/recipe.ts';

const endings = { rating: '.test.rating', negative: '.test.negative' } as const;

/** Whether `path` is a folder with, or itself is, a leave-one-out test in the form of the NCF paper's data. */
export const isRatings = (path: string): boolean =>
  statSync(path).isDirectory()
    ? readdirSync(path).some((name) => name.endsWith(endings.rating))
    : path.endsWith(endings.rating) || path.endsWith(endings.negative);

function pair(path: string): { readonly rating: string; readonly negative: string } {
  const folder = statSync(path).isDirectory() ? path : dirname(path);
  const name = readdirSync(folder).find((entry) => entry.endsWith(endings.rating));
  if (name === undefined) throw new UserError(`has no file *${endings.rating}`, { file: folder });
  const rating = join(folder, name);
  return { rating, negative: rating.slice(0, -endings.rating.length) + endings.negative };
}

/**
 * The leave-one-out test of He et al., "Neural Collaborative Filtering" (2017): `*.test.rating` has a line `user item …`
 * for each user, `*.test.negative` a line `(user,item) negative …`. A sample is a user with the chosen item first (so its
 * label is 0) and then the negatives other than that: as many rows for each input.
 */
export function ratingDataset(path: string, recipe: Recipe): Dataset {
  const files = pair(path);
  const columns = recipe.inputs.map(({ name, from }) => {
    if (from.kind !== 'rating')
      throw new UserError(`the recipe takes inputs of kind '${from.kind}', not ratings`, { file: path });
    return [name, from.column] as const;
  });
  return datasetOf(async function* () {
    let line = 0;
    for await (const [rating, negative] of together(lines(files.rating), lines(files.negative), files)) {
      line++;
      const [user, item] = wholeNumbers(rating.split('\t').slice(0, 2), files.rating, line);
      const [key, ...others] = negative.split('\t');
      if (key !== `(${user},${item})`)
        throw new UserError(`line ${line} is for ${key}, not for (${user},${item})`, { file: files.negative });
      // The published files name the chosen item among the negatives of 156 users; it is no negative there.
      const negatives = wholeNumbers(others, files.negative, line).filter((other) => other !== item);
      const candidates = Int32Array.of(item!, ...negatives);
      const users = new Int32Array(candidates.length).fill(user!);
      const shape = [candidates.length];
      const feeds = new Map(
        columns.map(([name, column]) => [name, tensor('int32', shape, column === 'user' ? users : candidates)]),
      );
      yield { name: `user ${user}`, label: 0, load: async () => feeds };
    }
  });
}

async function* lines(file: string): AsyncGenerator<string, void, undefined> {
  const input = createReadStream(file);
  const failed = new Promise<never>((_, reject) => {
    input.on('error', (error) => reject(new UserError(`can't be read: ${error.message}`, { file })));
  });
  failed.catch(() => {});
  const reader = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await Promise.race([reader.next(), failed]);
      if (next.done === true) return;
      if (next.value.trim() !== '') yield next.value.trim();
    }
  } finally {
    input.destroy();
  }
}

/** Two files line by line. Throws `UserError` when one ends before the other. */
async function* together(
  a: AsyncGenerator<string>,
  b: AsyncGenerator<string>,
  files: { readonly rating: string; readonly negative: string },
): AsyncGenerator<readonly [string, string]> {
  try {
    for (;;) {
      const [x, y] = [await a.next(), await b.next()];
      if (x.done === true && y.done === true) return;
      if (x.done === true || y.done === true)
        throw new UserError('ends before the other file does', {
          file: x.done === true ? files.rating : files.negative,
        });
      yield [x.value, y.value];
    }
  } finally {
    await a.return(undefined);
    await b.return(undefined);
  }
}

function wholeNumbers(cells: readonly string[], file: string, line: number): number[] {
  return cells.map((cell) => {
    if (!/^\d{1,9}$/.test(cell))
      throw new UserError(`line ${line} holds '${cell.slice(0, 40)}', not an id`, { file }, 'ids are whole numbers');
    return Number(cell);
  });
}
