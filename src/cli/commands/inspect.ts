import { type Inspection, inspect } from '../../api/inspect.ts';
import { optimize } from '../../api/optimize.ts';
import { formatShape } from '../../base/shape.ts';
import type { AddCommand } from '../command.ts';
import { loadModel } from '../inputs.ts';
import { type Shared, shared, withExamples } from '../options.ts';
import { print } from '../output.ts';
import { megabytes, percent, table } from '../table.ts';

export const inspectCommand: AddCommand = (program) => {
  const command = program
    .command('inspect <model>')
    .description('inputs, outputs, ops, parameters, multiply-adds, what can be int8 and why not')
    .option('--as-is', 'do not optimize the model first');
  withExamples(command, 'inspect model.pb', 'inspect saved_model/ --signature serving_default');
  shared(command, 'model').action(async (path: string, options: Shared<'model'> & { asIs?: boolean }) => {
    const model = await loadModel(path, options);
    const result = inspect(options.asIs ? model : optimize(model));
    print(result, options, () => describe(result));
  });
};

function describe(result: Inspection): string {
  const ends = (title: string, list: Inspection['inputs']) =>
    table([[title, 'type', 'shape'], ...list.map(({ key, dtype, shape }) => [key, dtype, formatShape(shape)])]);
  const share = result.macs === 0 ? 0 : result.int8.macs / result.macs;
  const size = `${result.nodes} nodes · ${result.parameters.toLocaleString('en')} parameters in ${megabytes(result.bytes)} · ${(result.macs / 1e6).toFixed(1)} M multiply-adds`;
  const isQuantized = result.ops.some(({ op }) => op.startsWith('Quantized'));
  const int8 = `${result.int8.nodes} convolutions and matmuls ${isQuantized ? 'are' : 'can be'} int8: ${percent(share)} of the multiply-adds`;
  const fp32 =
    result.fp32.length === 0
      ? ''
      : `\n\n${table([['stays in fp32', 'op', 'because'], ...result.fp32.map(({ node, op, reason }) => [node, op, reason])])}`;
  const ops = table([['op', 'nodes'], ...result.ops.map(({ op, count }) => [op, count])]);
  return [ends('input', result.inputs), ends('output', result.outputs), size, int8 + fp32, ops].join('\n\n');
}
