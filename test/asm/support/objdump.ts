import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export function hasObjdump(): boolean {
  try {
    execFileSync('objdump', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The code as binutils reads it: text by the offset of each instruction. */
export function disassemble(code: Uint8Array): Map<number, string> {
  const folder = mkdtempSync(join(tmpdir(), 'octet-asm-'));
  try {
    const file = join(folder, 'code.bin');
    writeFileSync(file, code);
    const options = ['-D', '-b', 'binary', '-m', 'i386:x86-64', '-M', 'intel', '-w', '-z', file];
    const output = execFileSync('objdump', options, { maxBuffer: 2 ** 28, encoding: 'utf8' });
    const lines = output.split('\n').flatMap((line) => {
      const [, offset, text] = /^\s*([0-9a-f]+):\t[0-9a-f ]+\t(.*)$/.exec(line) ?? [];
      return offset === undefined || text === undefined ? [] : [[Number.parseInt(offset, 16), text] as const];
    });
    return new Map(lines);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
