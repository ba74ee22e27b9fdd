import { readdir } from 'node:fs/promises';
import { dirname, extname } from 'node:path';
import { UserError } from '../base/errors.ts';
import { checkWritable, inside, writeWhole } from '../base/files.ts';
import type { Model } from '../graph/model.ts';
import { writeGraphDef } from './graph-def/graph-def.ts';
import { writeGraphText } from './graph-def/text.ts';
import { markSignature } from './marks.ts';
import { writeSavedModel } from './saved-model/write.ts';

/** Formats that are often asked for and that octet does not write. */
const others = new Set(['.json', '.h5', '.keras', '.tflite', '.onnx', '.zip', '.npz']);

/** The folder of a SavedModel that `path` names, or undefined where it names a file. Throws on formats octet does not write. */
function folderOf(path: string): string | undefined {
  const extension = path.endsWith('/') ? '' : extname(path).toLowerCase();
  if (others.has(extension))
    throw new UserError(
      `octet does not write ${extension} files`,
      { file: path },
      'write a .pb, a .pbtxt or a SavedModel folder',
    );
  if (extension === '.pb' || extension === '.pbtxt') return undefined;
  return path.length > 1 ? path.replace(/\/+$/, '') : path;
}

/** Throws `UserError` where `save` could not write to `path`: to be asked before long work, not after it. */
export async function checkDestination(path: string): Promise<void> {
  const folder = folderOf(path);
  if (folder !== undefined) await refuseOthers(folder);
  await checkWritable(folder ?? path);
}

/**
 * Writes a model whole or not at all: a GraphDef to `.pb` or `.pbtxt`, else a SavedModel to the folder `path`. A GraphDef
 * holds no signature: octet's own attributes keep it, which TensorFlow ignores. Its assets are written beside it, where the
 * graph says. Throws `UserError` when the path can't be written, or is a folder that holds something else.
 */
export async function save(model: Model, path: string): Promise<void> {
  const folder = folderOf(path);
  if (folder !== undefined) {
    await refuseOthers(folder);
    await writeSavedModel(model, folder);
    return;
  }
  const graph = markSignature(model);
  const contents = path.toLowerCase().endsWith('.pb') ? writeGraphDef(graph) : writeGraphText(graph);
  for (const [name, bytes] of model.assets) await writeWhole(inside(dirname(path), name), bytes);
  await writeWhole(path, contents);
}

/** A folder is replaced as a whole, so only where it is empty or a SavedModel already. */
async function refuseOthers(folder: string): Promise<void> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw new UserError('is no folder to write a SavedModel to', { file: folder }, 'give another path', {
      cause: error,
    });
  }
  if (names.length > 0 && !names.includes('saved_model.pb'))
    throw new UserError('the folder holds other files', { file: folder }, 'give a folder that is empty or new');
}
