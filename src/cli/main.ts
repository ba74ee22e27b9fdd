import { createRequire } from 'node:module';
import { Command, CommanderError } from 'commander';
import { messageOf, UserError } from '../base/errors.ts';
import { flag, flags, numberFlag } from '../base/flags.ts';
import { isas, selectIsa } from '../runtime/native/host/isa.ts';
import { commands } from './commands/index.ts';

/** The package's own version; the way to it is the same from src/ and from dist/. */
const { version } = createRequire(import.meta.url)('../../package.json') as { readonly version: string };

/** Exit codes: the user's mistake, ours, and an interruption as shells report it. */
const exitCodes = { user: 2, internal: 1, interrupted: 130 } as const;

const environmentHelp = `\nEnvironment:\n${Object.entries(flags)
  .map(([name, text]) => `  ${name.padEnd(14)} ${text}`)
  .join('\n')}\n`;

/** Runs the command line and gives its exit code. Failures are one line on stderr, with the node or file and the remedy. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('octet')
    .description('Turns a trained fp32 TensorFlow model into an INT8 one and runs it.')
    .version(version, '-V, --version')
    .addHelpText('after', environmentHelp)
    .exitOverride();
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(new Interrupted());
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  for (const add of commands) add(program, interrupt.signal);
  // One line, with the command whose options were meant.
  for (const command of [program, ...program.commands])
    command.exitOverride().configureOutput({
      outputError: (text, write) => write(`octet: ${oneLine(text)} — see ${nameOf(command)} --help\n`),
    });
  try {
    checkFlags();
    await program.parseAsync([...argv]);
    return 0;
  } catch (error) {
    return report(error);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

const nameOf = (command: Command): string => (command.parent ? `octet ${command.name()}` : 'octet');

/** As one line, whatever names from a model's file hold: line ends, or what a terminal would obey. */
const oneLine = (text: string): string =>
  text
    .trim()
    .replace(/^error: /, '')
    .replace(/\s*\n\s*/g, ' ')
    .replace(/\p{Cc}/gu, '\ufffd');

/** Settings that make no sense are told of before anything else: a backend that can't take them would be passed over. */
function checkFlags(): void {
  numberFlag('OCTET_DEBUG', 0);
  numberFlag('OCTET_SEED', 0);
  if (numberFlag('OCTET_THREADS', 1) < 1) throw new UserError('OCTET_THREADS is below 1', {}, 'set it to 1 or more');
  selectIsa(isas);
}

class Interrupted extends Error {
  override readonly message = 'interrupted';
}

function report(error: unknown): number {
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.user;
  console.error(`octet: ${oneLine(messageOf(error))}`);
  if (error instanceof Interrupted) return exitCodes.interrupted;
  if (error instanceof UserError) return exitCodes.user;
  if (flag('OCTET_DEBUG') !== undefined && error instanceof Error) console.error(error.stack);
  else console.error('octet: this is a bug in octet; OCTET_DEBUG=1 shows where');
  return exitCodes.internal;
}
