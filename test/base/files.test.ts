import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../src/base/errors.ts';
import { inside, writeFolder, writeWhole } from '../../src/base/files.ts';

const folder = () => mkdtempSync(join(tmpdir(), 'octet-files-'));

describe('whole files', () => {
  it('are written with the folders above them, and leave nothing beside them', async () => {
    const at = folder();
    await writeWhole(join(at, 'a/b/c.txt'), 'text');
    expect(readFileSync(join(at, 'a/b/c.txt'), 'utf8')).toBe('text');
    expect(readdirSync(join(at, 'a/b'))).toEqual(['c.txt']);
  });

  it('end in an error that names the path where they can not be', async () => {
    await expect(writeWhole('/proc/octet/x.pb', 'text')).rejects.toThrow(UserError);
    const at = folder();
    await writeWhole(join(at, 'file'), 'text');
    await expect(writeWhole(join(at, 'file/x.pb'), 'text')).rejects.toThrow(/can't be written/);
  });
});

describe('folders', () => {
  it('are replaced only when they are whole', async () => {
    const at = join(folder(), 'model');
    await writeFolder(at, (to) => writeWhole(join(to, 'one'), '1'));
    const failing = writeFolder(at, async (to) => {
      await writeWhole(join(to, 'two'), '2');
      throw new Error('no more');
    });
    await expect(failing).rejects.toThrow(UserError);
    expect(readdirSync(at)).toEqual(['one']);
  });
});

describe('names from models', () => {
  it('stay inside of their folder', () => {
    expect(inside('/models', 'assets/vocabulary.txt')).toBe(join('/models', 'assets/vocabulary.txt'));
    for (const name of ['../x', '/etc/passwd', 'a/../../x', 'a\0b'])
      expect(() => inside('/models', name)).toThrow(UserError);
  });
});
