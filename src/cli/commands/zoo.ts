import { savable } from '../../api/model.ts';
import { UserError } from '../../base/errors.ts';
import { type Architecture, architectures, recipes } from '../../zoo/index.ts';
import type { AddCommand } from '../command.ts';
import { type JsonOption, shared, wholeNumber, withExamples } from '../options.ts';
import { print } from '../output.ts';
import { table } from '../table.ts';

type Options = JsonOption & { output?: string; size?: number; classes?: number; seed?: number };

export const zooCommand: AddCommand = (program) => {
  const command = program
    .command('zoo [network]')
    .description('lists built-in recipes and networks; writes a network with seeded random weights')
    .option('-o, --output <path>', 'where to write the network: .pb, .pbtxt, or a folder for a SavedModel')
    .option('--size <pixels>', 'height and width of its input', wholeNumber)
    .option('--classes <n>', 'how many classes it tells apart', wholeNumber)
    .option('--seed <n>', 'seed of the weights', wholeNumber);
  withExamples(command, 'zoo', 'zoo mobilenet_v2 -o mobilenet.pb --size 128');
  shared(command).action(async (name: string | undefined, options: Options) => {
    if (name === undefined) return list(options);
    const { output, size, classes, seed } = options;
    const architecture = architectureOf(name);
    if (output === undefined) throw new UserError(`nothing says where to write '${name}'`, {}, `add -o ${name}.pb`);
    if (size !== undefined && size < architecture.smallest)
      throw new UserError(
        `${name} needs inputs of ${architecture.smallest} pixels at least`,
        {},
        'give a larger --size',
      );
    const model = savable(
      architecture.build({ ...(size && { size }), ...(classes && { classes }), ...(seed && { seed }) }),
    );
    await model.save(output);
    print({ network: name, output }, options, () => `wrote ${output}: ${architecture.description}, random weights`);
  });
};

/** The network of this name. Throws `UserError` listing those there are. */
export function architectureOf(name: string): Architecture {
  const found = architectures.get(name);
  if (found !== undefined) return found;
  throw new UserError(`there is no network '${name}'`, {}, `choose one of ${[...architectures.keys()].join(', ')}`);
}

function list(options: JsonOption): void {
  const networks = [...architectures.values()].map(({ name, description, size }) => ({ name, description, size }));
  const known = [...recipes.values()].map(({ name, description }) => ({ name, description: description ?? '' }));
  print({ networks, recipes: known }, options, () =>
    [
      table([['network', 'what'], ...networks.map(({ name, description }) => [name, description])]),
      table([['recipe', 'what'], ...known.map(({ name, description }) => [name, description])]),
    ].join('\n\n'),
  );
}
