import { optimize } from '../../api/optimize.ts';
import { checkDestination } from '../../formats/index.ts';
import type { TraceEntry } from '../../graph/rewrite.ts';
import type { AddCommand } from '../command.ts';
import { loadModel } from '../inputs.ts';
import { gather, type Shared, shared, withExamples, withOutput } from '../options.ts';
import { print } from '../output.ts';
import { table } from '../table.ts';

export const optimizeCommand: AddCommand = (program, signal) => {
  const command = program
    .command('optimize <model>')
    .description('strip, fold and fuse in fp32 (figure 1a); freezes SavedModels')
    .option('--passes <names>', 'only these passes', gather);
  withOutput(command);
  type Options = Shared<'model'> & { output: string; passes?: readonly string[] };
  withExamples(command, 'optimize saved_model/ -o model.pb');
  shared(command, 'model').action(async (path: string, options: Options) => {
    await checkDestination(options.output);
    const model = await loadModel(path, options);
    const applied = new Map<string, number>();
    const trace = ({ rule }: TraceEntry) => applied.set(rule, (applied.get(rule) ?? 0) + 1);
    const result = optimize(model, { trace, ...(options.passes && { passes: options.passes }) });
    signal.throwIfAborted();
    await result.save(options.output);
    const summary = {
      output: options.output,
      nodes: { before: model.graph.nodes.size, after: result.graph.nodes.size },
      rules: Object.fromEntries(applied),
    };
    print(summary, options, () => {
      const rules = applied.size === 0 ? '' : `${table([['rule', 'times'], ...applied])}\n\n`;
      return `${rules}${summary.nodes.before} nodes → ${summary.nodes.after}; wrote ${options.output}`;
    });
  });
};
