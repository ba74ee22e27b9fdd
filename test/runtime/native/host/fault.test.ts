import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hasHost } from '../../../support/native-host.ts';

const script = fileURLToPath(new URL('touch.ts', import.meta.url));

/** STATUS_ACCESS_VIOLATION, with which Windows ends a process that faults. */
const ACCESS_VIOLATION = 0xc000_0005;

/** What became of a process that does this: the signal that ended it, or its output. */
function outcome(...args: (string | number)[]): string {
  const child = spawnSync(process.execPath, ['--import', 'tsx', script, ...args.map(String)], { encoding: 'utf8' });
  if (child.status === ACCESS_VIOLATION) return 'SIGSEGV';
  return child.signal ?? child.stdout.trim() + child.stderr.trim();
}

const FAULT = process.platform === 'darwin' ? 'SIGBUS' : 'SIGSEGV';
const PAGE = 4096;

describe.skipIf(!hasHost)('guard pages', () => {
  it.each([
    ['load', PAGE, PAGE - 1],
    ['store', PAGE, 0],
    ['load-end', 100, 99],
    ['store-async', 100, 99],
  ])('let %s within %i bytes at %i pass', (...args) => {
    expect(outcome(...args)).toBe('survived');
  });

  it.each([
    ['load', PAGE, -1],
    ['store', PAGE, -1],
    ['load', PAGE, PAGE],
    ['store', 3 * 2 ** 20, 3 * 2 ** 20],
    ['load-end', 100, 100],
    ['store-async', 100, 100],
  ])('stop %s of %i bytes at %i', (...args) => {
    expect(outcome(...args)).toBe(FAULT);
  });

  it('stop writes to code and jumps to data', () => {
    expect(outcome('store-code')).toBe(FAULT);
    expect(outcome('run-data')).toBe(FAULT);
  });

  it('stop a stale view where it could not be detached', () => {
    expect(outcome('stale-view', PAGE, 0)).toBe('transfer' in ArrayBuffer.prototype ? 'survived' : FAULT);
  });
});
