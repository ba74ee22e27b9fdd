import { mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { writeWhole } from '../../src/base/files.ts';

vi.mock('node:fs/promises', async (original) => {
  const real = await original<typeof import('node:fs/promises')>();
  return {
    ...real,
    // As a full disk does: some bytes are written, then no more.
    writeFile: async (path: string) => {
      await real.writeFile(path, 'some');
      throw Object.assign(new Error('write'), { code: 'ENOSPC' });
    },
  };
});

it('a full disk: says so and what helps, and leaves nothing half-written', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'octet-full-'));
  await expect(writeWhole(join(folder, 'x.pb'), 'more')).rejects.toThrow(/x\.pb: .*the disk is full — free some space/);
  expect(readdirSync(folder)).toEqual([]);
});
