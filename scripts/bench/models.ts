import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { forSpeed } from '../../src/api/benchmark.ts';
import { load } from '../../src/api/model.ts';
import { optimize } from '../../src/api/optimize.ts';
import { quantize } from '../../src/api/quantize.ts';
import { readBytes, writeWhole } from '../../src/base/files.ts';
import { concatFeeds } from '../../src/data/batch.ts';
import { openDataset } from '../../src/data/open.ts';
import { randomDataset } from '../../src/data/sources/random.ts';
import { writeNpz } from '../../src/formats/npz.ts';
import { save } from '../../src/formats/save.ts';
import type { Feeds } from '../../src/graph/runner.ts';
import type { Architecture } from '../../src/zoo/index.ts';

const exec = promisify(execFile);
const prepareScript = fileURLToPath(new URL('prepare.py', import.meta.url));
const samples = 16;

/**
 * The forms of a network that are measured, in a folder of `cache` that is named after the graph's contents. The peers'
 * forms are made once; octet's own each time, since its pipeline is what is being worked on.
 */
export async function prepareModels(
  { name, build }: Architecture,
  { cache, python, log }: { cache: string; python: string | undefined; log: (line: string) => void },
): Promise<string> {
  const draft = join(cache, `${name}.pb`);
  const model = build();
  await save(model, draft);
  const hash = createHash('sha256')
    .update(await readBytes(draft))
    .digest('hex');
  const folder = join(cache, `${name}-${hash.slice(0, 12)}`);
  const at = (file: string): string => join(folder, file);
  const calibration = at('calibration.npz');
  if (!existsSync(calibration)) {
    const feeds: Feeds[] = [];
    for await (const sample of randomDataset(model).samples({ limit: samples })) feeds.push(sample.feeds);
    await writeWhole(calibration, writeNpz(new Map(concatFeeds(feeds, 'noise'))));
  }
  await rename(draft, at('fp32.pb'));
  const begin = performance.now();
  const data = await openDataset(calibration, model);
  await save(
    await quantize(await load(at('fp32.pb')), { calibration: data, samples, ...forSpeed }),
    at('octet-int8.pb'),
  );
  log(`${name}: quantized by octet in ${((performance.now() - begin) / 1000).toFixed(1)} s`);
  await save(optimize(model), at('octet-fp32.pb'));
  if (python !== undefined && !existsSync(at('openvino-int8.xml'))) {
    log(`${name}: converting to ONNX, quantizing for ONNX Runtime and OpenVINO`);
    try {
      await exec(python, [prepareScript, folder], { maxBuffer: 64 << 20 });
    } catch (error) {
      await rm(at('openvino-int8.xml'), { force: true });
      throw error;
    }
  }
  return folder;
}
