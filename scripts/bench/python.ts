import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const exec = promisify(execFile);
const requirements = fileURLToPath(new URL('requirements.txt', import.meta.url));

/**
 * A Python with the peers, in `folder`, made where it is not there yet (about 3 GB on disk). Undefined, with a line that
 * says why, where there is no Python or the packages can't be had.
 */
export async function findPeers(folder: string, log: (line: string) => void): Promise<string | undefined> {
  const windows = process.platform === 'win32';
  const python = join(folder, windows ? 'Scripts/python.exe' : 'bin/python');
  const marker = join(folder, 'complete');
  const wanted = createHash('sha256')
    .update(await readFile(requirements))
    .digest('hex');
  if (existsSync(marker) && (await readFile(marker, 'utf8')) === wanted) return python;
  try {
    log(`installing the peers into ${folder}`);
    await exec(process.env.OCTET_PYTHON ?? 'python3', ['-m', 'venv', folder]);
    await exec(python, ['-m', 'pip', 'install', '--quiet', '-r', requirements], { maxBuffer: 64 << 20 });
    await writeFile(marker, wanted);
    return python;
  } catch (error) {
    const reason = error instanceof Error ? error.message.split('\n')[0] : String(error);
    log(`no peers, octet alone: ${reason}`);
    return undefined;
  }
}
