/** Opens, runs and disposes of a session as often as is asked for; prints what memory has grown by. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { load, writeGraphDef } from '../../../src/formats/index.ts';
import { compile } from '../../../src/runtime/session.ts';
import { requireHost } from '../../support/native-host.ts';
import { normalInput, smallModel } from '../../support/small-models.ts';

const cycles = Number(process.argv[2]);
const host = await requireHost();
const folder = mkdtempSync(join(tmpdir(), 'octet-cycles-'));
const file = join(folder, 'm.pb');
const { graph } = smallModel([null, 16, 16, 16], ({ input, conv, unary }) =>
  unary('Relu', 'relu', conv('second', conv('first', input, [16, 64]), [64, 64])),
);
writeFileSync(file, writeGraphDef(graph));
const x = normalInput([3, 16, 16, 16]);

async function cycle(): Promise<void> {
  const session = await compile(await load(file), { backend: 'native', threads: 2 });
  await session.run({ x });
  session.dispose();
}
function memory() {
  for (let i = 0; i < 4; i++) globalThis.gc!();
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heapUsed };
}
for (let i = 0; i < 100; i++) await cycle();
const before = memory();
for (let i = 0; i < cycles; i++) await cycle();
const after = memory();
rmSync(folder, { recursive: true });
const MiB = 2 ** 20;
console.log(
  JSON.stringify({
    regions: host.usage.regions,
    residentMiB: (after.rss - before.rss) / MiB,
    heapMiB: (after.heapUsed - before.heapUsed) / MiB,
  }),
);
