import { compile } from '../../api/compile.ts';
import type { SavableModel } from '../../api/model.ts';
import { UserError } from '../../base/errors.ts';
import { checkWritable, readBytes, writeWhole } from '../../base/files.ts';
import { formatShape } from '../../base/shape.ts';
import type { Tensor } from '../../base/tensor.ts';
import { fitter } from '../../data/batch.ts';
import { readNpz, writeNpz } from '../../formats/npz.ts';
import type { Feeds } from '../../graph/runner.ts';
import type { AddCommand } from '../command.ts';
import { loadModel, openData, tellFallbacks, threadsOf } from '../inputs.ts';
import { type Shared, shared, withExamples } from '../options.ts';
import { print } from '../output.ts';
import { table } from '../table.ts';

type Options = Shared<'recipe' | 'model' | 'backend' | 'rounding'> & { input: string; output?: string };

export const runCommand: AddCommand = (program, signal) => {
  const command = program
    .command('run <model>')
    .description('runs a model on arrays or on a picture')
    .requiredOption('--input <path>', "an .npz of arrays named after the inputs, a picture, or 'random'")
    .option('--output <path>', 'where to write the outputs (.npz)');
  withExamples(command, 'run model.pb --input cat.jpg', 'run model.int8.pb --input inputs.npz --output outputs.npz');
  shared(command, 'recipe', 'model', 'backend', 'rounding').action(async (path: string, options: Options) => {
    if (options.output !== undefined) await checkOutput(options.output);
    const model = await loadModel(path, options);
    const feeds = await feedsFrom(path, model, options);
    using session = await compile(model, {
      backend: options.backend,
      rounding: options.rounding,
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

async function checkOutput(path: string): Promise<void> {
  if (!path.endsWith('.npz')) throw new UserError('outputs are written as .npz only', { file: path }, 'call it so');
  await checkWritable(path);
}

async function feedsFrom(path: string, model: SavableModel, { input, recipe }: Options): Promise<Feeds> {
  if (input.endsWith('.npz')) {
    const arrays: ReadonlyMap<string, Tensor> = readNpz(await readBytes(input), { file: input });
    const missing = model.inputs.filter(({ key }) => !arrays.has(key));
    const isOnly = arrays.size === 1 && model.inputs.length === 1;
    if (missing.length > 0 && !isOnly)
      throw new UserError(
        `has no array '${missing[0]!.key}'`,
        { file: input },
        `it has ${[...arrays.keys()].join(', ')}`,
      );
    return fitter(model)(isOnly ? arrays : new Map(model.inputs.map(({ key }) => [key, arrays.get(key)!])));
  }
  const { all } = await openData(path, model, { data: input, ...(recipe && { recipe }) });
  for await (const { feeds } of all.samples({ limit: 1 })) return feeds;
  throw new UserError('holds no sample', { file: input });
}
