import { createInterface } from 'node:readline';
import { load } from '../../src/api/model.ts';
import { rng } from '../../src/base/rng.ts';
import { compile } from '../../src/runtime/session.ts';

/** octet as a process that waits to be measured, as peer.py does: octet.ts MODEL SIZE BATCH THREADS. */
const [path, ...numbers] = process.argv.slice(2);
const [size, batch, threads] = numbers.map(Number) as [number, number, number];
const random = rng(1);
const input = Float32Array.from({ length: batch * size * size * 3 }, () => random.normal());

const session = await compile(await load(path!), { threads });
// The peers' calls are synchronous too; session.run, which leaves the event loop free, takes about 0.1 ms more.
const run = () => session.runSync({ input });
for (let i = 0; i < 2; i++) run();
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const seconds: number[] = [];
  for (let i = 0; i < Number(line); i++) {
    const begin = performance.now();
    run();
    seconds.push((performance.now() - begin) / 1000);
  }
  console.log(JSON.stringify(seconds));
}
session.dispose();
