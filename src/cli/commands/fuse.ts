import { inspect } from '../../api/inspect.ts';
import { evaluateNode, savable } from '../../api/model.ts';
import { UserError } from '../../base/errors.ts';
import { readBytes } from '../../base/files.ts';
import { checkDestination } from '../../formats/index.ts';
import { finish } from '../../quantize/quantize.ts';
import { quantizeGraph } from '../../quantize/quantize-graph.ts';
import { parseRanges } from '../../quantize/ranges.ts';
import { sitesOf } from '../../quantize/sites.ts';
import type { AddCommand } from '../command.ts';
import { loadModel } from '../inputs.ts';
import { type Shared, shared, withExamples, withOutput } from '../options.ts';
import { print } from '../output.ts';
import { copyRecipe } from '../recipe.ts';

type Options = Shared<'model'> & { ranges: string; output: string };

export const fuseCommand: AddCommand = (program, signal) => {
  const command = program
    .command('fuse <model>')
    .description('freezes the ranges of a quantized model and fuses what they allow (figure 1c)')
    .requiredOption('--ranges <path>', 'what octet calibrate wrote, or a calibration log of the original tools');
  withOutput(command);
  withExamples(command, 'fuse b.quantized.pb --ranges ranges.json -o model.int8.pb');
  shared(command, 'model').action(async (path: string, options: Options) => {
    await checkDestination(options.output);
    const model = await loadModel(path, options);
    const ranges = parseRanges(new TextDecoder().decode(await readBytes(options.ranges)), options.ranges);
    const quantized = sitesOf(model.graph).length > 0 ? model : quantizeGraph(model);
    if (sitesOf(quantized.graph).length === 0)
      throw new UserError('has nothing that can be quantized', { file: path }, 'octet inspect says why');
    const result = savable(finish(quantized, ranges, { evaluate: evaluateNode }));
    signal.throwIfAborted();
    await result.save(options.output);
    await copyRecipe(path, options.output);
    const { int8 } = inspect(result);
    print({ output: options.output, int8 }, options, () => `${int8.nodes} ops in int8; wrote ${options.output}`);
  });
};
