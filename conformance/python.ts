import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { messageOf, UserError } from '../src/base/errors.ts';

/**
 * The Python that real TensorFlow runs in: OCTET_PYTHON when that interpreter has the packages already, else an environment
 * of our own in conformance/.venv, made with OCTET_PYTHON or the first python3 on the path and kept for the next time.
 */
const folder = fileURLToPath(new URL('.', import.meta.url));
const requirements = join(folder, 'requirements.txt');
const environment = join(folder, '.venv');
const windows = process.platform === 'win32';
const ownPython = join(environment, windows ? 'Scripts/python.exe' : 'bin/python');
const marker = join(environment, 'complete');

const exec = promisify(execFile);
const probe = 'import importlib.metadata as m, PIL; print(m.version("tensorflow-cpu"))';

/** Path of a Python with TensorFlow, or undefined when none is ready; installs nothing. */
export async function findPython(): Promise<string | undefined> {
  const named = process.env.OCTET_PYTHON;
  if (named !== undefined && named !== '' && (await hasTensorFlow(named))) return named;
  return existsSync(marker) && (await readFile(marker, 'utf8')) === (await fingerprint()) ? ownPython : undefined;
}

/**
 * Path of a Python with TensorFlow; makes the environment where there is none (about 1 GB on disk).
 * Throws `UserError` when there is no python3, or when pip fails.
 */
export async function ensurePython(log: (line: string) => void): Promise<string> {
  const ready = await findPython();
  if (ready !== undefined) return ready;
  const base = await findInterpreter();
  log(`making ${environment} with ${base}: ${(await readFile(requirements, 'utf8')).trim().replaceAll('\n', ', ')}`);
  try {
    await exec(base, ['-m', 'venv', '--clear', environment]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '-r', requirements];
    await exec(ownPython, pip, { maxBuffer: 64 << 20 });
  } catch (error) {
    throw new UserError(
      `TensorFlow could not be installed with ${base}: ${messageOf(error)}`,
      { file: requirements },
      'set OCTET_PYTHON to a Python 3.10-3.13 with venv and pip, or to one that has the packages',
      { cause: error },
    );
  }
  await writeFile(marker, await fingerprint());
  return ownPython;
}

const fingerprint = async (): Promise<string> =>
  createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');

/** Whether `python` has the TensorFlow that requirements.txt pins, and Pillow. */
async function hasTensorFlow(python: string): Promise<boolean> {
  const pinned = /tensorflow-cpu==(\S+)/.exec(await readFile(requirements, 'utf8'))?.[1];
  try {
    return (await exec(python, ['-c', probe])).stdout.trim() === pinned;
  } catch {
    return false;
  }
}

async function findInterpreter(): Promise<string> {
  const named = process.env.OCTET_PYTHON;
  const candidates = [named, 'python3', 'python3.13', 'python3.12', 'python3.11', 'python3.10', 'python'];
  for (const candidate of candidates) {
    if (candidate === undefined || candidate === '') continue;
    const version = await exec(candidate, ['-c', 'import sys; print(*sys.version_info[:2])']).catch(() => undefined);
    const [major, minor] = version?.stdout.trim().split(' ').map(Number) ?? [];
    if (major === 3 && minor! >= 10 && minor! <= 13) return candidate;
  }
  throw new UserError(
    'the comparison with TensorFlow needs Python 3.10 to 3.13, and none was found',
    {},
    'install python3 (with venv), or set OCTET_PYTHON to its path',
  );
}
