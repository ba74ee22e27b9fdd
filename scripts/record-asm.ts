/** Records how binutils reads what the assembler emits: `npx tsx scripts/record-asm.ts`, where objdump is installed. */
import { writeFileSync } from 'node:fs';
import { GOLDEN, record } from '../test/asm/support/golden.ts';

const lines = record();
writeFileSync(GOLDEN, `${lines.join('\n')}\n`);
console.log(`${lines.length} instructions recorded in ${GOLDEN}`);
