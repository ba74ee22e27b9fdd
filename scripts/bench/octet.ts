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
const run = () => session.run({ input });
for (let i = 0; i < 2; i++) await run();
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const seconds: number[] = [];
  for (let i = 0; i < Number(line); i++) {
    const begin = performance.now();
    await run();
    seconds.push((performance.now() - begin) / 1000);
  }
  console.log(JSON.stringify(seconds));
}
session.dispose();
