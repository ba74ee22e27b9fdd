import { createReadStream, readdirSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { messageOf, UserError } from '../../base/errors.ts';
import { readRecords } from '../../formats/tfrecord.ts';
import { type Dataset, datasetOf } from '../dataset.ts';
import type { Recipe } from '../recipe/recipe.ts';
import { recordReader } from './example-inputs.ts';

export const isRecordFile = (name: string): boolean => /\.tfrecords?\b|\.tfrec\b|tfrecords?-\d/.test(name);

/** The records of a TFRecord file, gzip-compressed or not, in constant memory. Throws `UserError` naming the file. */
export async function* recordsOfFile(file: string): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    const handle = await open(file);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    await handle.close();
    const zipped = bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
    const stream = createReadStream(file, { highWaterMark: 2 ** 18 });
    try {
      yield* readRecords(zipped ? unzipped(stream) : stream, { file });
    } finally {
      stream.destroy();
    }
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw new UserError(`can't be read: ${messageOf(error)}`, { file }, undefined, { cause: error });
  }
}

function unzipped(stream: Readable): Readable {
  const gunzip = stream.pipe(createGunzip());
  // A pipe does not hand on errors.
  stream.on('error', (error) => gunzip.destroy(error));
  return gunzip;
}

function filesOf(path: string): string[] {
  if (!statSync(path).isDirectory()) return [path];
  return readdirSync(path)
    .filter(isRecordFile)
    .sort()
    .map((name) => join(path, name));
}

/** TFRecords of tf.Example: a file, or a folder of shards in sorted order. Inputs and labels as the recipe says. */
export function recordDataset(path: string, recipe: Recipe): Dataset {
  const files = filesOf(path);
  const reader = recordReader(recipe);
  return datasetOf(async function* () {
    for (const file of files) {
      let record = 0;
      for await (const bytes of recordsOfFile(file)) {
        const name = `${file} record ${record++}`;
        const label = reader.label(bytes, name);
        yield { name, ...(label === undefined ? {} : { label }), load: () => reader.feeds(bytes, name) };
      }
    }
  });
}
