import { optimize } from '../../api/optimize.ts';
import { checkDestination } from '../../formats/index.ts';
import type { TraceEntry } from '../../graph/rewrite.ts';
import type { AddCommand } from '../command.ts';
import { gather, type JsonOption, loadModel, type ModelOptions, print, withJson, withModel } from '../options.ts';
import { table } from '../table.ts';

export const optimizeCommand: AddCommand = (program) => {
  const command = program
    .command('optimize <model>')
    .description('strip, fold and fuse in fp32 (figure 1a); freezes SavedModels')
    .requiredOption('-o, --output <path>', 'where to write: .pb, .pbtxt, or a folder for a SavedModel')
    .option('--passes <names>', 'only these passes', gather);
  type Options = ModelOptions & JsonOption & { output: string; passes?: readonly string[] };
  withJson(withModel(command)).action(async (path: string, options: Options) => {
    await checkDestination(options.output);
    const model = await loadModel(path, options);
    const applied = new Map<string, number>();
    const trace = ({ rule }: TraceEntry) => applied.set(rule, (applied.get(rule) ?? 0) + 1);
    const result = optimize(model, { trace, ...(options.passes && { passes: options.passes }) });
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
