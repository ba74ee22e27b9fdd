import { randomBytes } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { access, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, relative, resolve } from 'node:path';
import { messageOf, UserError } from './errors.ts';

const temporaryName = (path: string): string => `${path}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;

/** Why the file system refused, in words: its own messages repeat the path and the system call. */
function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return (code && reasons.get(code)) ?? messageOf(error);
}

const reasons: ReadonlyMap<string, string> = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EROFS', 'the file system is read-only'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'part of the path is a file, not a folder'],
  ['ENOSPC', 'the disk is full'],
]);

const remedyOf = (error: unknown): string =>
  (error as NodeJS.ErrnoException).code === 'ENOSPC' ? 'free some space' : 'check the folder and its permissions';

/** The error for a file that can't be written. */
const unwritable = (path: string, error: unknown): UserError =>
  new UserError(`can't be written: ${reasonOf(error)}`, { file: path }, remedyOf(error), { cause: error });

/** The error for a file that can't be read. */
export const unreadable = (path: string, error: unknown): UserError =>
  new UserError(`can't be read: ${reasonOf(error)}`, { file: path }, 'check the path', { cause: error });

/**
 * Throws `UserError` where a file at `path` could not be written: to be asked before long work, not after it. Looks at the
 * nearest folder that is there already.
 */
export async function checkWritable(path: string): Promise<void> {
  const target = resolve(path);
  try {
    for (let folder = dirname(target); ; folder = dirname(folder)) {
      const info = await stat(folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT' && folder !== dirname(folder)) return undefined;
        throw error;
      });
      if (info === undefined) continue;
      if (!info.isDirectory()) throw Object.assign(new Error('not a folder'), { code: 'ENOTDIR' });
      await access(folder, constants.W_OK);
      return;
    }
  } catch (error) {
    throw unwritable(path, error);
  }
}

/** The file's bytes. Throws `UserError` naming the file when it can't be read. */
export async function readBytes(path: string): Promise<Uint8Array> {
  try {
    const { buffer, byteOffset, byteLength } = await readFile(path);
    // A plain view: a Node Buffer's slice() and others are not Uint8Array's.
    return new Uint8Array(buffer, byteOffset, byteLength);
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Makes a folder and those above it. Node's own way (`recursive`) never ends where the kernel refuses, as in /proc. */
async function makeFolder(folder: string): Promise<void> {
  if (existsSync(folder)) return;
  await makeFolder(dirname(folder));
  await mkdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
}

/** Writes a whole file or nothing: a temporary name beside it first, then a rename. Makes the folder where needed. */
export async function writeWhole(path: string, contents: Uint8Array | string): Promise<void> {
  const temporary = temporaryName(path);
  try {
    await makeFolder(dirname(path));
    await writeFile(temporary, contents);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => {});
    throw unwritable(path, error);
  }
}

/** Fills a folder under a temporary name with `fill`, then renames it; an existing folder is replaced only then. */
export async function writeFolder(path: string, fill: (folder: string) => Promise<void>): Promise<void> {
  const temporary = temporaryName(path);
  const old = temporaryName(path);
  try {
    await makeFolder(dirname(temporary));
    await mkdir(temporary);
    await fill(temporary);
    await rename(path, old).catch(() => {});
    await rename(temporary, path);
  } catch (error) {
    if (error instanceof UserError) throw error;
    throw unwritable(path, error);
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    await rm(old, { recursive: true, force: true }).catch(() => {});
  }
}

/** `name` inside `folder`. Throws `UserError` when it would lie outside: names in model files are not to be trusted. */
export function inside(folder: string, name: string): string {
  const path = resolve(folder, name);
  const way = relative(resolve(folder), path);
  if (isAbsolute(name) || way.startsWith('..') || isAbsolute(way) || name.includes('\0'))
    throw new UserError(
      `names the file '${name}', which lies outside of its folder`,
      { file: folder },
      'do not trust it',
    );
  return join(folder, name);
}
