import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { writeWhole } from '../src/base/files.ts';

const page = fileURLToPath(new URL('../docs/conformance.md', import.meta.url));

const start = `# octet and TensorFlow

Written by \`npm run conformance\`, which runs octet's reference runtime and stock \`tensorflow-cpu\` on the same inputs.
Codes that differ are one step apart; how often they may is 1 in 100,000.
`;

/** Puts a section into docs/conformance.md, between its marks. */
export async function writeSection(name: string, text: string): Promise<void> {
  const old = existsSync(page) ? await readFile(page, 'utf8') : start;
  const [open, close] = [`<!-- ${name} -->`, `<!-- end of ${name} -->`];
  const [before, rest] = old.includes(open)
    ? [old.slice(0, old.indexOf(open)), old.slice(old.indexOf(close) + close.length)]
    : [`${old}\n`, '\n'];
  await writeWhole(page, `${before}${open}\n\n${text}\n${close}${rest}`);
}
