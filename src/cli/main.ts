import { Command, CommanderError } from 'commander';
import { messageOf, UserError } from '../base/errors.ts';
import { flag, flags } from '../base/flags.ts';
import { commands } from './commands/index.ts';

/** Exit codes: the user's mistake, ours, and an interruption as shells report it. */
export const exitCodes = { user: 2, internal: 1, interrupted: 130 } as const;

const environmentHelp = `\nEnvironment:\n${Object.entries(flags)
  .map(([name, text]) => `  ${name.padEnd(14)} ${text}`)
  .join('\n')}\n`;

/** Runs the command line and gives its exit code. Failures are one line on stderr, with the node or file and the remedy. */
export async function main(argv: readonly string[]): Promise<number> {
  const program = new Command('octet')
    .description(
      'Turns a trained fp32 TensorFlow model into an INT8 one that is as accurate and about four times as fast, and runs it.',
    )
    .showHelpAfterError('(octet --help lists the commands)')
    .addHelpText('after', environmentHelp)
    .exitOverride();
  const interrupt = new AbortController();
  const onSignal = () => interrupt.abort(new Interrupted());
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  for (const add of commands) add(program, interrupt.signal);
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync([...argv]);
    return 0;
  } catch (error) {
    return report(error);
  } finally {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

class Interrupted extends Error {
  override readonly message = 'interrupted';
}

function report(error: unknown): number {
  // Commander has printed its own message.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : exitCodes.user;
  console.error(`octet: ${messageOf(error)}`);
  if (error instanceof Interrupted) return exitCodes.interrupted;
  if (error instanceof UserError) return exitCodes.user;
  if (flag('OCTET_DEBUG') !== undefined && error instanceof Error) console.error(error.stack);
  else console.error('octet: this is a bug in octet; OCTET_DEBUG=1 shows where');
  return exitCodes.internal;
}
