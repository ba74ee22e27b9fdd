import { readdir, readFile } from 'node:fs/promises';
import { cpus, loadavg } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { writeWhole } from '../src/base/files.ts';
import { median } from '../src/base/statistics.ts';
import { openHost } from '../src/runtime/native/host/host.ts';
import { availableThreads } from '../src/runtime/native/host/threads.ts';
import { measurePeak } from '../src/runtime/native/peak.ts';
import { type Architecture, architectures } from '../src/zoo/index.ts';
import { type Engine, engines, type Setting, workerOf } from './bench/engines.ts';
import { prepareModels } from './bench/models.ts';
import { findPeers } from './bench/python.ts';
import { type Measurement, markdown, merged, type Results, withTable } from './bench/results.ts';
import { startWorker, type Worker } from './bench/worker.ts';

/**
 * octet beside TensorFlow, ONNX Runtime and OpenVINO, in one sitting: every engine in a process of its own, one at a time,
 * in rounds, so that what else the machine does meanwhile strikes all alike. Networks come from octet's zoo; int8 is each
 * engine's own static quantization, per channel, calibrated on the same noise.
 *
 *   npm run bench -- [--networks resnet50,mobilenet_v2] [--batch 32,1] [--rounds 6] [--quick] [--write]
 */
const list = (text: string): string[] => text.split(',').filter((item) => item !== '');
const numbers = (text: string): number[] => list(text).map(Number);

const options = new Command('bench')
  .option('--networks <names>', 'which networks of the zoo', list, [...architectures.keys()])
  .option('--batch <sizes>', 'batch sizes', numbers, [32, 1])
  .option('--threads <n>', 'threads of every engine', Number, Math.min(2, availableThreads()))
  .option('--rounds <n>', 'how often each engine has its turn', Number, 11)
  .option('--seconds <n>', 'how long a turn takes, about', Number, 0.4)
  .option('--engines <pattern>', 'only the engines whose name and type it matches', '')
  .option('--quick', 'two networks, three short turns')
  .option('--write', 'put the table into README.md, with what was measured earlier today')
  .parse()
  .opts<{
    networks: string[];
    batch: number[];
    threads: number;
    rounds: number;
    seconds: number;
    engines: string;
    quick?: boolean;
    write?: boolean;
  }>();

const root = fileURLToPath(new URL('..', import.meta.url));
const cache = join(root, '.cache');
const log = (line: string): void => console.error(line);
const { networks, rounds, seconds } = options.quick
  ? {
      networks: options.networks.filter((name) => ['resnet50', 'mobilenet_v2'].includes(name)),
      rounds: 3,
      seconds: 0.5,
    }
  : options;

if (loadavg()[0]! > 0.5)
  log(`the machine is busy (load ${loadavg()[0]!.toFixed(1)}): figures will be too low, and not comparable`);
const python = await findPeers(join(cache, 'bench-venv'), log);
const chosen = engines.filter(
  ({ name, dtype, peer }) =>
    (peer === undefined || python !== undefined) && new RegExp(options.engines, 'i').test(`${name} ${dtype}`),
);

const measurements: Measurement[] = [];
for (const name of networks) {
  const architecture = architectures.get(name);
  if (architecture === undefined) throw new Error(`no network '${name}' among ${[...architectures.keys()].join(', ')}`);
  const folder = await prepareModels(architecture, { cache: join(cache, 'bench'), python, log });
  for (const batch of options.batch) measurements.push(...(await compareEngines(architecture, folder, batch)));
}
const folder = join(cache, 'bench');
const results = merged(await latest(), await describe(measurements));
const stamp = new Date().toISOString().slice(0, 19).replaceAll(':', '-');
await writeWhole(join(folder, `${stamp}.json`), `${JSON.stringify(results, undefined, 2)}\n`);
console.log(markdown(results));
if (options.write) await writeReadme(results);

/** Measures all engines on one network and batch, turn by turn. */
async function compareEngines({ name, size }: Architecture, folder: string, batch: number): Promise<Measurement[]> {
  const setting: Setting = { folder, size, batch, threads: options.threads };
  const running: { engine: Engine; worker: Worker; turns: (readonly number[])[]; count: number }[] = [];
  try {
    for (const engine of chosen) {
      const { command, args } = workerOf(engine, setting, python);
      const worker = await startWorker(command, args);
      const [first] = await worker.run(1);
      running.push({ engine, worker, turns: [], count: Math.min(200, Math.max(1, Math.round(seconds / first!))) });
    }
    for (let round = 0; round < rounds; round++)
      for (const { worker, turns, count } of running) turns.push(await worker.run(count));
  } finally {
    for (const { worker } of running) worker.stop();
  }
  return running.map(({ engine, turns }) => {
    const all = turns.flat();
    const measured = {
      network: name,
      batch,
      engine: engine.name,
      dtype: engine.dtype,
      median: batch / median(all),
      best: batch / Math.min(...all),
      turns: turns.map((seconds) => batch / median(seconds)),
    };
    log(
      `${name}, batch ${batch}: ${engine.name} ${engine.dtype} ${measured.median.toFixed(1)} images/s, best ${measured.best.toFixed(1)}`,
    );
    return measured;
  });
}

async function describe(measurements: readonly Measurement[]): Promise<Results> {
  const host = await openHost();
  const peers = await readFile(new URL('bench/requirements.txt', import.meta.url), 'utf8');
  const version = (of: string) => new RegExp(`^${of}==(.*)$`, 'm').exec(peers)?.[1];
  return {
    date: new Date().toISOString().slice(0, 10),
    processor: 'unavailable' in host ? cpus()[0]!.model : host.cpu.brand,
    node: process.versions.node,
    threads: options.threads,
    peak: 'unavailable' in host ? undefined : measurePeak(host, host.isa()),
    versions:
      python === undefined
        ? []
        : [
            `TensorFlow ${version('tensorflow-cpu')}`,
            `ONNX Runtime ${version('onnxruntime')}`,
            `OpenVINO ${version('openvino')}`,
          ],
    measurements,
  };
}

/** What the run before this one found, and those before it. */
async function latest(): Promise<Results | undefined> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).toSorted();
  const newest = names.at(-1);
  return newest === undefined ? undefined : JSON.parse(await readFile(join(folder, newest), 'utf8'));
}

async function writeReadme(results: Results): Promise<void> {
  const path = join(root, 'README.md');
  const changed = withTable(await readFile(path, 'utf8'), markdown(results));
  if (changed === undefined) throw new Error(`${path} has no place for the table: <!-- speed --> … <!-- /speed -->`);
  await writeWhole(path, changed);
}
