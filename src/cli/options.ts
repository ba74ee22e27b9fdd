import { type Command, InvalidArgumentError, Option } from 'commander';
import { type BackendName, backendNames } from '../runtime/backends.ts';
import type { CompileOptions } from '../runtime/session.ts';

/** What several commands take: each group of options is declared here, once. */
export type ModelOptions = {
  readonly inputs?: readonly string[];
  readonly outputs?: readonly string[];
  readonly signature?: string;
  readonly tags?: readonly string[];
};
export type RecipeOption = { readonly recipe?: string };
export type DataOptions = RecipeOption & { readonly data: string };
export type BackendOption = { readonly backend: BackendName | 'auto'; readonly threads?: number };
export type RoundingOption = Required<Pick<CompileOptions, 'rounding'>>;
export type JsonOption = { readonly json?: boolean };

type Groups = {
  readonly model: ModelOptions;
  readonly recipe: RecipeOption;
  readonly data: DataOptions;
  readonly optionalData: Partial<DataOptions>;
  readonly backend: BackendOption;
  readonly rounding: RoundingOption;
};
type Both<U> = (U extends unknown ? (each: U) => void : never) extends (all: infer All) => void ? All : never;

/** The options of these groups, and of every command. */
export type Shared<K extends keyof Groups> = JsonOption & Both<Groups[K]>;

const list = (text: string): string[] => text.split(',').filter((item) => item !== '');

/** Adds what a list may gather over several uses of an option: `--exclude-op A,B --exclude-op C`. */
export const gather = (text: string, before: readonly string[] = []): string[] => [...before, ...list(text)];

export function wholeNumber(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 1)
    throw new InvalidArgumentError('give a whole number from 1');
  return value;
}

export function positiveNumber(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < Number.POSITIVE_INFINITY)) throw new InvalidArgumentError('give a number above 0');
  return value;
}

export const samplesText = 'how many samples to calibrate with: 100, or 20 on the reference backend';
const dataText = "image folder, TFRecord, CSV, rating files, .npz of arrays, or 'random'";
const recipeText = 'how samples become inputs: a JSON file or a built-in name; found beside the model by itself';

const addRecipe = (command: Command): Command => command.option('--recipe <recipe>', recipeText);

const groups: {
  readonly [K in keyof Groups]: { readonly title: string; readonly add: (command: Command) => Command };
} = {
  data: { title: 'Data:', add: (command) => addRecipe(command.requiredOption('--data <path>', dataText)) },
  optionalData: { title: 'Data:', add: (command) => addRecipe(command.option('--data <path>', dataText)) },
  recipe: { title: 'Data:', add: addRecipe },
  model: {
    title: 'What of the model:',
    add: (command) =>
      command
        .option('--inputs <names>', 'the values that are inputs, where the model has no signature', list)
        .option('--outputs <names>', 'the values that are outputs', list)
        .option('--signature <key>', 'the signature of a SavedModel')
        .option('--tags <tags>', 'the tags of a SavedModel', list),
  },
  backend: {
    title: 'How it is run:',
    add: (command) =>
      command
        .addOption(
          new Option('--backend <name>', 'what runs the model').choices([...backendNames, 'auto']).default('auto'),
        )
        .option('--threads <n>', 'how many threads', wholeNumber),
  },
  rounding: {
    title: 'How it is run:',
    add: (command) =>
      command.addOption(
        new Option(
          '--rounding <as>',
          "how int8 convolutions round: 'tensorflow' gives all of TensorFlow's bytes, slower",
        )
          .choices(['contract', 'tensorflow'])
          .default('contract'),
      ),
  },
};

/** Adds groups of options, under their titles, and what every command has. */
export function shared(command: Command, ...names: readonly (keyof Groups)[]): Command {
  command.option('--json', 'print the result as JSON on stdout');
  for (const name of names) groups[name].add(command.optionsGroup(groups[name].title));
  return command;
}

/** Where a model is written, as every command that writes one says it. */
export const withOutput = (command: Command, what = 'where to write'): Command =>
  command.requiredOption('-o, --output <path>', `${what}: .pb, .pbtxt, or a folder for a SavedModel`);

/** Lines of examples behind the help of a command. */
export const withExamples = (command: Command, ...lines: readonly string[]): Command =>
  command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  octet ${line}`).join('\n')}\n`);
