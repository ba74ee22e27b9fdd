import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { invariant } from '../src/base/errors.ts';
import { writeWhole } from '../src/base/files.ts';

const page = fileURLToPath(new URL('../docs/conformance.md', import.meta.url));

/** Puts a section into docs/conformance.md, between its marks. */
export async function writeSection(name: string, text: string): Promise<void> {
  const old = await readFile(page, 'utf8');
  const [open, close] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  invariant(old.includes(open) && old.includes(close), `${page} has no marks for ${name}`);
  const [before, rest] = [old.slice(0, old.indexOf(open)), old.slice(old.indexOf(close) + close.length)];
  await writeWhole(page, `${before}${open}\n\n${text}\n${close}${rest}`);
}
