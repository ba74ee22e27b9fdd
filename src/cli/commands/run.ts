import type { SavableModel } from '../../api/model.ts';
import { UserError } from '../../base/errors.ts';
import { checkWritable, readBytes, writeWhole } from '../../base/files.ts';
import { formatShape } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import { readNpz, writeNpz } from '../../formats/npz.ts';
import type { Feeds } from '../../graph/runner.ts';
import { compile } from '../../runtime/session.ts';
import type { AddCommand } from '../command.ts';
import {
  type BackendOption,
  type JsonOption,
  loadModel,
  type ModelOptions,
  openData,
  print,
  tellFallbacks,
  threadsOf,
  withBackend,
  withJson,
  withModel,
} from '../options.ts';
import { table } from '../table.ts';

type Options = ModelOptions & BackendOption & JsonOption & { input: string; output?: string; recipe?: string };

export const runCommand: AddCommand = (program, signal) => {
  const command = program
    .command('run <model>')
    .description('runs a model on arrays or on a picture')
    .requiredOption('--input <path>', "an .npz of arrays named after the inputs, a picture, or 'random'")
    .option('--output <path>', 'where to write the outputs (.npz)')
    .option('--recipe <recipe>', 'how a picture becomes the input');
  withJson(withBackend(withModel(command))).action(async (path: string, options: Options) => {
    if (options.output !== undefined) await checkWritable(options.output);
    const model = await loadModel(path, options);
    const feeds = await feedsFrom(path, model, options);
    using session = await compile(model, {
      backend: options.backend,
      signal,
      ...threadsOf(options),
    });
    tellFallbacks(session);
    const start = performance.now();
    const outputs = await session.run(Object.fromEntries(feeds), { signal });
    const ms = performance.now() - start;
    if (options.output !== undefined) await writeWhole(options.output, writeNpz(new Map(Object.entries(outputs))));
    const rows = Object.entries(outputs).map(([key, { dtype, shape }]) => ({ key, dtype, shape }));
    const summary = { backend: session.backend, ms, outputs: rows, ...(options.output && { output: options.output }) };
    print(summary, options, () => {
      const text = table([
        ['output', 'type', 'shape'],
        ...rows.map(({ key, dtype, shape }) => [key, dtype, formatShape(shape)]),
      ]);
      return `${text}\n\n${ms.toFixed(1)} ms on the ${session.backend} backend${options.output ? `; wrote ${options.output}` : ''}`;
    });
  });
};

async function feedsFrom(path: string, model: SavableModel, { input, recipe }: Options): Promise<Feeds> {
  if (input.endsWith('.npz')) {
    const arrays: ReadonlyMap<string, Tensor> = readNpz(await readBytes(input), { file: input });
    const missing = model.inputs.filter(({ key }) => !arrays.has(key));
    if (missing.length > 0)
      throw new UserError(
        `has no array '${missing[0]!.key}'`,
        { file: input },
        `it has ${[...arrays.keys()].join(', ')}`,
      );
    return new Map(model.inputs.map(({ key }) => [key, arrays.get(key)!]));
  }
  const { all } = await openData(path, model, { data: input, ...(recipe && { recipe }) });
  for await (const { feeds } of all.samples({ limit: 1 })) return feeds;
  throw new UserError('holds no sample', { file: input });
}
